// Performs what the session machine asks for: dials, writes, sets the one timer, settles promises and calls listeners.
// Everything that can fail or wait is here; everything that decides is in session.ts.

import { xids } from '@corral/protocol';
import { onAbort } from './abort.ts';
import { newCall } from './call.ts';
import type { Call, CallSpec } from './call.ts';
import { checkLimit } from './check-options.ts';
import type { Clock } from './clock.ts';
import { deferred } from './deferred.ts';
import type { Deferred } from './deferred.ts';
import { makeError, withCallersStack } from './errors.ts';
import type { AttemptFailure } from './errors.ts';
import { FrameSplitter } from './frames.ts';
import type { Frame } from './frames.ts';
import { guarded } from './guarded.ts';
import type { Credential } from './handshake.ts';
import { HostRound } from './hosts.ts';
import type { HostSource } from './hosts.ts';
import { takesWrites } from './probe.ts';
import type { SaslExchange, SaslMechanism } from './sasl/mechanism.ts';
import type { AddedCredential } from './identities.ts';
import type { ClientState, Effect, Input, SessionOptions } from './session-events.ts';
import { SessionMachine } from './session.ts';
import type { Tracer } from './tracing.ts';
import type { Link, Target, Transport } from './transport.ts';
import type { WatchEvent, Watcher } from './watches.ts';

/** Options of every call. */
export interface CallOptions {
  /** Gives up when it aborts. A watch set by the call goes with it. */
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds to wait for the answer, `Infinity` for no limit; by default the client's `callTimeout`. */
  readonly timeout?: number | undefined;
  /**
   * The session to run under: its id, or `false` for whichever there is. When that session is over the call fails instead
   * of running under the next. Unless given, a write runs under the session it was made under and a read under any.
   */
  readonly pin?: false | bigint | undefined;
}

/** What operations made of several calls need besides. */
export interface SubmitOptions extends CallOptions {
  /** Result of `generationOf`; wins over `pin`. */
  readonly generation?: number | null | undefined;
  readonly patient?: boolean | undefined;
}

/** Matches no session. */
const noGeneration = -1;

/** What a client has done, and has to do. */
export interface ConnectionStats {
  /** Watches set by this client, persistent and one-shot. */
  readonly watches: number;
  /** Calls that wait for a connection, and their bytes. */
  readonly waiting: number;
  readonly waitingBytes: number;
  /** Calls that wait for their answer. */
  readonly inFlight: number;
  /** Times that a server has taken the session. */
  readonly connections: number;
  /** Calls made so far. */
  readonly requests: number;
}

export interface ConnectionListeners {
  state(state: ClientState, cause: Error | null): void;
  session(old: bigint | null, current: bigint): void;
  reconnecting(next: { readonly attempt: number; readonly delay: number; readonly cause: Error | null }): void;
}

interface OpenLink {
  readonly number: number;
  readonly target: Target;
  readonly splitter: FrameSplitter;
  link: Link | null;
  exchange: SaslExchange | null;
  /** Settles when a server has taken the session, or the link ends before. */
  readonly verdict: Deferred<void>;
}

export class Connection {
  readonly machine: SessionMachine;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #hosts: HostRound;
  /** The servers asked whether they take writes. */
  readonly #probed: HostRound;
  readonly #tracer: Tracer;
  readonly #sasl: SaslMechanism | null;
  readonly #attemptTimeoutMs: number;
  readonly #listeners: ConnectionListeners;
  readonly #replyBytesMax: number;
  readonly #auths = new Map<AddedCredential, Deferred<void>>();
  readonly #inputs: Input[] = [];
  #stepping = false;
  #open: OpenLink | null = null;
  /** Frames that wait for the next turn of the event loop, see #drain. */
  #inbox: Frame[] = [];
  #drainPlanned = false;
  #settledThisTurn = false;
  #cancelTimer: () => void = () => undefined;
  #timerAt = Infinity;
  #cause: Error | null = null;
  #connections = 0;
  #requests = 0;
  #idleWaiters: (() => void)[] = [];
  /** What the client does to the process: keeps it alive, or lets it end. */
  #held: 'held' | 'released' = 'held';

