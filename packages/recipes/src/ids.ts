// Numbers that nobody else gets: taken from a counter in blocks, one write for each block.

import { kinds } from '@corral/client';
import type { Client } from '@corral/client';
import { Counter } from './counter.ts';
import type { CallSignal } from './kernel/parents.ts';
import { abortable } from './kernel/vigil.ts';
import { checkRecipe, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** Options of `ids`. */
export interface IdOptions {
  /** How many to take at a time; 100 unless given. What a process has not used is lost with it. */
  readonly block?: number | undefined;
  /** The first one ever; 1 unless given. */
  readonly first?: bigint | undefined;
}

const defaultBlock = 100;

const known: Checks<IdOptions> = { block: kinds.count, first: kinds.bigint };

/** Numbers that are given out once. Made by `ids`. */
export class Ids {
  readonly #counter: Counter;
  readonly #block: bigint;
  #next = 0n;
  #end = 0n;
  #fetching: Promise<void> | null = null;

  constructor(zk: Client, path: string, options: IdOptions = {}) {
    checkRecipe('ids', { zk, path, options }, known);
    const { block = defaultBlock, first = 1n } = options;
    this.#counter = new Counter(zk, path, { initial: first });
    this.#block = BigInt(block);
  }

  /** An id that no call anywhere has returned. Ids grow within one process, not over all of them. */
  async next(options: CallSignal = {}): Promise<bigint> {
    const signal = signalOf('next', options);
    while (this.#next === this.#end) {
      // Others may wait for the same block: one who gives up does not take it from them.
      this.#fetching ??= this.#fetch().finally(() => (this.#fetching = null));
      await abortable(this.#fetching, signal);
    }
    return this.#next++;
  }

  async #fetch(): Promise<void> {
    const { before, after } = await this.#counter.add(this.#block);
    this.#next = before;
    this.#end = after;
  }
}

/** Ids from the counter at a path. */
export const ids = (zk: Client, path: string, options: IdOptions = {}): Ids => new Ids(zk, path, options);
