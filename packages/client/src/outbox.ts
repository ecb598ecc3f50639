// Calls that wait for a connection and calls that wait for an answer, in order. What happens to each of them when the
// link breaks or the session ends is decided here and nowhere else.

import { setXid } from './call.ts';
import type { Call } from './call.ts';
import { makeError } from './errors.ts';
import type { ZkError } from './errors.ts';
import { Fifo } from './fifo.ts';

export interface Rejection {
  readonly call: Call;
  readonly error: ZkError;
}

const xidMax = 0x7fffffff;

export class Outbox {
  readonly #waiting = new Fifo<Call>();
  readonly #inFlight = new Fifo<Call>();
  #waitingBytes = 0;
  #xid = 0;

  /** Calls that have not left. */
  get waiting(): number {
    return this.#waiting.size;
  }
  get waitingBytes(): number {
    return this.#waitingBytes;
  }
  get inFlight(): number {
    return this.#inFlight.size;
  }

  push(call: Call): void {
    this.#waiting.push(call);
    this.#waitingBytes += call.frame.length;
  }

  /** Forgets the waiting calls whose callers gave up. */
  prune(): void {
    this.#wait(this.#waiting.drain().filter((call) => !call.settled));
  }

  /** Gives the next waiting call its xid and moves it to the ones in flight. */
  takeNext(now: number): Call | undefined {
    for (let call = this.#waiting.shift(); call !== undefined; call = this.#waiting.shift()) {
      this.#waitingBytes -= call.frame.length;
      if (call.settled) continue;
      this.#xid = this.#xid === xidMax ? 1 : this.#xid + 1;
      call.xid = this.#xid;
      call.sentAt = now;
      setXid(call.frame, call.xid);
      this.#inFlight.push(call);
      return call;
    }
    return undefined;
  }

  /** The call that this xid answers; undefined when it is not the one whose turn it is. */
  answered(xid: number): Call | undefined {
    return this.#inFlight.peek()?.xid === xid ? this.#inFlight.shift() : undefined;
  }

  /** The link broke: writes that had left fail with an open outcome, reads queue up again in front. */
  linkBroke(cause: unknown): Rejection[] {
    const rejections: Rejection[] = [];
    const again: Call[] = [];
    for (const call of this.#inFlight.drain()) {
      if (call.settled) continue;
      if (call.repeatable) again.push(call);
      else rejections.push({ call, error: loss(call, cause) });
    }
    this.#wait([...again, ...this.#waiting.drain()]);
    return rejections;
  }

  /** The session is over: calls pinned to it that wait for a connection fail, and for certain. */
  sessionEnded(generation: number): Rejection[] {
    const kept: Call[] = [];
    const rejections: Rejection[] = [];
    for (const call of this.#waiting.drain()) {
      if (call.generation !== generation) kept.push(call);
      else rejections.push({ call, error: makeError('SessionExpired', { op: call.op, path: call.path }) });
    }
    this.#wait(kept);
    return rejections;
  }

  /** Everything that has not left fails with the error made for it. */
  clearWaiting(errorOf: (call: Call) => ZkError): Rejection[] {
    this.#waitingBytes = 0;
    return this.#waiting.drain().map((call) => ({ call, error: errorOf(call) }));
  }

  #wait(calls: readonly Call[]): void {
    this.#waiting.replace(calls);
    this.#waitingBytes = calls.reduce((sum, { frame }) => sum + frame.length, 0);
  }

  clearInFlight(cause: unknown): Rejection[] {
    return this.#inFlight.drain().map((call) => ({ call, error: loss(call, cause) }));
  }
}

const loss = (call: Call, cause: unknown): ZkError =>
  makeError('ConnectionLoss', { op: call.op, path: call.path, ambiguous: !call.repeatable, cause });
