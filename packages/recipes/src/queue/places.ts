// Where a queue keeps things. All of it is made once and stays: a queue is empty now and then, and must not go away then.

import { ZkError } from '@corral/client';
import type { Acl, AclName, Client } from '@corral/client';
import { insist } from '../kernel/insist.ts';
import { commitBelowContainers } from '../kernel/parents.ts';
import type { CallSignal } from '../kernel/parents.ts';
import { join, parentOf } from '../kernel/paths.ts';

export class Places {
  readonly root: string;
  /** One folder unless the queue has shards: a list of children must fit into one answer. */
  readonly items: readonly string[];
  readonly taken: string;
  readonly dead: string;
  readonly keys: string;
  readonly producers: string;

  constructor(root: string, shards: number) {
    this.root = root;
    this.items =
      shards === 1 ? [join(root, 'items')] : Array.from({ length: shards }, (_, n) => join(root, `items-${n}`));
    this.taken = join(root, 'taken');
    this.dead = join(root, 'dead');
    this.keys = join(root, 'keys');
    this.producers = join(root, 'producers');
  }

  /** Makes what is missing. */
  async create(zk: Client, acl: AclName | readonly Acl[], { signal }: CallSignal = {}): Promise<void> {
    const make = async (path: string): Promise<void> => {
      try {
        await insist(
          zk,
          () => commitBelowContainers(zk, parentOf(path), (tx) => tx.create(path, '', { acl }), { acl, signal }),
          signal,
        );
      } catch (error) {
        if (!ZkError.is(error, 'NodeExists')) throw error;
      }
    };
    await make(this.root);
    await Promise.all([...this.items, this.taken, this.dead, this.keys, this.producers].map(make));
  }
}
