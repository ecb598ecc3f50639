// K7: parents are containers. They are made in the same transaction as what they are made for: the server removes an empty
// container that once had children at any moment, and keeps one that never had any for ever. For a single node the client
// does that by itself; here it is for several.

import { ZkError } from '@corral/client';
import type { Acl, AclName, Client, Multi } from '@corral/client';
import { parentOf } from './paths.ts';

/** A time limit, or any other reason to give up: `AbortSignal.timeout(5000)`. */
export interface CallSignal {
  readonly signal?: AbortSignal | undefined;
}
/** Access control list of the nodes that are made; `open` unless given. */
export interface AclOption {
  readonly acl?: AclName | readonly Acl[] | undefined;
}

/** Bad luck with the server's removal of containers does not strike that often in a row; a missing chroot does. */
const roundsMax = 10;

/** Servers before 3.5.3 know no containers; parents are plain nodes there. */
const lacksContainers = (error: unknown): boolean =>
  ZkError.is(error, 'Unimplemented') || ZkError.is(error, 'BadArguments');

/** Commits a transaction that creates nodes in `dir`, with `dir` and its parents where they are missing. */
export async function commitBelowContainers<R extends unknown[]>(
  zk: Client,
  dir: string,
  fill: (tx: Multi) => Multi<R>,
  { acl = 'open', signal }: AclOption & CallSignal = {},
): Promise<R> {
  let mode: 'container' | 'persistent' = 'container';
  let missing: string[] = [];
  for (let round = 1; ; round++) {
    const tx = zk.multi();
    for (const parent of missing) tx.create(parent, '', { mode, acl });
    try {
      const results: unknown[] = await fill(tx).commit({ signal });
      return results.slice(missing.length) as R;
    } catch (error) {
      if (round > roundsMax) throw error;
      if (missing.length > 0 && mode === 'container' && lacksContainers(error)) mode = 'persistent';
      else if (!concernsParents(error, dir, missing)) throw error;
    }
    // Somebody else may have made one of the parents meanwhile, or the server removed one.
    missing = await missingFrom(zk, dir, signal);
  }
}

function concernsParents(error: unknown, dir: string, parents: readonly string[]): boolean {
  if (!ZkError.is(error) || error.path === null) return false;
  if (error.code === 'NodeExists') return parents.includes(error.path);
  return error.code === 'NoNode' && (parents.includes(error.path) || parentOf(error.path) === dir);
}

/** `dir` and its ancestors as far as they do not exist, the topmost first. */
async function missingFrom(zk: Client, dir: string, signal: AbortSignal | undefined): Promise<string[]> {
  const missing: string[] = [];
  for (let path = dir; path !== '/'; path = parentOf(path)) {
    if ((await zk.exists(path, { signal })) !== null) break;
    missing.unshift(path);
  }
  return missing;
}