  constructor(parts: {
    readonly transport: Transport;
    readonly clock: Clock;
    readonly tracer: Tracer;
    readonly hosts: HostSource;
    readonly sasl: SaslMechanism | null;
    readonly options: SessionOptions;
    readonly credentials: readonly Credential[];
    readonly listeners: ConnectionListeners;
  }) {
    this.#transport = parts.transport;
    this.#clock = parts.clock;
    this.#listeners = parts.listeners;
    this.#replyBytesMax = parts.options.replyBytesMax;
    this.#tracer = parts.tracer;
    this.#sasl = parts.sasl;
    this.#attemptTimeoutMs = parts.options.attemptTimeoutMs;
    this.#hosts = new HostRound(parts.hosts, parts.transport, () => parts.clock.random());
    this.#probed = new HostRound(parts.hosts, parts.transport, () => parts.clock.random());
    this.machine = new SessionMachine(parts.options, parts.credentials);
  }

  /** Why the client closed by itself, if it did. */
  get cause(): Error | null {
    return this.#cause;
  }

  failures(): AttemptFailure[] {
    return this.#hosts.failures();
  }

  start(): void {
    this.#step({ kind: 'start' });
  }

  close(): void {
    this.#step({ kind: 'close' });
  }

  /** Sends a call and waits for its answer, its time limit or the caller's change of mind. */
  async submit<T>(spec: CallSpec<T>, options: SubmitOptions): Promise<T> {
    const { op, path } = spec;
    const session = this.machine.session?.id ?? null;
    try {
      return await this.#tracer.request({ op, path, session }, () => this.#submit(spec, options));
    } catch (error) {
      // The reason of a signal is its owner's.
      throw error === options.signal?.reason ? error : withCallersStack(error);
    }
  }

