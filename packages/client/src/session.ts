// The session machine: what the client does next, as a pure function of what happened. It owns the session, the calls
// and the watches; it never dials, waits or calls back itself. connection.ts performs its effects.
//
//   idle -> dialing -> greeting -> (authenticating) -> live -> (link broke) -> resting -> dialing ...   any -> closed

import { JuteReader, opcodes, records, xids } from '@corral/protocol';
import { encodeFrame } from './call.ts';
import { Desk } from './desk.ts';
import { makeError, serverError } from './errors.ts';
import { decodeWelcome, encodeGreeting, encodePing, encodeRearm, encodeSasl } from './handshake.ts';
import type { Credential, SessionState } from './handshake.ts';
import { Identities } from './identities.ts';
import type { AddedCredential } from './identities.ts';
import { Liveness } from './liveness.ts';
import type { ClientState, Effect, Input, SessionOptions } from './session-events.ts';
import type { WatchRegistry } from './watches.ts';

type Phase =
  | { readonly kind: 'idle' | 'closed' }
  | { readonly kind: 'dialing' | 'greeting'; readonly link: number; readonly since: number; readonly until: number }
  | {
      readonly kind: 'authenticating';
      readonly link: number;
      readonly readOnly: boolean;
      readonly until: number;
      /** The SASL exchange, if one is asked for, has come to its end. */
      readonly proved: boolean;
    }
  | { readonly kind: 'live'; readonly link: number; readonly since: number; readonly readOnly: boolean }
  | { readonly kind: 'resting'; readonly until: number };

/** A link that breaks sooner than this after its greeting counts as a failed attempt: no tight loops. */
const stableMs = 1000;
/** How late a wake-up must be before a silent server gets the benefit of the doubt. */
const lateMs = 100;
/** How often to look for a server that takes writes while this one only reads: seldom, the longer it takes. */
const probeMsMin = 100;
const probeMsMax = 60_000;
/** How long `close` waits for the server to confirm. */
const closeMs = 1000;
/** closeSession needs no turn of its own among the calls: it is the last one. Servers echo any xid. */
const closeXid = 0;

export class SessionMachine {
  readonly #options: SessionOptions;
  readonly #desk: Desk;
  readonly #identities: Identities;
  readonly #liveness: Liveness;
  #phase: Phase = { kind: 'idle' };
  #state: ClientState = 'connecting';
  #session: SessionState | null = null;
  #previousId: bigint | null = null;
  #links = 0;
  #attempt = 0;
  /** Some server has taken this session for writing. */
  #seenWritable = false;
  #probeAt = Infinity;
  #probeDelay = 0;
  #closingSince: number | null = null;
  #wakeAt = Infinity;
  #effects: Effect[] = [];

  constructor(options: SessionOptions, credentials: readonly Credential[]) {
    this.#options = options;
    this.#identities = new Identities(credentials);
    this.#desk = new Desk(options, (effect) => this.#effects.push(effect));
    this.#liveness = new Liveness(options.sessionTimeoutMs);
  }

  get state(): ClientState {
    return this.#state;
  }
  get watches(): WatchRegistry {
    return this.#desk.watches;
  }
  get session(): SessionState | null {
    return this.#session;
  }
  get lastZxid(): bigint {
    return this.#desk.lastZxid;
  }
  /** Monotonic moment until which the session is known to live, unless a server closed it. */
  get deadline(): number {
    return this.#session === null ? -Infinity : this.#liveness.deadline;
  }
  /** Number of the session that calls made now belong to, also before it has begun. */
  get generation(): number {
    return this.#desk.generation;
  }
  get counts(): Desk['counts'] {
    return this.#desk.counts;
  }
  /** True while this link is the one being dialled: a name that resolves too late opens nothing. */
  awaits(link: number): boolean {
    return this.#phase.kind === 'dialing' && this.#phase.link === link;
  }
  /** Monotonic moment at which a `wake` is due. */
  get wakeAt(): number {
    return this.#wakeAt;
  }

