// The public shapes of what servers answer, and the way from wire records to them. Bytes are copied here, once: a record
// only lends a view on the frame it came in.

import { decodeText, encodeText, perms, ProtocolError } from '@corral/protocol';
import type { Acl as WireAcl, Stat as WireStat } from '@corral/protocol';

/** Metadata of a node. Zxids and session ids are 64 bits and therefore bigint. */
export interface Stat {
  readonly czxid: bigint;
  readonly mzxid: bigint;
  readonly pzxid: bigint;
  /**
   * Servers before 3.5, and before 3.8.2 for a create in a transaction, answer a create without a Stat: the client knows
   * all of it but the times, which are invalid dates then.
   */
  readonly ctime: Date;
  readonly mtime: Date;
  /** The same moments in milliseconds. */
  readonly ctimeMs: number;
  readonly mtimeMs: number;
  /** Changes of the data. */
  readonly version: number;
  /** Creations and deletions of children. */
  readonly cversion: number;
  /** Changes of the access control list. */
  readonly aversion: number;
  /** Session that the node lives with; 0n for any other node. */
  readonly ephemeralOwner: bigint;
  /** It lives with a session. */
  readonly ephemeral: boolean;
  readonly dataLength: number;
  readonly numChildren: number;
}

/** One entry of an access control list; `perms` is a sum of the bits in `perms`. */
export interface Acl {
  readonly scheme: string;
  readonly id: string;
  readonly perms: number;
}

/** `open`: everybody everything; `readOnly`: everybody reads; `creatorAll`: the identities of this connection. */
export type AclName = 'open' | 'readOnly' | 'creatorAll';

/** A node just made: its path, with the number of a sequential one, and its Stat. */
export interface Created {
  /** The node's path, with the sequence number where there is one. */
  readonly path: string;
  readonly stat: Stat;
}
/** What a read of a node answers. */
export interface Data<T = Uint8Array> {
  readonly data: T;
  /** False for a node that holds null, which reads as empty but is not the same. */
  readonly hasData: boolean;
  readonly stat: Stat;
}
/** What a list of children answers. */
export interface Children {
  /** Names, not paths, in no particular order. */
  readonly children: readonly string[];
  readonly stat: Stat;
}
/** What a read of an access control list answers. */
export interface AclResult {
  readonly acl: readonly Acl[];
  readonly stat: Stat;
}
/** An identity that a server knows a connection by. */
export interface Identity {
  readonly scheme: string;
  readonly user: string;
}
/** What data may be given as: text is sent as UTF-8. */
export type DataInput = Uint8Array | string | null;
/** A version to match; there is no default that matches by accident. */
export type Version = number | 'any';

const namedAcls: Readonly<Record<AclName, readonly Acl[]>> = {
  open: [{ scheme: 'world', id: 'anyone', perms: perms.all }],
  readOnly: [{ scheme: 'world', id: 'anyone', perms: perms.read }],
  creatorAll: [{ scheme: 'auth', id: '', perms: perms.all }],
};

export const toWireAcl = (acl: AclName | readonly Acl[]): WireAcl[] =>
  (typeof acl === 'string' ? namedAcl(acl) : acl).map(({ scheme, id, perms: bits }) => ({
    perms: bits,
    id: { scheme, id },
  }));

function namedAcl(name: AclName): readonly Acl[] {
  if (Object.hasOwn(namedAcls, name)) return namedAcls[name];
  throw new TypeError(`an ACL is a list or one of ${Object.keys(namedAcls).join(', ')}, not ${name}`);
}

export const fromWireAcl = (acl: readonly WireAcl[] | null): Acl[] =>
  (acl ?? []).map(({ perms: bits, id }) => ({ scheme: id.scheme ?? '', id: id.id ?? '', perms: bits }));

/** Also of another realm: test runners give every file its own Uint8Array. */
export const isBytes = (value: unknown): value is Uint8Array =>
  ArrayBuffer.isView(value) && (value as Uint8Array)[Symbol.toStringTag] === 'Uint8Array';

export function toBytes(data: DataInput): Uint8Array | null {
  if (typeof data === 'string') return encodeText(data);
  if (data === null || isBytes(data)) return data;
  throw new TypeError(`data is text, bytes or null, not ${typeof data}`);
}
export const toText = (data: Uint8Array): string => decodeText(data, 0, data.length);

export function sameBytes(a: Uint8Array | null, b: Uint8Array | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}

const anyVersion = -1;
export function toWireVersion(version: Version): number {
  if (version === 'any') return anyVersion;
  if (!Number.isInteger(version)) throw new TypeError(`a version is an integer or 'any', not ${String(version)}`);
  // -1 on the wire would mean "any": whoever read a version of -1 asked for more than that.
  if (version === anyVersion) throw new TypeError("version -1 cannot be matched; say 'any' to match every version");
  return version;
}

export function toStat(wire: WireStat): Stat {
  // Field by field: it is in nearly every answer, and a spread costs several times as much.
  return {
    czxid: wire.czxid,
    mzxid: wire.mzxid,
    pzxid: wire.pzxid,
    ctime: new Date(wire.ctime),
    mtime: new Date(wire.mtime),
    ctimeMs: wire.ctime,
    mtimeMs: wire.mtime,
    version: wire.version,
    cversion: wire.cversion,
    aversion: wire.aversion,
    ephemeralOwner: wire.ephemeralOwner,
    ephemeral: wire.ephemeralOwner !== 0n,
    dataLength: wire.dataLength,
    numChildren: wire.numChildren,
  };
}

export const toData = (data: Uint8Array | null, stat: WireStat): Data => ({
  data: data?.slice() ?? new Uint8Array(0),
  hasData: data !== null,
  stat: toStat(stat),
});

export const toNames = (names: readonly (string | null)[] | null): string[] =>
  (names ?? []).map((name) => present(name, 'a name'));

export function present<T>(value: T | null, what: string): T {
  if (value === null) throw new ProtocolError(`the server left out ${what}`);
  return value;
}
