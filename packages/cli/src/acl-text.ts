// Access lists as people write them: `world:anyone:r,digest:user:hash:cdrwa`, or a name for the usual ones.

import type { Acl, AclName } from '@corral/client';
import { perms } from '@corral/protocol';
import { UsageError } from './exit-codes.ts';

export const aclNames: readonly AclName[] = ['open', 'readOnly', 'creatorAll'];
const letters = { c: perms.create, d: perms.delete, r: perms.read, w: perms.write, a: perms.admin } as const;

const permText = (bits: number): string =>
  Object.entries(letters)
    .filter(([, bit]) => (bits & bit) !== 0)
    .map(([letter]) => letter)
    .join('');

export const aclEntryText = ({ scheme, id, perms: bits }: Acl): string => `${scheme}:${id}:${permText(bits)}`;

export const aclJson = (acl: readonly Acl[]) =>
  acl.map(({ scheme, id, perms: bits }) => ({ scheme, id, perms: permText(bits) }));

export const aclFromJson = (acl: readonly { scheme: string; id: string; perms: string }[]): Acl[] =>
  acl.map(({ scheme, id, perms: text }) => ({ scheme, id, perms: bitsOf(text) }));

export function parseAclText(text: string): AclName | Acl[] {
  const name = aclNames.find((known) => known === text);
  return name ?? text.split(',').map(parseEntry);
}

export function parseEntry(text: string): Acl {
  const [first, last] = [text.indexOf(':'), text.lastIndexOf(':')];
  if (first < 0 || first === last) {
    throw new UsageError(`"${text}" is no access rule: give scheme:id:perms, such as world:anyone:r`);
  }
  const rule = { scheme: text.slice(0, first), id: text.slice(first + 1, last), perms: bitsOf(text.slice(last + 1)) };
  if (!isMasked(rule)) return rule;
  const advice = 'corral acl hash user:password makes the real one';
  throw new UsageError(`"${text}" has the mask of a hash, which fits no password: ${advice}`);
}

/** Whether a server has put `x` in the place of the hash: it shows that only to those who may administrate the node. */
export const isMasked = ({ scheme, id }: Acl): boolean => scheme === 'digest' && /^[^:]*:x$/.test(id);

function bitsOf(text: string): number {
  let bits = 0;
  for (const letter of text) {
    if (!(letter in letters)) throw new UsageError(`"${letter}" is no permission: they are c, d, r, w and a`);
    bits |= letters[letter as keyof typeof letters];
  }
  return bits;
}
