// Time for servers and clients in a test. Real time is the system's; virtual time stands still until the test moves it,
// and then stops at everything that is due on the way, so that nothing has to be slept for.

import { systemClock } from '@corral/client';
import type { Clock } from '@corral/client';
import { EventQueue } from '@corral/sim';

/** Milliseconds, or a number with its unit: `250ms`, `30s`, `5m`, `1h`, `2d`. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

const unitMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export function milliseconds(duration: Duration): number {
  if (typeof duration === 'number') {
    // A clock moved by NaN never comes to anything that is due.
    if (duration >= 0) return duration;
    throw new TypeError(`${duration}: time passes by a number of ms that is not negative`);
  }
  const found = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(duration);
  if (found === null) throw new TypeError(`${duration}: expected a number of ms, or one with a unit: 250ms, 30s, 1h`);
  return Number(found[1]) * unitMs[found[2] as keyof typeof unitMs];
}

/** What happens next in this process: one task in one turn of the event loop, in the order in which they were asked for. */
export class Turns {
  #waiting = 0;

  get isIdle(): boolean {
    return this.#waiting === 0;
  }

  post(task: () => void | Promise<void>): void {
    this.#waiting++;
    setImmediate(() => {
      this.#waiting--;
      void task();
    });
  }
}

/** What servers need of time. */
export interface Time {
  readonly turns: Turns;
  /** The clock for clients. */
  readonly clients: Clock;
  /** Monotonic milliseconds. */
  now(): number;
  wall(): number;
  /** Housekeeping of a server: after so long, without keeping the process alive. The result cancels it. */
  later(ms: number, task: () => void): () => void;
  /** The servers are gone for good: whoever still waits for them in real time keeps no process alive. */
  end?(): void;
  /** Resolves when `isSo` says so; under virtual time, time passes until then. */
  until(isSo: () => boolean, limitMs: number, what: string): Promise<void>;
}

const lookAgainMs = 1;

export class RealTime implements Time {
  readonly turns = new Turns();
  #isOver = false;
  readonly clients: Clock = {
    ...systemClock,
    after: (ms, callback, process) => systemClock.after(ms, callback, this.#isOver ? 'released' : process),
  };

  now(): number {
    return performance.now();
  }
  wall(): number {
    return Date.now();
  }
  later(ms: number, task: () => void): () => void {
    const timer = setTimeout(task, Math.max(0, ms));
    timer.unref();
    return () => clearTimeout(timer);
  }
  end(): void {
    this.#isOver = true;
  }
  async until(isSo: () => boolean, limitMs: number, what: string): Promise<void> {
    const end = this.now() + limitMs;
    while (!isSo()) {
      if (this.now() > end) throw new Error(`${what}: not within ${limitMs} ms`);
      await new Promise<void>((resolve) => setTimeout(resolve, lookAgainMs));
    }
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** Turns in which nothing happens before everything counts as settled: code under test may wait for a turn or two itself. */
const quietTurns = 3;
const defaultLimit: Duration = '1h';

/** Time that passes when a test says so: for a server, and for all clients that are connected to it with `connect()`. */
export class VirtualClock implements Clock, Time {
  /** For this package. */
  readonly turns = new Turns();
  readonly #queue = new EventQueue();
  readonly #wallAtStart: number;
  /** What the clock shows at least, after a jump. */
  #floor = 0;
  /** Something other than a server's own housekeeping has happened. */
  #isStirred = false;
  #moving: Promise<void> = Promise.resolve();
  #draws = 0;

  /** `startAt`: what the wall clock shows at the beginning; now, unless given. */
  constructor(options: { readonly startAt?: Date } = {}) {
    this.#wallAtStart = (options.startAt ?? new Date()).getTime();
  }

  /** For this package. */
  get clients(): Clock {
    return this;
  }

  /** The time, in milliseconds. */
  now(): number {
    return Math.max(this.#queue.now, this.#floor);
  }

  /** Milliseconds since 1970: what servers write into ctime and mtime. */
  wall(): number {
    return Math.floor(this.#wallAtStart + this.now());
  }

  /** Calls back when so much time has passed; the result takes that back. */
  after(ms: number, callback: () => void): () => void {
    const event = this.#queue.at(this.now() + Math.max(0, ms), () => {
      this.#isStirred = true;
      callback();
    });
    return () => event.cancel();
  }

  /** For this package. */
  later(ms: number, task: () => void): () => void {
    const event = this.#queue.at(this.now() + Math.max(0, ms), task);
    return () => event.cancel();
  }

  /** For this package. */
  soon(callback: () => void): void {
    this.turns.post(callback);
  }

  /** In [0, 1), the same in every run. */
  random(): number {
    this.#draws = (this.#draws + 0x9e3779b9) >>> 0;
    const mixed = Math.imul(this.#draws ^ (this.#draws >>> 16), 0x45d9f3b);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  }

  /** Lets everything happen that needs no time: messages arrive, promises settle. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < quietTurns; quiet = this.turns.isIdle ? quiet + 1 : 0) await turn();
  }

  /** Lets time pass, and everything happen that is due on the way. */
  advance(duration: Duration): Promise<void> {
    return this.#move(async () => {
      const end = this.now() + milliseconds(duration);
      await this.settle();
      while (this.#queue.nextTime <= end) await this.#step();
      this.#floor = Math.max(this.#floor, end);
      await this.settle();
    });
  }

  /** Time passes while this process stands still, as in a long garbage collection: everything that was due is late. */
  jump(duration: Duration): void {
    this.#floor = this.now() + milliseconds(duration);
  }

  /** Lets time pass until a promise is settled, whose result it returns, or until a condition holds. */
  async until<T>(what: Promise<T>, limit?: Duration): Promise<T>;
  async until(isSo: () => boolean, limit?: Duration, name?: string): Promise<void>;
  async until<T>(what: Promise<T> | (() => boolean), limit: Duration = defaultLimit, name?: string): Promise<T | void> {
    if (typeof what === 'function') return this.#until(what, limit, name ?? 'the condition');
    let isSettled = false;
    const settled = (): void => void (isSettled = true);
    what.then(settled, settled);
    await this.#until(() => isSettled, limit, name ?? 'the promise');
    return what;
  }

  #until(isSo: () => boolean, limit: Duration, name: string): Promise<void> {
    return this.#move(async () => {
      const end = this.now() + milliseconds(limit);
      await this.settle();
      while (!isSo()) {
        if (this.#queue.nextTime > end) throw new Error(`${name}: not within ${limit} of virtual time`);
        await this.#step();
      }
    });
  }

  /** One timer, and what comes of it. Nobody waits for a tick that leads to nothing. */
  async #step(): Promise<void> {
    this.#queue.step();
    if (this.#isStirred || !this.turns.isIdle) await this.settle();
    this.#isStirred = false;
  }

  /** One at a time. */
  #move(work: () => Promise<void>): Promise<void> {
    const moved = this.#moving.then(work);
    this.#moving = moved.catch(() => undefined);
    return moved;
  }
}
