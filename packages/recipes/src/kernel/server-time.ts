// The servers' wall clock, by which delays and limits are measured: clocks of clients differ, and only servers stamp nodes.

import type { Client, Stat } from '@corral/client';

/** An estimate older than this is made again: clocks drift. */
const freshMs = 60_000;

export class ServerTime {
  readonly #zk: Client;
  readonly #stamp: () => Promise<Stat>;
  #seen: { readonly wall: number; readonly at: number } | null = null;

  /** `stamp` writes to a node of the recipe and returns its new stat. */
  constructor(zk: Client, stamp: () => Promise<Stat>) {
    this.#zk = zk;
    this.#stamp = stamp;
  }

  /** Milliseconds since 1970, right to within the time that a write takes. */
  async now(): Promise<number> {
    const { clock } = this.#zk;
    if (this.#seen === null || clock.now() - this.#seen.at > freshMs) {
      const before = clock.now();
      const wall = (await this.#stamp()).mtime.getTime();
      this.#seen = { wall, at: (before + clock.now()) / 2 };
    }
    return this.#seen.wall + (clock.now() - this.#seen.at);
  }
}
