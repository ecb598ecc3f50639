// The ACL that nearly every node has: everyone may do everything. One list stands for all of them.

import { perms } from '@corral/protocol';
import type { Acl } from '@corral/protocol';

export const openAcl: readonly Acl[] = [{ perms: perms.all, id: { scheme: 'world', id: 'anyone' } }];

export function isOpen(acl: readonly Acl[]): boolean {
  const [only] = acl;
  return acl.length === 1 && only!.perms === perms.all && only!.id.scheme === 'world' && only!.id.id === 'anyone';
}
