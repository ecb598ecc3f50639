// The end of the log as memory knows it: the latest transactions as bytes with a zxid, decided or not. Learners that are
// a little behind are served from here, and a proposal waits here until it is decided. What lies before `base` is only on
// disk and in the tree.

import { counterOf, epochOf, zxidOf, zxidZero } from '@corral/protocol';
import type { Zxid } from '@corral/protocol';
import type { Entry } from '../effects.ts';

export interface HistoryLimits {
  /** Decided transactions that are kept at least. */
  readonly entries: number;
  /** Decided transactions beyond this many bytes go even so. */
  readonly bytes: number;
}

/** Zxids are dense inside an epoch, and an epoch starts at 1. */
export function follows(zxid: Zxid, last: Zxid): boolean {
  return epochOf(zxid) === epochOf(last) ? zxid === last + 1 : epochOf(zxid) > epochOf(last) && counterOf(zxid) === 1;
}

/** Whether this zxid is the place where an epoch begins, which no transaction has. */
export const isEpochStart = (zxid: Zxid): boolean => counterOf(zxid) === 0;

const compactAt = 1024;
const restMsMin = 1000;
const restMsMax = 30_000;
/** Whoever needed no replacement for so long waits the shortest time again. */
const restForgottenMs = 10 * 60_000;

/** Whether the next leader is asked for its whole state, because this history cannot be cut or continued as a leader wanted. */
export class Replacement {
  isDue = false;
  #restMs = 0;
  #since = -Infinity;

  /** Asks for it; returns the milliseconds to wait before, so that this server neither spins nor floods its leader. */
  ask(now: number): number {
    if (now - this.#since > restForgottenMs) this.#restMs = 0;
    this.#since = now;
    this.isDue = true;
    return (this.#restMs = Math.min(restMsMax, Math.max(restMsMin, this.#restMs * 2)));
  }
}

export class History {
  readonly #limits: HistoryLimits;
  #entries: Entry[] = [];
  #first = 0;
  #bytes = 0;
  /** Zxid right before the first entry that is kept. */
  base: Zxid;
  /** Last transaction that was logged or is on its way to the log. */
  last: Zxid;
  /** Last transaction known to be decided; what is decided stays so, whatever is loaded instead. */
  committed: Zxid = zxidZero;

  constructor(limits: HistoryLimits, base: Zxid = zxidZero) {
    this.#limits = limits;
    this.base = this.last = base;
  }

  get length(): number {
    return this.#entries.length - this.#first;
  }

  /** Entry number `index`, counted from the oldest that is kept. */
  at(index: number): Entry | undefined {
    return index < 0 ? undefined : this.#entries[this.#first + index];
  }

  /** Appends the next transaction. Throws when it does not follow the last one: a hole must never reach a log. */
  append(entry: Entry): void {
    if (!follows(entry.zxid, this.last)) throw new Error(`zxid ${entry.zxid} does not follow ${this.last}`);
    this.#entries.push(entry);
    this.#bytes += entry.payload.length;
    this.last = entry.zxid;
  }

  /** Index of the first entry behind `zxid`; `length` when there is none. */
  indexAfter(zxid: Zxid): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[this.#first + middle].zxid <= zxid) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether a history that ends at `zxid` is a beginning of this one and the rest of it is kept here. */
  continues(zxid: Zxid): boolean {
    if (zxid === this.base) return true;
    const index = this.indexAfter(zxid) - 1;
    return this.at(index)?.zxid === zxid;
  }

  /** Forgets everything behind `zxid`. */
  cut(zxid: Zxid): void {
    const kept = this.indexAfter(zxid);
    for (let i = kept; i < this.length; i++) this.#bytes -= this.at(i)!.payload.length;
    this.#entries.length = this.#first + kept;
    this.last = this.at(kept - 1)?.zxid ?? this.base;
  }

  /** Starts anew behind a snapshot. */
  reset(base: Zxid): void {
    this.#entries = [];
    this.#first = 0;
    this.#bytes = 0;
    this.base = this.last = base;
  }

  /** The defect A20: decided entries go, and nothing says so. */
  forgetUnnoticed(): void {
    const { base } = this;
    if (this.committed === this.last) this.reset(this.last);
    this.base = base;
  }

  /** Forgets old decided entries beyond the limits, but nothing behind `needed`. */
  trim(needed: Zxid): void {
    const { entries, bytes } = this.#limits;
    for (let oldest = this.at(0); oldest !== undefined; oldest = this.at(0)) {
      if (this.length <= entries && this.#bytes <= bytes) break;
      if (oldest.zxid > needed || oldest.zxid > this.committed) break;
      this.base = oldest.zxid;
      this.#bytes -= oldest.payload.length;
      this.#first++;
    }
    if (this.#first < compactAt || this.#first * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }
}

/** The zxid that announces an epoch. */
export const epochStart = (epoch: number): Zxid => zxidOf(epoch, 0);
