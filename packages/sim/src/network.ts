// The network between servers, and between clients and servers. A connection carries bytes, split and put together
// anywhere, in order, until it is closed or reset; a cut link keeps them, as TCP does, and delivers them when it heals.
// Nothing is ever lost from the middle, repeated, or delivered behind a reset.

import type { EventQueue } from './events.ts';
import { Pipe } from './pipe.ts';
import type { Connection, End, Hold, NetPort } from './pipe.ts';
import type { Random } from './random.ts';
import { linkActor } from './scheduler.ts';
import type { Scheduler } from './scheduler.ts';
import type { Tap } from './packet-tap.ts';
import type { Trace } from './trace.ts';

/** Who is told of all connections between servers. */
export interface NetworkWatcher {
  connected(connection: Connection): { readonly toAcceptor: Tap; readonly toDialler: Tap };
  delivered(connection: Connection, pipe: Pipe): void;
  ended(connection: Connection, server: number): void;
}

/** What a server is on the network. */
export interface Place {
  /** off: nobody answers. down: the machine answers that nobody listens. */
  readonly state: 'up' | 'down' | 'off';
  accept(connection: Connection, port: NetPort): End;
}

/** Dials to places that do not answer end after this time. */
const connectTimeoutMs = 1000;

export class Network {
  readonly places = new Map<number, Place>();
  readonly connections = new Map<number, Connection>();
  readonly holds: Hold[] = [];
  watcher: NetworkWatcher | undefined;
  /** How many of a hundred deliveries bring only a part of what has arrived. */
  splitPercent = 25;
  readonly #queue: EventQueue;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #trace: Trace;
  readonly #cuts = new Set<string>();
  readonly #stalls = new Set<string>();
  readonly #narrow = new Map<string, number>();
  readonly windowBytes: number;
  #nextId = 1;

  constructor(queue: EventQueue, scheduler: Scheduler, random: Random, trace: Trace, windowBytes: number) {
    this.#queue = queue;
    this.#scheduler = scheduler;
    this.#random = random;
    this.#trace = trace;
    this.windowBytes = windowBytes;
  }

  // Faults.

  /** Nothing passes from one server to the other. */
  cut(from: number, to: number): void {
    this.#cuts.add(`${from}>${to}`);
  }

  /** The receiver takes nothing more: what is sent piles up at the sender. */
  stall(from: number, to: number): void {
    this.#stalls.add(`${from}>${to}`);
  }

  /** No more than so many bytes arrive at a time. */
  narrow(from: number, to: number, bytes: number): void {
    this.#narrow.set(`${from}>${to}`, bytes);
  }

  isCut(from: number, to: number): boolean {
    return this.#cuts.size > 0 && this.#cuts.has(`${from}>${to}`);
  }

  isStalled(from: number, to: number): boolean {
    return this.#stalls.size > 0 && this.#stalls.has(`${from}>${to}`);
  }

