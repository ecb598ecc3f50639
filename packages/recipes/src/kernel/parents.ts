// K7: parents are containers. They are made in the same transaction as what they are made for: the server removes an empty
// container that once had children at any moment, and keeps one that never had any for ever.

import { ZkError } from '@corral/client';
import type { Client, CreateOptions, Created, DataInput } from '@corral/client';
import { parentOf } from './paths.ts';

export interface CallSignal {
  readonly signal?: AbortSignal | undefined;
}

/** Bad luck with the server's removal of containers does not strike that often in a row; a missing chroot does. */
const roundsMax = 10;

/** Servers before 3.5.3 know no containers; parents are plain nodes there. */
const lacksContainers = (error: unknown): boolean =>
  ZkError.is(error, 'Unimplemented') || ZkError.is(error, 'BadArguments');

/** Creates a node and the parents it lacks, all or nothing. */
export async function createBelowContainers(
  zk: Client,
  path: string,
  data: DataInput,
  options: CreateOptions & CallSignal = {},
): Promise<Created> {
  let mode: 'container' | 'persistent' = 'container';
  for (let round = 1; ; round++) {
    try {
      return await zk.create(path, data, options);
    } catch (error) {
      if (!ZkError.is(error, 'NoNode') || round > roundsMax) throw error;
    }
    const missing = await missingParents(zk, path, options);
    try {
      const tx = zk.multi();
      for (const parent of missing) tx.create(parent, '', { mode, acl: options.acl ?? 'open' });
      return (await tx.create(path, data, options).commit({ signal: options.signal })).at(-1) as unknown as Created;
    } catch (error) {
      // Somebody else made one of the parents, or the server removed one: look again.
      if (mode === 'container' && lacksContainers(error)) mode = 'persistent';
      else if (!ZkError.is(error, 'NoNode') && !isParentThere(error, missing)) throw error;
    }
  }
}

const isParentThere = (error: unknown, parents: readonly string[]): boolean =>
  ZkError.is(error, 'NodeExists') && error.path !== null && parents.includes(error.path);

/** Ancestors that do not exist, the topmost first. */
async function missingParents(zk: Client, path: string, { signal }: CallSignal): Promise<string[]> {
  const missing: string[] = [];
  for (let parent = parentOf(path); parent !== '/'; parent = parentOf(parent)) {
    if ((await zk.exists(parent, { signal })) !== null) break;
    missing.unshift(parent);
  }
  return missing;
}