  step(input: Input, now: number): Effect[] {
    this.#effects = [];
    this.#handle(input, now);
    this.#wakeAt = this.#nextWake();
    return this.#effects;
  }

  #handle(input: Input, now: number): void {
    switch (input.kind) {
      case 'start':
        return this.#dial(now);
      case 'opened':
        return this.#opened(input.link, now);
      case 'frame':
        return this.#received(input.link, input.bytes, now);
      case 'oversized':
        return this.#oversized(input, now);
      case 'broken':
        return this.#broken(input.link, input.cause, input.roundFinished, now);
      case 'submit':
        this.#desk.submit(input.call, this.#linkState());
        return this.#flush(now);
      case 'cancel':
        return this.#desk.cancel(input);
      case 'addAuth':
        return this.#addAuth(input.added, now);
      case 'proof':
        return this.#proof(input.link, input.token, now);
      case 'unproved':
        return this.#proving(input.link) ? this.#hangUp(input.link, input.cause) : undefined;
      case 'writableFound':
        return this.#writableFound(now);
      case 'close':
        return this.#close(now);
      case 'wake':
        return this.#wake(now);
      default:
        return unreachable(input);
    }
  }

  // Connecting

  #dial(now: number): void {
    if (this.#state === 'closed') return;
    const link = ++this.#links;
    this.#phase = { kind: 'dialing', link, since: now, until: now + this.#options.attemptTimeoutMs };
    this.#effects.push({ kind: 'dial', link });
  }

  #opened(link: number, now: number): void {
    if (this.#phase.kind !== 'dialing' || this.#phase.link !== link) return;
    this.#phase = { ...this.#phase, kind: 'greeting', since: now };
    const { sessionTimeoutMs, acceptReadOnly } = this.#options;
    // A session that only read-only servers have seen means nothing to the others.
    const session = this.#seenWritable ? this.#session : null;
    const greeting = { lastZxid: this.lastZxid, timeoutMs: sessionTimeoutMs, session, acceptReadOnly };
    this.#send(link, encodeGreeting(greeting), now);
  }

  #welcomed(link: number, since: number, frame: Uint8Array, now: number): void {
    const welcome = decodeWelcome(frame);
    if (welcome.expired) {
      if (this.#session === null) return this.#hangUp(link, new Error('the server refused a new session'));
      this.#effects.push({ kind: 'hangUp', link, cause: null });
      this.#sessionEnded(null, now);
      return this.#dial(now);
    }
    if (this.#session !== null && this.#session.id !== welcome.session.id) this.#sessionEnded(null, now);
    if (this.#state === 'closed') return;
    this.#session = welcome.session;
    if (!welcome.readOnly) this.#seenWritable = true;
    this.#liveness.welcomed(since, welcome.session.timeoutMs);
    const proofs = this.#identities.begin();
    if (proofs.length === 0 && !this.#options.sasl) return this.#goLive(link, welcome.readOnly, now);
    // Calls wait for the verdict: one that overtook a refused identity would run without it.
    const until = now + this.#options.attemptTimeoutMs;
    const proved = !this.#options.sasl;
    this.#phase = { kind: 'authenticating', link, readOnly: welcome.readOnly, until, proved };
    for (const proof of proofs) this.#send(link, proof, now);
    if (!proved) this.#effects.push({ kind: 'challenge', link, challenge: new Uint8Array(0) });
  }

  /** Watches first, then calls: a caller that reads again must not miss what happens after. */
  #goLive(link: number, readOnly: boolean, now: number): void {
    this.#phase = { kind: 'live', link, since: now, readOnly };
    this.#probeDelay = probeMsMin;
    this.#probeAt = readOnly ? now + probeMsMin : Infinity;
    const id = this.#session!.id;
    if (id !== this.#previousId) this.#effects.push({ kind: 'session', old: this.#previousId, new: id });
    this.#previousId = id;
    this.#enter(readOnly ? 'readonly' : 'connected', null);
    for (const frame of encodeRearm(this.watches.rearm(), this.lastZxid)) this.#send(link, frame, now);
    this.#desk.reset();
    this.#flush(now);
  }

  #broken(link: number, cause: Error | null, roundFinished: boolean, now: number): void {
    const phase = this.#phase;
    if (!('link' in phase) || phase.link !== link) return;
    if (this.#closingSince !== null) return this.#closed(null);
    if (phase.kind === 'live') {
      this.#attempt = now - phase.since < stableMs ? this.#attempt + 1 : 0;
      this.#desk.linkBroke(cause);
      this.#enter('suspended', cause);
      return this.#rest(cause, now);
    }
    if (!roundFinished) return this.#dial(now);
    this.#attempt += 1;
    this.#rest(cause, now);
  }

  #rest(cause: Error | null, now: number): void {
    const delay = this.#options.retry(this.#attempt, this.#options.random);
    if (delay === null) return this.#closed(cause ?? new Error('no server left to try'));
    this.#phase = { kind: 'resting', until: now + delay };
    this.#effects.push({ kind: 'reconnecting', attempt: this.#attempt, delay, cause });
  }

  /** The session is gone, by the server's word or by our own clock. */
  #sessionEnded(cause: Error | null, now: number): void {
    this.#session = null;
    this.#seenWritable = false;
    this.#enter('lost', cause);
    this.#desk.sessionEnded();
    if (this.#options.sessionRecovery === 'fail') {
      this.#closed(makeError('SessionExpired', { op: 'connect' }));
    } else if (this.#phase.kind === 'resting') this.#phase = { kind: 'resting', until: now };
  }

  // Frames

  #received(link: number, bytes: Uint8Array, now: number): void {
    const phase = this.#phase;
    if (!('link' in phase) || phase.link !== link || phase.kind === 'dialing') return;
    this.#liveness.heard(now);
    try {
      if (phase.kind === 'greeting') this.#welcomed(link, phase.since, bytes, now);
      else this.#reply(link, bytes, now);
    } catch (thrown) {
      if (thrown instanceof Error) this.#hangUp(link, thrown);
      else throw thrown;
    }
  }

  #reply(link: number, bytes: Uint8Array, now: number): void {
    const reader = new JuteReader(bytes, 0, bytes.length, this.#options.replyBytesMax);
    const header = records.replyHeader.read(reader);
    switch (header.xid) {
      case closeXid:
        return this.#closed(null);
      case xids.watchEvent:
        return this.#desk.event(reader, header.zxid);
      case xids.ping:
        this.#liveness.ponged();
        this.#desk.linkStays();
        return this.#flush(now);
      case xids.auth:
        return this.#authAnswered(header.err, now);
      case xids.setWatches:
        // A server that is older than the last one may not know how. One that cannot watch is of no use.
        if (header.err !== 0) this.#hangUp(link, serverError(header.err, { op: 'setWatches2' }));
        return;
      default:
        break;
    }
    if (this.#phase.kind === 'authenticating') return this.#challenged(link, header.err, reader);
    const call = this.#desk.answered(header.xid);
    if (call === undefined) return this.#hangUp(link, new Error(`the server answered out of turn (xid ${header.xid})`));
    this.#liveness.answered(call.sentAt);
    this.#desk.settle(call, header, reader, this.#session?.id ?? 0n);
    if (this.#desk.isInDoubt) this.#ping(link, now);
  }

  #ping(link: number, now: number): void {
    this.#liveness.pinged(now);
    this.#send(link, encodePing(), now);
  }

  #oversized(input: { link: number; head: Uint8Array; length: number }, now: number): void {
    const { link, head, length } = input;
    if (this.#phase.kind !== 'live' || this.#phase.link !== link) return;
    const xid = new JuteReader(head).int();
    const call = this.#desk.answered(xid);
    const message = `a reply of ${length} bytes exceeds maxReplyBytes ${this.#options.replyBytesMax}`;
    if (call === undefined) return this.#hangUp(link, new Error(message));
    this.#liveness.heard(now);
    this.#liveness.answered(call.sentAt);
    this.#desk.reject(call, makeError('TooLarge', { op: call.op, path: call.path, message }));
  }

  // Calls

  #linkState(): 'live' | 'away' | 'closed' {
    if (this.#state === 'closed' || this.#closingSince !== null) return 'closed';
    return this.#phase.kind === 'live' ? 'live' : 'away';
  }

  #flush(now: number): void {
    if (this.#phase.kind !== 'live') return;
    const { link } = this.#phase;
    for (let call = this.#desk.next(now); call !== undefined; call = this.#desk.next(now)) {
      this.#send(link, call.frame, now);
    }
  }

  // Identities

  #addAuth(added: AddedCredential, now: number): void {
    if (this.#state === 'closed' || this.#closingSince !== null) return this.#settleAuth(added, 'Closing');
    this.#identities.add(added);
    const phase = this.#phase;
    if (phase.kind !== 'live' && phase.kind !== 'authenticating') return;
    this.#send(phase.link, this.#identities.send(added), now);
  }

  #authAnswered(err: number, now: number): void {
    const verdict = this.#identities.answered(err);
    if (verdict === null) return;
    const { credential, refused } = verdict;
    if (!refused) {
      this.#settleAuth(credential, null);
      return this.#proceed(now);
    }
    // The server closes the connection now. A refused newcomer is dropped; when an identity that the application relies
    // on is refused, going on without it would only turn into NoAuth somewhere else.
    if (credential.awaited) {
      this.#identities.forget(credential);
      this.#settleAuth(credential, 'AuthFailed');
    } else this.#closed(makeError('AuthFailed', { op: 'auth', message: `scheme ${credential.scheme} was refused` }));
  }

  /** On to the calls, once every identity is accepted. */
  #proceed(now: number): void {
    const phase = this.#phase;
    if (phase.kind !== 'authenticating' || !phase.proved || this.#identities.pending) return;
    this.#goLive(phase.link, phase.readOnly, now);
  }

  // SASL

  #proving(link: number): boolean {
    return this.#phase.kind === 'authenticating' && this.#phase.link === link && !this.#phase.proved;
  }

  #challenged(link: number, err: number, reader: JuteReader): void {
    if (err !== 0)
      return this.#closed(makeError('AuthFailed', { op: 'sasl', message: 'the server refused the proof' }));
    const { token } = records.saslToken.read(reader);
    // Going on without the identity would only turn into NoAuth somewhere else.
    if (token === null) return this.#hangUp(link, new Error('the server does not know SASL'));
    this.#effects.push({ kind: 'challenge', link, challenge: token.slice() });
  }

  #proof(link: number, token: Uint8Array | null, now: number): void {
    if (!this.#proving(link) || this.#phase.kind !== 'authenticating') return;
    if (token !== null) return this.#send(link, encodeSasl(token), now);
    this.#phase = { ...this.#phase, proved: true };
    this.#proceed(now);
  }

  #settleAuth(added: AddedCredential, code: 'AuthFailed' | 'Closing' | null): void {
    if (!added.awaited) return;
    added.awaited = false;
    const error = code === null ? null : makeError(code, { op: 'auth' });
    this.#effects.push({ kind: 'authSettled', added, error });
  }

  // Time

  #nextWake(): number {
    const phase = this.#phase;
    const expiry = this.#session === null ? Infinity : this.deadline;
    if (this.#closingSince !== null && phase.kind !== 'closed') return this.#closingSince + closeMs;
    switch (phase.kind) {
      case 'idle':
      case 'closed':
        return Infinity;
      case 'dialing':
      case 'greeting':
      case 'authenticating':
      case 'resting':
        return Math.min(phase.until, expiry);
      case 'live':
        return Math.min(this.#liveness.pingAt, this.#liveness.silenceAt, this.#probeAt);
      default:
        return unreachable(phase);
    }
  }

  #wake(now: number): void {
    const phase = this.#phase;
    if (phase.kind === 'closed') return;
    if (this.#closingSince !== null) {
      if (now >= this.#closingSince + closeMs) this.#closed(null);
      return;
    }
    if (phase.kind === 'live') return this.#wakeLive(phase.link, now);
    if (this.#session !== null && now >= this.deadline) {
      this.#sessionEnded(new Error('no server confirmed the session within its timeout'), now);
      // A greeting under way still offers the old session: start over without it.
      if ((phase.kind === 'greeting' || phase.kind === 'authenticating') && this.#phase === phase) {
        this.#effects.push({ kind: 'hangUp', link: phase.link, cause: null });
        return this.#dial(now);
      }
    }
    this.#wakeSearching(now);
  }

  #wakeSearching(now: number): void {
    const phase = this.#phase;
    if (!('until' in phase) || now < phase.until) return;
    if (phase.kind === 'resting') return this.#dial(now);
    const what = phase.kind === 'dialing' ? 'no connection' : `no answer while ${phase.kind}`;
    this.#hangUp(phase.link, new Error(`${what} within ${this.#options.attemptTimeoutMs} ms`));
  }

  #wakeLive(link: number, now: number): void {
    if (now >= this.#liveness.silenceAt) {
      const late = now - this.#wakeAt > lateMs;
      if (!late) return this.#hangUp(link, new Error('the server fell silent'));
      this.#liveness.excuse(now);
    }
    if (now >= this.#probeAt) {
      this.#probeDelay = Math.min(this.#probeDelay * 2, probeMsMax);
      this.#probeAt = now + this.#probeDelay;
      this.#effects.push({ kind: 'probe' });
    }
    if (now >= this.#liveness.pingAt) this.#ping(link, now);
  }

  /** This server only reads; the connection knows where one is that takes writes. */
  #writableFound(now: number): void {
    const phase = this.#phase;
    if (phase.kind !== 'live' || !phase.readOnly || this.#closingSince !== null) return;
    const cause = new Error('a server that takes writes was found');
    this.#effects.push({ kind: 'hangUp', link: phase.link, cause: null });
    this.#desk.linkBroke(cause);
    this.#enter('suspended', cause);
    this.#dial(now);
  }

  /** Leaves a link. The host answers with `broken`, because it knows whether the round is over. */
  #hangUp(link: number, cause: Error): void {
    this.#effects.push({ kind: 'hangUp', link, cause });
  }

  // Ending

  #close(now: number): void {
    if (this.#state === 'closed' || this.#closingSince !== null) return;
    this.#desk.closing(null);
    if (this.#phase.kind !== 'live') return this.#closed(null);
    this.#closingSince = now;
    // closeSession queues behind the calls in flight, so that they are still answered.
    this.#send(
      this.#phase.link,
      encodeFrame(opcodes.closeSession, () => undefined, closeXid),
      now,
    );
  }

  #closed(cause: Error | null): void {
    const phase = this.#phase;
    if (phase.kind === 'closed') return;
    if ('link' in phase) this.#effects.push({ kind: 'hangUp', link: phase.link, cause: null });
    this.#phase = { kind: 'closed' };
    this.#desk.closed(cause);
    for (const credential of this.#identities.all) this.#settleAuth(credential, 'Closing');
    this.#enter('closed', cause);
  }

  #enter(state: ClientState, cause: Error | null): void {
    if (this.#state === state || this.#state === 'closed') return;
    this.#state = state;
    this.#effects.push({ kind: 'state', state, cause });
  }

  #send(link: number, bytes: Uint8Array, now: number): void {
    this.#liveness.sent(now);
    this.#effects.push({ kind: 'send', link, bytes });
  }
}

function unreachable(value: never): never {
  throw new Error(`unhandled case ${JSON.stringify(value)}`);
}