  get cuts(): readonly string[] {
    return [...this.#cuts];
  }

  heal(): void {
    this.#cuts.clear();
    this.#stalls.clear();
    this.#narrow.clear();
    this.pumpAll();
  }

  /** Packets of a kind wait from now on, and all that follows them on their connections. */
  hold(from: number, to: number, name: Hold['name'], pass = 0): void {
    this.holds.push({ from, to, name, pass });
  }

  release(): void {
    this.holds.length = 0;
    this.pumpAll();
  }

  pumpAll(): void {
    for (const { toAcceptor, toDialler } of this.connections.values()) {
      this.#pump(toAcceptor);
      this.#pump(toDialler);
    }
  }

  /** Breaks all connections between two servers; bytes under way are lost. */
  reset(a: number, b: number): void {
    for (const connection of [...this.connections.values()]) {
      const { dialler, acceptor } = connection;
      if ((dialler === a && acceptor === b) || (dialler === b && acceptor === a)) this.resetConnection(connection);
    }
  }

  resetConnection({ toAcceptor, toDialler }: Connection): void {
    for (const pipe of [toAcceptor, toDialler]) {
      pipe.drop();
      pipe.isEnding = true;
      pipe.isBroken = true;
      this.#pump(pipe);
    }
  }

  // Connecting.

  /** Connects a server or a client to a server; exactly one of the two callbacks comes, later. */
  dial(from: number, to: number, port: NetPort, end: End, failed: (reason: string) => void): void {
    const place = this.places.get(to);
    const isUnreachable = this.isCut(from, to) || this.isCut(to, from) || place === undefined || place.state === 'off';
    const delay = isUnreachable ? connectTimeoutMs : this.#scheduler.delay(linkActor(from, to), 'network');
    this.#queue.after(delay, () => {
      this.#trace.number(isUnreachable ? 11 : 12);
      if (isUnreachable) failed('no answer');
      else if (place.state !== 'up') failed('connection refused');
      else if (end.isAlive) this.#connect(from, to, port, end, place);
    });
  }

  #connect(from: number, to: number, port: NetPort, end: End, place: Place): void {
    const toAcceptor = new Pipe(from, to);
    const toDialler = new Pipe(to, from);
    const connection: Connection = { id: this.#nextId++, port, dialler: from, acceptor: to, toAcceptor, toDialler };
    this.connections.set(connection.id, connection);
    toDialler.receiver = end;
    toAcceptor.receiver = place.accept(connection, port);
    toAcceptor.connection = toDialler.connection = connection;
    const taps = port === 'client' ? undefined : this.watcher?.connected(connection);
    toAcceptor.tap = taps?.toAcceptor;
    toDialler.tap = taps?.toDialler;
    this.#pump(toAcceptor);
    this.#pump(toDialler);
  }

  // Sending.

  send(pipe: Pipe, bytes: Uint8Array): void {
    if (pipe.isEnding || bytes.length === 0) return;
    pipe.tap?.push(bytes);
    pipe.add(bytes);
    this.#pump(pipe);
  }

  /** The sender closes: what it has sent arrives, then the end; the other direction ends soon. */
  close(outgoing: Pipe, incoming: Pipe): void {
    if (!outgoing.isEnding) {
      outgoing.isEnding = true;
      this.#pump(outgoing);
    }
    if (incoming.isScheduledToEnd || incoming.isOver) return;
    incoming.isScheduledToEnd = true;
    this.#queue.after(this.#scheduler.delay(linkActor(outgoing.from, outgoing.to), 'network'), () =>
      this.#end(incoming),
    );
  }

  backlog(pipe: Pipe): number {
    const window = this.isStalled(pipe.from, pipe.to) ? 0 : this.windowBytes;
    return Math.max(0, pipe.waiting - window);
  }

  /** A server stops. Killed, its system says goodbye for it; without power nobody does. */
  serverStopped(server: number, how: 'kill' | 'power'): void {
    for (const connection of [...this.connections.values()]) {
      const { dialler, acceptor, toAcceptor, toDialler } = connection;
      if (dialler !== server && acceptor !== server) continue;
      const [outgoing, incoming] = dialler === server ? [toAcceptor, toDialler] : [toDialler, toAcceptor];
      incoming.isOver = true;
      incoming.drop();
      this.watcher?.ended(connection, server);
      if (how === 'kill') {
        outgoing.isEnding = true;
        this.#pump(outgoing);
      } else outgoing.isOrphan = true;
    }
  }

  /** The machine is up again and does not know the connections it had. */
  serverStarted(server: number): void {
    for (const { toAcceptor, toDialler } of this.connections.values()) {
      for (const pipe of [toAcceptor, toDialler]) {
        if (pipe.from !== server || !pipe.isOrphan) continue;
        pipe.isOrphan = false;
        pipe.isEnding = true;
        this.#pump(pipe);
      }
    }
  }

  // Delivering.

  resumed(pipe: Pipe): void {
    this.#pump(pipe);
  }

  #pump(pipe: Pipe): void {
    if (pipe.isScheduled || pipe.isOver || !pipe.hasWork || this.#isBlocked(pipe)) return;
    pipe.isScheduled = true;
    this.#queue.after(this.#scheduler.delay(linkActor(pipe.from, pipe.to), 'network'), () => {
      pipe.isScheduled = false;
      this.#deliver(pipe);
    });
  }

  #isBlocked(pipe: Pipe): boolean {
    if (pipe.isBroken) return false;
    if (pipe.isPaused && pipe.isOpen && !pipe.isEnding) return true;
    if (pipe.waiting > 0 && pipe.isOpen && pipe.heldAt(this.holds) <= pipe.delivered) return true;
    return this.isCut(pipe.from, pipe.to) || (pipe.isOpen && this.isStalled(pipe.from, pipe.to));
  }

  #deliver(pipe: Pipe): void {
    if (pipe.isOver || this.#isBlocked(pipe)) return;
    if (!pipe.isOpen) {
      pipe.isOpen = true;
      this.#trace.number(1);
      pipe.receiver!.opened(pipe.connection!);
    } else if (pipe.waiting > 0) this.#deliverBytes(pipe);
    else if (pipe.isEnding) return this.#end(pipe);
    this.#pump(pipe);
  }

  #deliverBytes(pipe: Pipe): void {
    const narrow = this.#narrow.size === 0 ? Infinity : (this.#narrow.get(`${pipe.from}>${pipe.to}`) ?? Infinity);
    const available = Math.min(pipe.waiting, pipe.heldAt(this.holds) - pipe.delivered, narrow);
    const count = this.#random.chance(this.splitPercent) ? this.#random.between(1, available) : available;
    const before = this.backlog(pipe);
    const lent = pipe.take(count, this.#random.below(4), this.holds);
    const start = lent.length - count;
    this.#trace.number((pipe.from << 8) | (pipe.to & 0xff));
    this.#trace.bytes(lent, start);
    this.watcher?.delivered(pipe.connection!, pipe);
    pipe.receiver!.received(lent, start, lent.length);
    lent.fill(0xdd);
    if (before > 0 && this.backlog(pipe) === 0 && !pipe.isEnding) {
      const sender = this.#senderOf(pipe);
      if (sender !== undefined) this.#queue.after(0, () => sender.isOver || sender.receiver!.drained());
    }
  }

  /** The other direction, whose receiver is who sends into this one. */
  #senderOf(pipe: Pipe): Pipe | undefined {
    const { toAcceptor, toDialler } = pipe.connection!;
    const other = pipe === toAcceptor ? toDialler : toAcceptor;
    return other.isOver ? undefined : other;
  }

  /** This side hears that the connection has gone. */
  #end(pipe: Pipe): void {
    if (pipe.isOver) return;
    pipe.isOver = true;
    pipe.drop();
    const connection = pipe.connection!;
    const { toAcceptor, toDialler } = connection;
    const other = pipe === toAcceptor ? toDialler : toAcceptor;
    if (toAcceptor.isOver && toDialler.isOver) this.connections.delete(connection.id);
    this.#trace.number(2);
    this.watcher?.ended(connection, pipe.to);
    if (pipe.isOpen) pipe.receiver!.closed();
    // Who hears the end cannot be heard any more either.
    if (!other.isEnding) {
      other.isEnding = true;
      this.#pump(other);
    }
  }
}
