// A counter, changed by compare and set, under a lock when many compete (as Curator's PromotedToLock). Encodings are those
// of Curator's DistributedAtomicLong (int64), its SharedCount (int32) and kazoo's Counter (text).
//
// What it is for: after a lost answer nobody knows whether an addition happened, and adding again may count twice. So every
// write leaves a mark below the counter, in the same transaction; who finds its own there knows.

import { ZkError, checkOptions, kinds } from '@corral/client';
import type { Client, Multi, Stat } from '@corral/client';
import { isAmbiguous, isLostRace } from './errors.ts';
import type { CallSignal } from './kernel/parents.ts';
import { timedOut, whileServed } from './kernel/patience.ts';
import { join } from './kernel/paths.ts';
import { pause } from './kernel/vigil.ts';
import { decodeCounter, encodeCounter } from './counter-format.ts';
import type { CounterFormat } from './counter-format.ts';
import { addMark, decodeMarks, encodeMarks, newMark, wasMade } from './counter-marks.ts';
import type { Mark } from './counter-marks.ts';
import { lock } from './lock.ts';
import type { HeldLock } from './lock.ts';
import { checkRecipe, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** Options of a counter. */
export interface CounterOptions {
  /** `int64` unless given. */
  readonly format?: CounterFormat | undefined;
  /** Value of a counter that does not exist yet; 0 unless given. */
  readonly initial?: bigint | undefined;
  /** Lost races after which the lock is taken; 5 unless given. */
  readonly attempts?: number | undefined;
}

/** What a counter was before a change and is after it. */
export interface Change {
  readonly before: bigint;
  readonly after: bigint;
}

/** A write whose answer was lost. */
interface Doubt {
  readonly mark: Mark;
  /** What it was made on. */
  readonly read: Read;
  readonly change: Change;
  readonly error: unknown;
}

interface Read {
  readonly value: bigint;
  readonly version: number;
  /** Which life of the node this is. */
  readonly czxid: bigint;
  readonly marks: readonly Mark[];
  /** Of the node of the marks; null when it is not there yet. */
  readonly marksVersion: number | null;
}

const defaultAttempts = 5;
const racePauseMs = 10;
/** On the wire it would mean any version. */
const unmatchable = -1;

const known: Checks<CounterOptions> = {
  format: kinds.oneOf('int64', 'int32', 'text'),
  initial: kinds.bigint,
  attempts: kinds.count,
};

/** A counter that all processes share. Made by `counter`. */
export class Counter {
  /** Path of its node. */
  readonly path: string;
  readonly #zk: Client;
  readonly #marks: string;
  readonly #format: CounterFormat;
  readonly #initial: bigint;
  readonly #attempts: number;

  constructor(zk: Client, path: string, options: CounterOptions = {}) {
    checkRecipe('a counter', { zk, path, options }, known);
    this.#zk = zk;
    this.path = path;
    this.#marks = join(path, 'marks');
    this.#format = options.format ?? 'int64';
    this.#initial = options.initial ?? 0n;
    this.#attempts = options.attempts ?? defaultAttempts;
  }

  /** The value now; `initial` when nobody has changed it yet. */
  async value(options: CallSignal = {}): Promise<bigint> {
    const signal = signalOf('value', options);
    const found = await this.#get(this.path, signal);
    return found === null ? this.#initial : decodeCounter(this.#format, found.data, this.path);
  }

  /** Adds exactly once, whatever happens to the connection. */
  async add(amount: bigint, options: CallSignal = {}): Promise<Change> {
    checkOptions('add', { amount }, { amount: kinds.bigint });
    return await this.update((value) => value + amount, options);
  }

  /** Replaces the value by what `next` makes of it; `next` may be asked more than once. */
  async update(next: (value: bigint) => bigint, options: CallSignal = {}): Promise<Change> {
    const signal = signalOf('update', options);
    const doubts: Doubt[] = [];
    try {
      return await whileServed(this.#zk, this.path, signal, (inner) => this.#update(next, doubts, inner));
    } catch (error) {
      // Without an answer to the doubt, nobody knows.
      if (doubts.length > 0 && ZkError.is(error, 'OperationTimeout'))
        throw timedOut(this.#zk, this.path, doubts[0].error);
      throw error;
    }
  }

  async #update(next: (value: bigint) => bigint, doubts: Doubt[], signal: AbortSignal): Promise<Change> {
    for (let lost = 0; lost < this.#attempts; lost++) {
      const change = await this.#attempt(next, doubts, null, signal);
      if (change === 'locked') break;
      if (change !== null) return change;
      await pause(this.#zk, this.#zk.clock.random() * racePauseMs * lost, signal);
    }
    return await lock(this.#zk, join(this.path, 'lock')).run(
      async (held) => {
        for (;;) {
          const change = await this.#attempt(next, doubts, held, signal);
          if (change !== null && change !== 'locked') return change;
        }
      },
      { signal },
    );
  }

  /** One compare and set. Null when it has to be tried again, `locked` when that needs the lock. */
  async #attempt(
    next: (value: bigint) => bigint,
    doubts: Doubt[],
    held: HeldLock | null,
    signal?: AbortSignal,
  ): Promise<Change | 'locked' | null> {
    signal?.throwIfAborted();
    const read = await this.#read(signal);
    const settled = resolveDoubts(doubts, read);
    if (settled !== null) return settled;
    if (read === null) return await this.#create(signal);
    if (read.version === unmatchable && held === null) return 'locked';
    const change = { before: read.value, after: next(read.value) };
    const mark = newMark(read.version);
    try {
      await this.#write(read, change.after, mark, held).commit({ signal });
      return change;
    } catch (error) {
      if (isAmbiguous(error)) {
        if (signal?.aborted === true || ZkError.is(error, 'OperationTimeout')) throw error;
        doubts.push({ mark, read, change, error });
      } else if (!isLostRace(error)) throw error;
      return null;
    }
  }

  /** The number and its mark, if nothing has changed since they were read. */
  #write({ version, marks, marksVersion }: Read, value: bigint, mark: Mark, held: HeldLock | null): Multi<unknown[]> {
    const data = encodeCounter(this.#format, value);
    const more = encodeMarks(addMark(marks, mark));
    const tx = this.#zk.multi().set(this.path, data, version === unmatchable ? {} : { version });
    if (marksVersion === null) tx.create(this.#marks, more);
    else tx.set(this.#marks, more, { version: marksVersion });
    return version === unmatchable ? held!.guard(tx) : tx;
  }

  async #read(signal?: AbortSignal): Promise<Read | null> {
    for (;;) {
      const session = this.#zk.session?.id;
      const [number, marks] = await Promise.all([this.#get(this.path, signal), this.#get(this.#marks, signal)]);
      // Under two sessions, from two servers perhaps, the marks could be older than the number.
      if (session === undefined || session !== this.#zk.session?.id) continue;
      if (number === null) return null;
      return {
        value: decodeCounter(this.#format, number.data, this.path),
        version: number.stat.version,
        czxid: number.stat.czxid,
        marks: marks === null ? [] : decodeMarks(marks.data),
        marksVersion: marks?.stat.version ?? null,
      };
    }
  }

  async #get(path: string, signal?: AbortSignal): Promise<{ readonly data: Uint8Array; readonly stat: Stat } | null> {
    try {
      return await this.#zk.get(path, { signal });
    } catch (error) {
      if (ZkError.is(error, 'NoNode')) return null;
      throw error;
    }
  }

  async #create(signal?: AbortSignal): Promise<null> {
    try {
      const data = encodeCounter(this.#format, this.#initial);
      await this.#zk.create(this.path, data, { parents: 'container', signal });
    } catch (error) {
      signal?.throwIfAborted();
      if (!isAmbiguous(error) && !isLostRace(error)) throw error;
    }
    return null;
  }
}

/** Removes the doubts that the new state answers. Returns the change that turns out to have happened. */
function resolveDoubts(doubts: Doubt[], now: Read | null): Change | null {
  for (const doubt of [...doubts]) {
    if (now?.czxid !== doubt.read.czxid) throw doubt.error;
    // Nothing was written since: it may still be under way, and then whatever we write now makes it fail.
    if (now.version === doubt.read.version) continue;
    const made = wasMade(now.marks, doubt.mark);
    if (made === 'yes') return doubt.change;
    if (made === 'unknown') throw doubt.error;
    doubts.splice(doubts.indexOf(doubt), 1);
  }
  return null;
}

/** The counter at a path. */
export const counter = (zk: Client, path: string, options: CounterOptions = {}): Counter =>
  new Counter(zk, path, options);
