// The servers' wall clock, by which delays and limits are measured: clocks of clients differ, and only servers stamp nodes.

import { ZkError } from '@corral/client';
import type { Client, Stat } from '@corral/client';
import { insist } from './insist.ts';
import type { AclOption } from './parents.ts';

/** An estimate older than this is made again: clocks drift. */
const freshMs = 60_000;

interface Seen {
  readonly wall: number;
  /** The client's time before and after the write that `wall` is of. */
  readonly before: number;
  readonly after: number;
}

export class ServerTime {
  readonly #zk: Client;
  readonly #stamp: () => Promise<Stat>;
  #seen: Seen | null = null;

  /** `stamp` writes to a node of the recipe and returns its new stat. */
  constructor(zk: Client, stamp: () => Promise<Stat>) {
    this.#zk = zk;
    this.#stamp = stamp;
  }

  /** By a node that is there for nothing else, and made when it is missing. */
  static at(zk: Client, path: string, options: AclOption): ServerTime {
    return new ServerTime(zk, () => touch(zk, path, options));
  }

  /** Milliseconds since 1970, right to within the time that a write takes. */
  async now(): Promise<number> {
    const { wall, before, after } = await this.#look();
    return wall + (this.#zk.clock.now() - (before + after) / 2);
  }

  /** The same, and never ahead of the servers. */
  async atLeast(): Promise<number> {
    const { wall, after } = await this.#look();
    return wall + (this.#zk.clock.now() - after);
  }

  async #look(): Promise<Seen> {
    const { clock } = this.#zk;
    if (this.#seen === null || clock.now() - this.#seen.after > freshMs) {
      const before = clock.now();
      const wall = (await this.#stamp()).mtime.getTime();
      this.#seen = { wall, before, after: clock.now() };
    }
    return this.#seen;
  }
}

async function touch(zk: Client, path: string, { acl = 'open' }: AclOption): Promise<Stat> {
  for (;;) {
    try {
      return await insist(zk, () => zk.set(path, ''));
    } catch (error) {
      if (!ZkError.is(error, 'NoNode')) throw error;
    }
    try {
      await insist(zk, () => zk.create(path, '', { acl, parents: 'persistent', parentsAcl: acl }));
    } catch (error) {
      if (!ZkError.is(error, 'NodeExists')) throw error;
    }
  }
}
