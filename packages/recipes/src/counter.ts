// A counter, changed by compare and set, under a lock when many compete (as Curator's PromotedToLock). Encodings are those
// of Curator's DistributedAtomicLong (int64), its SharedCount (int32) and kazoo's Counter (text).
//
// What it is for: after a lost answer nobody knows whether an addition happened, and adding again may count twice. Behind
// the number, where Curator does not look, stand the marks of the last additions; who finds its own there knows.

import { ZkError } from '@corral/client';
import type { Client } from '@corral/client';
import { isAmbiguous } from './errors.ts';
import type { CallSignal } from './kernel/parents.ts';
import { join } from './kernel/paths.ts';
import { pause } from './kernel/vigil.ts';
import { decodeCounter, encodeCounter, marksMax } from './counter-format.ts';
import type { CounterFormat } from './counter-format.ts';
import { lock } from './lock.ts';
import type { HeldLock } from './lock.ts';

export interface CounterOptions {
  /** `int64` unless given. `text` has no room for marks: there an addition in doubt fails with `ambiguous`. */
  readonly format?: CounterFormat | undefined;
  /** Value of a counter that does not exist yet; 0 unless given. */
  readonly initial?: bigint | undefined;
  /** Lost races after which the lock is taken; 5 unless given. */
  readonly attempts?: number | undefined;
}

export interface Change {
  readonly before: bigint;
  readonly after: bigint;
}

/** A write whose answer was lost. */
interface Doubt {
  readonly mark: string;
  readonly version: number;
  readonly change: Change;
  readonly error: unknown;
}

interface Read {
  readonly value: bigint;
  /** The newest first; one for each of the last versions. */
  readonly marks: readonly string[];
  readonly version: number;
}

const defaultAttempts = 5;
const racePauseMs = 10;
/** On the wire it would mean any version. */
const unmatchable = -1;

export class Counter {
  readonly path: string;
  readonly #zk: Client;
  readonly #format: CounterFormat;
  readonly #initial: bigint;
  readonly #attempts: number;

  constructor(zk: Client, path: string, options: CounterOptions = {}) {
    this.#zk = zk;
    this.path = path;
    this.#format = options.format ?? 'int64';
    this.#initial = options.initial ?? 0n;
    this.#attempts = options.attempts ?? defaultAttempts;
  }

  async value({ signal }: CallSignal = {}): Promise<bigint> {
    return (await this.#read(signal))?.value ?? this.#initial;
  }

  /** Adds exactly once, whatever happens to the connection. */
  add(amount: bigint, options: CallSignal = {}): Promise<Change> {
    return this.update((value) => value + amount, options);
  }

  /** Replaces the value by what `next` makes of it; `next` may be asked more than once. */
  async update(next: (value: bigint) => bigint, { signal }: CallSignal = {}): Promise<Change> {
    const doubts: Doubt[] = [];
    for (let lost = 0; lost < this.#attempts; lost++) {
      const change = await this.#attempt(next, doubts, null, signal);
      if (change === 'locked') break;
      if (change !== null) return change;
      await pause(this.#zk, this.#zk.clock.random() * racePauseMs * lost, signal);
    }
    return lock(this.#zk, join(this.path, 'lock')).run(
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
    if (read === null) return this.#create(signal);
    if (read.version === unmatchable && held === null) return 'locked';
    const change = { before: read.value, after: next(read.value) };
    const mark = newMark();
    const data = encodeCounter(this.#format, change.after, [mark, ...read.marks].slice(0, marksMax));
    try {
      if (read.version !== unmatchable) await this.#zk.set(this.path, data, { version: read.version, signal });
      else await held!.guard(this.#zk.multi().set(this.path, data)).commit({ signal });
      return change;
    } catch (error) {
      if (isAmbiguous(error)) {
        if (signal?.aborted === true) throw error;
        doubts.push({ mark, version: read.version, change, error });
      } else if (!isLostRace(error)) throw error;
      return null;
    }
  }

  async #read(signal?: AbortSignal): Promise<Read | null> {
    try {
      const { data, stat } = await this.#zk.get(this.path, { signal });
      return { ...decodeCounter(this.#format, data, this.path), version: stat.version };
    } catch (error) {
      if (ZkError.is(error, 'NoNode')) return null;
      throw error;
    }
  }

  async #create(signal?: AbortSignal): Promise<null> {
    try {
      const data = encodeCounter(this.#format, this.#initial, []);
      await this.#zk.create(this.path, data, { parents: 'container', signal });
    } catch (error) {
      signal?.throwIfAborted();
      if (!isAmbiguous(error) && !isLostRace(error)) throw error;
    }
    return null;
  }
}

const raceCodes = ['BadVersion', 'NodeExists', 'NoNode', 'SessionExpired', 'SessionMoved', 'ThrottledOp'] as const;
const isLostRace = (error: unknown): boolean => raceCodes.some((code) => ZkError.is(error, code));

/** Removes the doubts that the new state answers. Returns the change that turns out to have happened. */
function resolveDoubts(doubts: Doubt[], read: Read | null): Change | null {
  for (const doubt of [...doubts]) {
    if (read?.marks.includes(doubt.mark) === true) return doubt.change;
    // Nothing was written since: it may still be under way, and then whatever we write now makes it fail.
    if (read?.version === doubt.version) continue;
    const since = read === null ? Infinity : (read.version - doubt.version) | 0;
    if (read === null || since > read.marks.length || since < 0) throw doubt.error;
    doubts.splice(doubts.indexOf(doubt), 1);
  }
  return null;
}

const newMark = (): string => crypto.randomUUID().replaceAll('-', '').slice(0, 16);

/** The counter at a path. */
export const counter = (zk: Client, path: string, options: CounterOptions = {}): Counter =>
  new Counter(zk, path, options);
