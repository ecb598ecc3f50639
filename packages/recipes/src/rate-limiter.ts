// A limit that all processes share. The node holds what is left of it and is refilled by the servers' clock; each process
// takes a batch at a time and spends it on its own, so most calls cost nothing.

import { kinds, ZkError } from '@corral/client';
import type { Client } from '@corral/client';
import { ConflictError, isAmbiguous, isLostRace } from './errors.ts';
import type { AclOption, CallSignal } from './kernel/parents.ts';
import { ServerTime } from './kernel/server-time.ts';
import { Vigil } from './kernel/vigil.ts';
import { aclChecks, checkCount, checkRecipe, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** Options of a rate limiter. */
export interface RateLimiterOptions extends AclOption {
  /** How many may be taken within `perMs`, and at most at once. */
  readonly limit: number;
  readonly perMs: number;
  /** How many to take from the node at a time; a tenth of the limit unless given. */
  readonly batch?: number | undefined;
}

interface Bucket {
  readonly tokens: number;
  /** Servers' time that `tokens` is of. */
  readonly at: number;
}

const racePauseMs = 10;

const known: Checks<RateLimiterOptions> = {
  ...aclChecks,
  limit: kinds.positive,
  perMs: kinds.positive,
  batch: kinds.count,
};

/** A limit that all processes share. Made by `rateLimiter`. */
export class RateLimiter implements AsyncDisposable {
  /** Path of its node. */
  readonly path: string;
  readonly #zk: Client;
  readonly #options: RateLimiterOptions;
  readonly #batch: number;
  readonly #time: ServerTime;
  #local = 0;
  #queue: Promise<void> = Promise.resolve();

  constructor(zk: Client, path: string, options: RateLimiterOptions) {
    checkRecipe('a rate limiter', { zk, path, options }, known, ['limit', 'perMs']);
    this.#zk = zk;
    this.path = path;
    this.#options = options;
    this.#batch = Math.max(1, options.batch ?? Math.floor(options.limit / 10));
    this.#time = ServerTime.at(zk, `${path}/clock`, options);
  }

  /** Waits until so many may go. First come, first served within a process. */
  async take(count = 1, options: CallSignal = {}): Promise<void> {
    const signal = signalOf('take', options);
    checkCount('count', count);
    if (count > this.#options.limit) throw new RangeError(`${count} at once is more than the limit`);
    const turn = this.#queue.then(() => this.#take(count, signal));
    this.#queue = turn.catch(() => undefined);
    await turn;
  }

  /** Takes if that is possible now; false otherwise. */
  async tryTake(count = 1, options: CallSignal = {}): Promise<boolean> {
    const signal = signalOf('tryTake', options);
    checkCount('count', count);
    const turn = this.#queue.then(() => this.#fill(count, signal));
    this.#queue = turn.then(
      () => undefined,
      () => undefined,
    );
    if ((await turn) > 0) return false;
    return true;
  }

  /** Gives back what was taken from the node and not used. */
  async close(): Promise<void> {
    await this.#queue;
    const unused = this.#local;
    this.#local = 0;
    if (unused > 0 && this.#zk.state !== 'closed') await this.#change(({ tokens }) => tokens + unused, 'done');
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #take(count: number, signal?: AbortSignal): Promise<void> {
    using vigil = new Vigil(this.#zk, this.path, signal);
    for (;;) {
      const waitMs = await this.#fill(count, vigil.signal);
      if (waitMs === 0) return;
      const cancel = vigil.ringAfter(waitMs);
      await vigil.rung();
      cancel();
    }
  }

  /** Spends from the local bucket, filled from the node if need be. How many milliseconds to wait if that is not enough. */
  async #fill(count: number, signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    const missing = count - this.#local;
    if (missing > 0) {
      let got = 0;
      let left = 0;
      await this.#change(
        (bucket) => {
          got = bucket.tokens < missing ? 0 : Math.min(Math.floor(bucket.tokens), Math.max(missing, this.#batch));
          left = bucket.tokens;
          return bucket.tokens - got;
        },
        'again',
        signal,
      );
      this.#local += got;
      if (got < missing) return Math.max(1, Math.ceil(((missing - left) * this.#options.perMs) / this.#options.limit));
    }
    this.#local -= count;
    return 0;
  }

  /** Compare and set. In doubt, the limit is kept and some of it may go unused: one takes again, and gives back once. */
  async #change(next: (bucket: Bucket) => number, inDoubt: 'again' | 'done', signal?: AbortSignal): Promise<void> {
    for (let round = 0; ; round++) {
      const now = await this.#time.now();
      const read = await this.#read(now, signal);
      const tokens = next(read.bucket);
      if (read.version !== null && tokens === read.bucket.tokens) return;
      const data = JSON.stringify({ tokens: Math.min(tokens, this.#options.limit), at: read.bucket.at });
      try {
        const { acl = 'open' } = this.#options;
        if (read.version !== null) await this.#zk.set(this.path, data, { version: read.version, signal });
        else await this.#zk.create(this.path, data, { acl, parents: 'container', parentsAcl: acl, signal });
        return;
      } catch (error) {
        signal?.throwIfAborted();
        if (ZkError.is(error, 'OperationTimeout')) throw error;
        if (isAmbiguous(error) && inDoubt === 'done') return;
        if (!isAmbiguous(error) && !isLostRace(error)) throw error;
      }
      const pauseMs = this.#zk.clock.random() * racePauseMs * Math.min(round, 10);
      using vigil = new Vigil(this.#zk, this.path, signal);
      vigil.ringAfter(pauseMs);
      await vigil.rung();
    }
  }

  async #read(
    now: number,
    signal?: AbortSignal,
  ): Promise<{ readonly bucket: Bucket; readonly version: number | null }> {
    const { limit, perMs } = this.#options;
    try {
      const { data, stat } = await this.#zk.get(this.path, { signal });
      const text = new TextDecoder().decode(data);
      // The node that only carries the clock was made first: its parent is full.
      if (text === '') return { bucket: { tokens: limit, at: now }, version: stat.version };
      const { tokens, at } = parseBucket(text, this.path);
      const refilled = Math.min(limit, tokens + (Math.max(0, now - at) * limit) / perMs);
      return { bucket: { tokens: refilled, at: Math.max(now, at) }, version: stat.version };
    } catch (error) {
      if (ZkError.is(error, 'NoNode')) return { bucket: { tokens: limit, at: now }, version: null };
      throw error;
    }
  }
}

function parseBucket(text: string, path: string): Bucket {
  try {
    const { tokens, at } = JSON.parse(text) as Partial<Bucket>;
    if (typeof tokens === 'number' && typeof at === 'number') return { tokens, at };
  } catch {
    // Said below.
  }
  throw new ConflictError(`${path} is no rate limiter`);
}

/** The rate limiter at a path. */
export const rateLimiter = (zk: Client, path: string, options: RateLimiterOptions): RateLimiter =>
  new RateLimiter(zk, path, options);
