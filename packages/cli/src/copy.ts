// Reading a part of a tree whole, and writing it somewhere else: the ground of cp, mv, export, import, diff and sync.

import type { Acl, CallOptions, Client, CreateOptions, Data, Stat } from '@corral/client';
import { isEphemeral } from './node-kind.ts';
import { ifThere, inWindows, joined, walk } from './tree.ts';

export interface CopiedNode {
  /** Below the top: '' for the top itself, `/a/b` for others. */
  readonly path: string;
  /** What is read from a server is persistent, as far as it tells; a file may ask for more. */
  readonly type: 'persistent' | 'container' | 'ttl';
  readonly ttl?: number;
  /** Null for a node without data. */
  readonly data: Uint8Array | null;
  readonly acl: readonly Acl[];
  readonly ctime: Date;
  /** When it was read: what has changed since has another one. */
  readonly version: number;
}

export interface Copied {
  readonly nodes: readonly CopiedNode[];
  /** Paths of ephemerals, which belong to somebody's session and are not copied. */
  readonly skipped: readonly string[];
}

export const below = (top: string, path: string): string =>
  top === '/' ? (path === '/' ? '' : path) : path.slice(top.length);
export const placed = (top: string, path: string): string => (path === '' ? top : top === '/' ? path : `${top}${path}`);

export const isWithin = (path: string, top: string): boolean =>
  path === top || path.startsWith(top === '/' ? '/' : `${top}/`);

/** The server's own nodes stay where they are. */
export const isOwn = (path: string): boolean => path === '/zookeeper' || path.startsWith('/zookeeper/');

export async function readNodes(
  client: Client,
  top: string,
  call: CallOptions,
  { recursive = true, onProgress }: { recursive?: boolean; onProgress?: (count: number) => void } = {},
): Promise<Copied> {
  const found: { path: string; stat: Stat }[] = [];
  const skipped: string[] = [];
  for await (const { path, stat } of walk(client, top, call, { maxDepth: recursive ? Infinity : 0 })) {
    if (isEphemeral(stat)) skipped.push(path);
    else if (top !== '/' || !isOwn(path)) found.push({ path, stat });
  }
  let count = 0;
  const nodes = await inWindows(found, async ({ path }) => {
    const [data, acl] = await Promise.all([ifThere(client.get(path, call)), ifThere(client.getAcl(path, call))]);
    onProgress?.(++count);
    return data === null || acl === null ? null : copied(below(top, path), data, acl.acl);
  });
  return { nodes: nodes.filter((node) => node !== null), skipped };
}

function copied(path: string, read: Data, acl: readonly Acl[]): CopiedNode {
  const { data, hasData, stat } = read;
  return { path, type: 'persistent', data: hasData ? data : null, acl, ctime: stat.ctime, version: stat.version };
}

export function createOptionsOf({ type, ttl, acl }: Pick<CopiedNode, 'type' | 'ttl' | 'acl'>): CreateOptions {
  return type === 'ttl' ? { mode: 'ttl', ttl: ttl ?? 1, acl } : { mode: type, acl };
}

/** All missing parents of a path, as persistent nodes. */
export async function createParents(client: Client, path: string, call: CallOptions): Promise<void> {
  let parent = '/';
  for (const name of path.split('/').slice(1, -1)) {
    parent = joined(parent, name);
    if ((await client.exists(parent, call)) !== null) continue;
    await client.create(parent, '', { ...call }).catch((error: unknown) => {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'NodeExists') throw error;
    });
  }
}
