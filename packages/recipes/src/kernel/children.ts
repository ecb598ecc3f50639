// The children of a node that may not be there: to a recipe both mean that nobody has come yet.

import { ZkError } from '@corral/client';
import type { Client } from '@corral/client';

/** Names, in no order; none when the node is not there. */
export async function namesIn(zk: Client, dir: string, signal?: AbortSignal): Promise<readonly string[]> {
  try {
    return (await zk.children(dir, { signal })).children;
  } catch (error) {
    if (ZkError.is(error, 'NoNode')) return [];
    throw error;
  }
}
