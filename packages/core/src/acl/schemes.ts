// The table of authentication schemes: what an id must look like in an ACL, whom it matches, and what an auth packet has
// to prove. A scheme that is not in the table does not exist; adding one is adding a row.

import { decodeText } from '@corral/protocol';
import { base64 } from './base64.ts';
import { IpRanges, inRange, parseRange } from './ip-address.ts';

/** Who a connection is, one of several. */
export interface Identity {
  readonly scheme: string;
  readonly id: string;
}

export interface AuthContext {
  /** Literal address of the client. */
  readonly address: string;
}

/** Permission bits that a list gives to an identity. */
export type Grants = (identity: string) => number;

export interface Grant {
  /** What the entry names. */
  readonly id: string;
  readonly perms: number;
}

export interface Scheme {
  /** Counts for `auth` entries of an ACL. */
  readonly authenticated: boolean;
  isValidId(id: string): boolean;
  /** Whether ids are names, which match when they are equal. */
  readonly isByName: boolean;
  matches(identity: string, aclId: string): boolean;
  /** A long list, prepared so that asking takes no longer than for a short one: agrees with `matches`. */
  grants(list: readonly Grant[]): Grants;
  /** Identities that a credential proves, or undefined when it proves nothing. */
  authenticate(credential: Uint8Array | null, context: AuthContext): readonly Identity[] | undefined;
  /** What whoAmI shows. */
  userName(identity: string): string;
}

export type Digester = (bytes: Uint8Array) => Uint8Array;

export interface SchemeOptions {
  readonly digestEnabled: boolean;
  /** Hash of the digest scheme (SHA-1 unless configured). */
  readonly digest: Digester;
  /** `super:hash` whose owner passes every check; undefined when there is none. */
  readonly superDigest: string | undefined;
}

export const superIdentity: Identity = { scheme: 'super', id: '' };

const ipScheme: Scheme = {
  authenticated: false,
  isByName: false,
  isValidId: (id) => parseRange(id) !== undefined,
  matches: (identity, aclId) => inRange(identity, aclId),
  grants: (list) => {
    const ranges = new IpRanges();
    for (const { id, perms } of list) ranges.add(id, perms);
    return (identity) => ranges.permsOf(identity);
  },
  authenticate: () => [],
  userName: (identity) => identity,
};

/** Whether `a:b` has two parts the way Java splits: empty parts at the end do not count. */
function hasTwoParts(id: string): boolean {
  let end = id.length;
  while (end > 0 && id[end - 1] === ':') end--;
  const first = id.indexOf(':');
  if (first < 0 || first >= end) return false;
  const second = id.indexOf(':', first + 1);
  return second < 0 || second >= end;
}

/** For schemes whose ids are names: equal or not. */
function byName(list: readonly Grant[]): Grants {
  const permsById = new Map<string, number>();
  for (const { id, perms } of list) permsById.set(id, (permsById.get(id) ?? 0) | perms);
  return (identity) => permsById.get(identity) ?? 0;
}

function digestScheme(options: SchemeOptions): Scheme {
  return {
    authenticated: true,
    isByName: true,
    isValidId: hasTwoParts,
    matches: (identity, aclId) => identity === aclId,
    grants: byName,
    authenticate(credential) {
      if (credential === null) return undefined;
      const text = decodeText(credential, 0, credential.length);
      const user = text.split(':', 1)[0];
      const id = `${user}:${base64(options.digest(credential))}`;
      const own = { scheme: 'digest', id };
      return id === options.superDigest ? [superIdentity, own] : [own];
    },
    userName: (identity) => identity.split(':', 1)[0],
  };
}

export type SchemeTable = ReadonlyMap<string, Scheme>;

export function makeSchemes(options: SchemeOptions): SchemeTable {
  const table = new Map<string, Scheme>([['ip', ipScheme]]);
  if (options.digestEnabled) table.set('digest', digestScheme(options));
  return table;
}
