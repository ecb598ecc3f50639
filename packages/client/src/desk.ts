// The calls of the session machine: on their way out, in flight, answered. Knows nothing of connections; session.ts says
// when there is one, and what the desk decides leaves as effects.

import { errorCodes, records, syncConnected } from '@corral/protocol';
import type { Infer, JuteReader, OpName } from '@corral/protocol';
import type { Call, Cancellation } from './call.ts';
import { makeError, serverError, ZkError } from './errors.ts';
import { Outbox } from './outbox.ts';
import type { Rejection } from './outbox.ts';
import type { Effect, SessionOptions } from './session-events.ts';
import { eventNameOf, WatchRegistry } from './watches.ts';
import type { WatchEvent } from './watches.ts';

type ReplyHeader = Infer<typeof records.replyHeader>;

export class Desk {
  readonly watches = new WatchRegistry();
  readonly #options: SessionOptions;
  readonly #effect: (effect: Effect) => void;
  readonly #outbox = new Outbox();
  /** Counts sessions; a pinned call carries the number of its own. */
  #generation = 0;
  #lastZxid = 0n;
  /** An operation that was answered as unknown; whether the server hangs up because of it is not known yet. */
  #unknown: OpName | null = null;
  /** Operations that the servers of this session do not know. */
  readonly #lacking = new Set<OpName>();

  constructor(options: SessionOptions, effect: (effect: Effect) => void) {
    this.#options = options;
    this.#effect = effect;
  }

  get generation(): number {
    return this.#generation;
  }
  get lastZxid(): bigint {
    return this.#lastZxid;
  }
  get counts(): { readonly waiting: number; readonly waitingBytes: number; readonly inFlight: number } {
    const { waiting, waitingBytes, inFlight } = this.#outbox;
    return { waiting, waitingBytes, inFlight };
  }

  // Out

  /** Takes a call in, or rejects it. */
  submit(call: Call, link: 'live' | 'away' | 'closed'): void {
    const { op, path } = call;
    if (link === 'closed') return this.reject(call, makeError('Closing', { op, path }));
    if (call.frame.length - 4 > this.#options.requestBytesMax) {
      const size = `a request of ${call.frame.length - 4} bytes exceeds maxRequestBytes ${this.#options.requestBytesMax}`;
      const message = `${size} (the server's limit is jute.maxbuffer)`;
      return this.reject(call, makeError('TooLarge', { op, path, message }));
    }
    if (call.generation !== null && call.generation !== this.#generation) {
      return this.reject(call, makeError('SessionExpired', { op, path }));
    }
    if (this.#lacking.has(call.op)) return this.reject(call, makeError('Unimplemented', { op, path }));
    if (link === 'away' && !call.patient) {
      const refusal = this.#refusal(call);
      if (refusal !== null) return this.reject(call, refusal);
    }
    this.#outbox.push(call);
  }

  /** Why a call may not wait for a connection, or null. */
  #refusal({ op, path, frame }: Call): ZkError | null {
    const { offlineQueue } = this.#options;
    if (offlineQueue === null) {
      return makeError('ConnectionLoss', {
        op,
        path,
        message: 'there is no connection, and calls do not wait for one',
      });
    }
    const full = (): boolean =>
      this.#outbox.waiting >= offlineQueue.calls || this.#outbox.waitingBytes + frame.length > offlineQueue.bytes;
    if (full()) this.#outbox.prune();
    return full() ? makeError('QueueFull', { op, path }) : null;
  }

  /** The next call to send. None while the server may be about to hang up: nobody would know what became of it. */
  next(now: number): Call | undefined {
    if (this.isInDoubt) return undefined;
    return this.#outbox.takeNext(now);
  }

  /** Whether the server may hang up on an operation that it does not know. */
  get isInDoubt(): boolean {
    return this.#unknown !== null;
  }

  /** The server has gone on behind everything that it was asked before. */
  linkStays(): void {
    this.#unknown = null;
  }

  cancel({ call, plain, ambiguous }: Cancellation): void {
    if (!call.settled) this.reject(call, !call.repeatable && call.xid !== 0 ? ambiguous : plain);
  }

  reject(call: Call, error: unknown): void {
    if (call.settled) return;
    call.settled = true;
    this.#effect({ kind: 'reject', call, error });
  }

  // In

  /** The call whose turn it is to be answered, if this is its number. */
  answered(xid: number): Call | undefined {
    return this.#outbox.answered(xid);
  }

  settle(call: Call, { zxid, err }: ReplyHeader, reader: JuteReader, session: bigint): void {
    this.#saw(zxid);
    if (err === errorCodes.Unimplemented) this.#unknown = call.op;
    if (call.settled) return;
    this.#setWatcher(call, err);
    if (err !== 0) {
      return this.reject(call, serverError(err, { op: call.op, path: call.path, expected: call.expected }));
    }
    call.settled = true;
    try {
      this.#effect({ kind: 'resolve', call, value: call.decode(reader, { zxid, session }) });
    } catch (error) {
      this.#effect({ kind: 'reject', call, error });
      if (!ZkError.is(error)) throw error;
    }
  }

  /** Servers set a data watch on success, and for `exists` on a missing node as well. */
  #setWatcher(call: Call, err: number): void {
    const watcher = call.watcher;
    if (watcher === null) return;
    if (watcher.kind === 'persistent' || watcher.kind === 'persistentRecursive') watcher.armed = err === 0;
    else if (err === 0) {
      if (watcher.kind === 'exists') watcher.kind = 'data';
      this.watches.add(watcher);
    } else if (err === errorCodes.NoNode && watcher.kind === 'exists') this.watches.add(watcher);
  }

  event(reader: JuteReader, zxid: bigint): void {
    const { type, state, path } = records.watcherEvent.read(reader);
    const name = eventNameOf(type);
    if (name === undefined || path === null || state !== syncConnected) return;
    this.#saw(zxid);
    const event: WatchEvent = { type: name, path, zxid: zxid > 0n ? zxid : null };
    for (const watcher of this.watches.take(name, path)) this.#effect({ kind: 'fire', watcher, event });
  }

  /** Servers replay nothing for persistent watches; their owners must look again. */
  reset(): void {
    for (const watcher of this.watches.armedPersistent()) {
      this.#effect({ kind: 'fire', watcher, event: { type: 'reset', path: watcher.path, zxid: null } });
    }
  }

  #saw(zxid: bigint): void {
    if (zxid > this.#lastZxid) this.#lastZxid = zxid;
  }

  // Ends

  linkBroke(cause: Error | null): void {
    // Servers refuse an operation that they have never heard of and hang up. Once in a session is enough.
    if (this.#unknown !== null) this.#lacking.add(this.#unknown);
    this.#unknown = null;
    this.#rejectAll(this.#outbox.linkBroke(cause ?? undefined));
  }

  sessionEnded(): void {
    this.#rejectAll(this.#outbox.sessionEnded(this.#generation));
    this.#generation += 1;
    this.#lacking.clear();
  }

  /** Calls that wait are refused; the ones in flight are still answered. */
  closing(cause: Error | null): void {
    this.#rejectAll(this.#outbox.clearWaiting(({ op, path }) => makeError('Closing', { op, path, cause })));
  }

  closed(cause: Error | null): void {
    this.#rejectAll(this.#outbox.clearInFlight(cause));
    this.closing(cause);
  }

  #rejectAll(rejections: readonly Rejection[]): void {
    for (const { call, error } of rejections) this.reject(call, error);
  }
}
