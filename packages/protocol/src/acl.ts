// The ACL that nearly every node has: everyone may do everything. One list stands for all of them.

import { perms } from './ops.ts';
import type { Acl } from './records.ts';

export const openAcl: readonly Acl[] = [{ perms: perms.all, id: { scheme: 'world', id: 'anyone' } }];

export function isOpenAcl(acl: readonly Acl[]): boolean {
  const [only] = acl;
  return acl.length === 1 && only.perms === perms.all && only.id.scheme === 'world' && only.id.id === 'anyone';
}
