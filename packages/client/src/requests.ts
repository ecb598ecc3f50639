// From a client method to a call: one function per operation, used alone and inside multi.

import { createModes } from '@corral/protocol';
import type { CreateMode } from '@corral/protocol';
import { makeCall } from './call.ts';
import type { Answer, CallSpec } from './call.ts';
import { present, toBytes, toStat, toWireAcl, toWireVersion } from './results.ts';
import type { Acl, AclName, Created, DataInput, Version } from './results.ts';
import type { Root } from './root.ts';

/** Options of a create, alone and in a multi. */
export type CreateOptions = {
  /** `open` unless given. */
  readonly acl?: AclName | readonly Acl[];
} & (
  | { readonly mode?: Exclude<CreateMode, 'ttl' | 'sequentialTtl'> }
  /** `ttl`: milliseconds without change or children after which the server deletes the node. */
  | { readonly mode: 'ttl' | 'sequentialTtl'; readonly ttl: number }
);

/** The version that a write expects. */
export interface VersionOptions {
  /** `any` unless given. */
  readonly version?: Version;
}

const sequentialModes: ReadonlySet<CreateMode> = new Set<CreateMode>([
  'persistentSequential',
  'ephemeralSequential',
  'sequentialTtl',
]);

export const isSequential = ({ mode }: CreateOptions): boolean => mode !== undefined && sequentialModes.has(mode);

/** The create operation of a mode and its request record. */
export function createRequest(root: Root, path: string, data: DataInput, options: CreateOptions) {
  const mode = options.mode ?? 'persistent';
  // Without types, a mode that is written as in another client would quietly make a persistent node.
  if (!Object.hasOwn(createModes, mode)) {
    throw new TypeError(`a mode is one of ${Object.keys(createModes).join(', ')}, not ${mode}`);
  }
  const request = {
    path: root.full(path, isSequential(options)),
    data: toBytes(data),
    acl: toWireAcl(options.acl ?? 'open'),
    flags: createModes[mode],
  };
  if (options.mode === 'ttl' || options.mode === 'sequentialTtl') {
    return { op: 'createTTL', request: { ...request, ttl: checkedTtl(options.ttl) } } as const;
  }
  if ((options as { readonly ttl?: unknown }).ttl !== undefined) {
    throw new TypeError("a node with a ttl has the mode 'ttl' or 'sequentialTtl'");
  }
  return { op: mode === 'container' ? 'createContainer' : 'create2', request } as const;
}

function checkedTtl(ttl: number): number {
  if (Number.isInteger(ttl) && ttl > 0) return ttl;
  throw new TypeError(`a TTL is a positive number of milliseconds, not ${String(ttl)}`);
}

export function createCall(root: Root, path: string, data: DataInput, options: CreateOptions): CallSpec<Created> {
  const made = createRequest(root, path, data, options);
  const map = (answer: Parameters<typeof toCreated>[1]): Created => toCreated(root, answer);
  return made.op === 'createTTL'
    ? makeCall('createTTL', { request: made.request, path, map })
    : makeCall(made.op, { request: made.request, path, map });
}

/** The create of servers before 3.5, for the modes they know; null for the others. */
export function plainCreateCall(root: Root, path: string, data: DataInput, options: CreateOptions) {
  const made = createRequest(root, path, data, options);
  if (made.op !== 'create2') return null;
  const { request } = made;
  return makeCall('create', { request, path, map: ({ path: full }, answer) => toBorn(root, full, request, answer) });
}

/** A node just made, from what the client knows of it. */
export function toBorn(
  root: Root,
  path: string | null,
  { data, flags }: { readonly data: Uint8Array | null; readonly flags: number },
  { zxid, session }: Answer,
): Created {
  const ephemeral = flags === createModes.ephemeral || flags === createModes.ephemeralSequential;
  const stat = toStat({
    ...{ czxid: zxid, mzxid: zxid, pzxid: zxid, ctime: NaN, mtime: NaN, version: 0, cversion: 0, aversion: 0 },
    ...{ ephemeralOwner: ephemeral ? session : 0n, dataLength: data?.length ?? 0, numChildren: 0 },
  });
  return { path: root.local(present(path, 'the path')), stat };
}

export function toCreated(root: Root, answer: { path: string | null; stat: Parameters<typeof toStat>[0] }): Created {
  return { path: root.local(present(answer.path, 'the path')), stat: toStat(answer.stat) };
}

export const setRequest = (root: Root, path: string, data: DataInput, options: VersionOptions) => ({
  path: root.full(path),
  data: toBytes(data),
  version: toWireVersion(options.version ?? 'any'),
});

export const versionRequest = (root: Root, path: string, version: Version) => ({
  path: root.full(path),
  version: toWireVersion(version),
});