  #submit<T>(spec: CallSpec<T>, options: SubmitOptions): Promise<T> {
    this.#requests += 1;
    const { signal, timeout } = options;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    if (timeout !== undefined) checkLimit('timeout', timeout);
    const generation = this.generationOf(options, spec.repeatable ? null : this.machine.generation);
    let call!: Call<T>;
    const promise = new Promise<T>((resolve, reject) => {
      call = newCall<T>(spec, { generation, patient: options.patient ?? false, resolve, reject });
    });
    this.#step({ kind: 'submit', call });
    const isLimited = timeout !== undefined && timeout !== Infinity;
    if (call.settled || (signal === undefined && !isLimited)) return promise;
    this.#limit(call, options, promise);
    return promise;
  }

  /** Gives a call up when its time is over or its caller changes his mind. */
  #limit(call: Call, { signal, timeout }: CallOptions, promise: Promise<unknown>): void {
    const details = { op: call.op, path: call.path };
    const cancelTimer =
      timeout === undefined || timeout === Infinity
        ? undefined
        : this.#clock.after(
            timeout,
            () => {
              const message = `no server answered within ${timeout} ms`;
              const plain = makeError('OperationTimeout', { ...details, message });
              const ambiguous = makeError('OperationTimeout', { ...details, message, ambiguous: true });
              this.#step({ kind: 'cancel', call, plain, ambiguous });
            },
            this.#held,
          );
    const forget = onAbort(signal, () => {
      const ambiguous = makeError('Aborted', { ...details, ambiguous: true, cause: signal?.reason });
      this.#step({ kind: 'cancel', call, plain: signal?.reason, ambiguous });
    });
    const cleanUp = (): void => {
      cancelTimer?.();
      forget();
    };
    promise.then(cleanUp, cleanUp);
  }

  get stats(): ConnectionStats {
    const { counts, watches } = this.machine;
    return { watches: watches.size, ...counts, connections: this.#connections, requests: this.#requests };
  }

  unref(): void {
    this.#held = 'released';
    this.#open?.link?.unref?.();
    this.#timerAt = Infinity;
    this.#setTimer();
  }

  /** Resolves when no call is under way. */
  async idle(): Promise<void> {
    while (this.#busy) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve));
  }

  get #busy(): boolean {
    const { waiting, inFlight } = this.machine.counts;
    return waiting > 0 || inFlight > 0;
  }

  /** Number of the session that a call with these options belongs to, null for any; `otherwise` when they do not say. */
  generationOf({ pin, generation }: SubmitOptions, otherwise: number | null = this.machine.generation): number | null {
    if (generation !== undefined) return generation;
    if (pin === undefined) return otherwise;
    if (pin === false) return null;
    return pin === this.machine.session?.id ? this.machine.generation : noGeneration;
  }

  addAuth(credential: Credential): Promise<void> {
    const added: AddedCredential = { ...credential, awaited: true };
    const verdict = deferred<void>();
    this.#auths.set(added, verdict);
    this.#step({ kind: 'addAuth', added });
    return verdict.promise;
  }

  /**
   * Inputs that come up while effects are being performed (a listener that calls the client, a link that breaks at once)
   * wait until those are done: effects of two steps never mix.
   */
  #step(input: Input): void {
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        for (const effect of this.machine.step(next, this.#clock.now())) this.#perform(effect);
      }
    } finally {
      this.#stepping = false;
    }
    if (this.#idleWaiters.length > 0 && !this.#busy) for (const resolve of this.#idleWaiters.splice(0)) resolve();
    this.#setTimer();
  }

  #perform(effect: Effect): void {
    switch (effect.kind) {
      case 'dial':
        return this.#dial(effect.link);
      case 'send':
        if (this.#open?.number === effect.link) this.#open.link?.send(effect.bytes);
        return;
      case 'hangUp':
        return this.#hangUp(effect.link, effect.cause);
      case 'resolve':
        this.#settledThisTurn = true;
        return effect.call.resolve(effect.value);
      case 'reject':
        this.#settledThisTurn = true;
        return effect.call.reject(effect.error);
      case 'challenge':
        return void this.#challenge(effect.link, effect.challenge);
      case 'probe':
        return void this.#probe();
      case 'authSettled':
        return this.#settleAuth(effect.added, effect.error);
      case 'state':
        if (effect.state === 'closed') this.#cause = effect.cause;
        if (effect.state === 'connected' || effect.state === 'readonly') this.#accepted();
        return this.#listeners.state(effect.state, effect.cause);
      case 'reconnecting':
        return this.#listeners.reconnecting({ attempt: effect.attempt, delay: effect.delay, cause: effect.cause });
      case 'session':
        return this.#listeners.session(effect.old, effect.new);
      case 'fire':
        effect.watcher.release?.();
        return this.#fire(effect.watcher, effect.event);
      default:
        return unreachable(effect);
    }
  }

  #fire(watcher: Watcher, event: WatchEvent): void {
    const local = { ...event, path: watcher.root.local(event.path) };
    this.#tracer.watch({ ...local }, () => guarded(() => watcher.listener(local)));
  }

  #settleAuth(added: AddedCredential, error: Error | null): void {
    const verdict = this.#auths.get(added);
    this.#auths.delete(added);
    if (error === null) verdict?.resolve();
    else verdict?.reject(error);
  }

  /** Mechanisms may take their time; the machine knows whether the connection is still the one that asked. */
  async #challenge(link: number, challenge: Uint8Array): Promise<void> {
    const open = this.#open;
    if (open?.number !== link || this.#sasl === null) return;
    try {
      open.exchange ??= this.#sasl.start(open.target.host);
      const token = await open.exchange.step(challenge);
      this.#step({ kind: 'proof', link, token });
    } catch (thrown) {
      const cause = thrown instanceof Error ? thrown : new Error(String(thrown));
      this.#step({ kind: 'unproved', link, cause });
    }
  }

  /** Asks the next server whether it takes writes. */
  async #probe(): Promise<void> {
    const target = await this.#probed.next().catch(() => null);
    if (target === null || !(await takesWrites(this.#transport, this.#clock, target, this.#attemptTimeoutMs))) return;
    if (this.machine.state !== 'readonly') return;
    this.#hosts.prefer(target);
    this.#step({ kind: 'writableFound' });
  }

  // Links

  #dial(number: number): void {
    this.#open = null;
    this.#hosts
      .next()
      .then((target) => this.#openLink(number, target))
      .catch((thrown: unknown) => this.#broken(number, thrown instanceof Error ? thrown : new Error(String(thrown))));
  }

  #openLink(number: number, target: Target): void {
    // The machine may have moved on, or closed, while the name was being resolved.
    if (this.#open !== null || !this.machine.awaits(number)) return;
    const splitter = new FrameSplitter(this.#replyBytesMax);
    const open: OpenLink = { number, target, splitter, link: null, exchange: null, verdict: deferred<void>() };
    this.#open = open;
    this.#inbox = [];
    this.#tracer.connect({ ...target }, () => open.verdict.promise).catch(() => undefined);
    open.link = this.#transport.open(target, {
      opened: () => this.#step({ kind: 'opened', link: number }),
      received: (bytes) => this.#received(open, bytes),
      closed: (cause) => this.#broken(number, cause),
    });
    if (this.#held === 'released') open.link.unref?.();
  }

  #accepted(): void {
    this.#connections += 1;
    this.#hosts.restart();
    this.#open?.verdict.resolve();
  }

  #hangUp(number: number, cause: Error | null): void {
    if (this.#open?.number === number) {
      this.#open.verdict.reject(cause ?? new Error('the client left'));
      this.#open.link?.close();
      this.#inbox = [];
    }
    if (cause !== null) this.#broken(number, cause);
    else if (this.#open?.number === number) this.#open = null;
  }

  #broken(number: number, cause: Error | null): void {
    if (this.#open?.number === number) {
      // What the server said before it closed still counts.
      this.#drainAll();
      if (this.#open.number !== number) return;
      const why = cause ?? new Error('the server closed the connection');
      this.#hosts.failed(this.#open.target, why);
      this.#open.verdict.reject(why);
      this.#open = null;
    }
    this.#step({ kind: 'broken', link: number, cause, roundFinished: this.#hosts.finished });
  }

  // Frames

  #received(open: OpenLink, bytes: Uint8Array): void {
    if (this.#open !== open) return;
    this.#inbox.push(...open.splitter.push(bytes));
    if (!this.#drainPlanned) this.#drain();
  }

  /**
   * Handles frames in order. An event that follows a reply in the same turn waits for the next one: the code that awaits
   * the reply runs first, so a caller sees replies and events in the order of the wire.
   */
  #drain(): void {
    this.#drainPlanned = false;
    this.#settledThisTurn = false;
    for (let frame = this.#inbox[0]; frame !== undefined; frame = this.#inbox[0]) {
      if (this.#settledThisTurn && isEvent(frame)) {
        this.#drainPlanned = true;
        return this.#clock.soon(() => this.#drain());
      }
      this.#inbox.shift();
      this.#handle(frame);
    }
  }

  #drainAll(): void {
    const frames = this.#inbox;
    this.#inbox = [];
    for (const frame of frames) this.#handle(frame);
  }

  #handle(frame: Frame): void {
    const open = this.#open;
    if (open !== null) this.#step({ ...frame, link: open.number });
  }

  #setTimer(): void {
    const at = this.machine.wakeAt;
    // Moving the timer for every request would cost more than one early wake-up now and then.
    if (at >= this.#timerAt && at !== Infinity) return;
    this.#cancelTimer();
    this.#timerAt = at;
    if (at === Infinity) return;
    this.#cancelTimer = this.#clock.after(at - this.#clock.now(), () => this.#timerFired(), this.#held);
  }

  #timerFired(): void {
    this.#timerAt = Infinity;
    if (this.#clock.now() >= this.machine.wakeAt) this.#step({ kind: 'wake' });
    else this.#setTimer();
  }
}

const isEvent = (frame: Frame): boolean =>
  frame.kind === 'frame' &&
  frame.bytes.length > 4 &&
  new DataView(frame.bytes.buffer, frame.bytes.byteOffset).getInt32(0) === xids.watchEvent;

function unreachable(value: never): never {
  throw new Error(`unhandled case ${JSON.stringify(value)}`);
}
