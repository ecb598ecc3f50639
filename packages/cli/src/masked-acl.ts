// Servers show the access list of a node to whoever may read it, but the hash of a digest only to those who may administrate
// it: `bob:x` stands in its place. Written into a copy, that would be the rule for a user nobody is, and the owner would be
// locked out of the copy for good. So lists with a mask are never written.

import type { Acl } from '@corral/client';
import { perms } from '@corral/protocol';
import { aclEntryText, isMasked } from './acl-text.ts';
import { placed } from './copy.ts';
import type { CopiedNode } from './copy.ts';
import { CodedError } from './exit-codes.ts';

const shownMax = 10;
const openAcl: readonly Acl[] = [{ scheme: 'world', id: 'anyone', perms: perms.all }];

const hasMask = (acl: readonly Acl[]): boolean => acl.some(isMasked);

const masked = (rule: Acl): Acl => (rule.scheme === 'digest' ? { ...rule, id: rule.id.replace(/:.*/s, ':x') } : rule);

const keyOf = (acl: readonly Acl[]): string => acl.map(aclEntryText).toSorted().join(',');

/** Whether two lists are the same; null when a mask hides that. */
export function isSameAcl(a: readonly Acl[], b: readonly Acl[]): boolean | null {
  if (!hasMask(a) && !hasMask(b)) return keyOf(a) === keyOf(b);
  return keyOf(a.map(masked)) === keyOf(b.map(masked)) ? null : false;
}

export const noAclHelp = 'leave the access lists out: the copies are open to everybody';

/**
 * The nodes with access lists that may be written: their own, or with `acl: false` the open one.
 *
 * @throws CodedError when a list is masked; it names the nodes, before anything is written.
 */
export function writable<N extends CopiedNode>(
  nodes: readonly N[],
  top: string,
  { acl }: { acl: boolean },
): readonly N[] {
  if (!acl) return nodes.map((node) => ({ ...node, acl: openAcl }));
  const hidden = nodes.filter((node) => hasMask(node.acl)).map(({ path }) => placed(top, path));
  if (hidden.length === 0) return nodes;
  const more = hidden.length > shownMax ? `\n  and ${hidden.length - shownMax} more` : '';
  throw new CodedError(
    'NoAuth',
    `the access lists of these nodes came with masked hashes; a copy would lock their owners out:\n  ` +
      `${hidden.slice(0, shownMax).join('\n  ')}${more}\n` +
      `give --auth of somebody who may administrate them, or leave access lists out with --no-acl`,
  );
}
