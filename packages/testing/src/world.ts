// What the servers of one test have in common: time, faults, clients, and whoever wants to hear what happens.

import { connect, createClient } from '@corral/client';
import type { Client, ClientOptions, ConnectOptions } from '@corral/client';
import { Faults } from './faults.ts';
import type { Fault, InjectedFault } from './faults.ts';
import type { FrameFacts, FrameOp } from './frames.ts';
import { InProcessNetwork } from './in-process.ts';
import type { Reachable } from './in-process.ts';
import type { Pipeline } from './machine.ts';
import type { ServedConnection, Traffic } from './served-connection.ts';
import { RealTime, VirtualClock } from './time.ts';
import type { Time } from './time.ts';

/** What a server did, for whoever listens with `on`. */
export type TestEvent =
  | { readonly type: 'up' | 'down'; readonly server: number }
  /** The server has stopped by itself, which it must not. */
  | { readonly type: 'halted'; readonly server: number; readonly reason: string }
  | { readonly type: 'leader'; readonly server: number }
  | { readonly type: 'connected'; readonly server: number; readonly session: bigint }
  | { readonly type: 'disconnected'; readonly server: number; readonly session: bigint }
  | { readonly type: 'expired'; readonly server: number; readonly session: bigint }
  | {
      readonly type: 'request';
      readonly server: number;
      readonly session: bigint;
      readonly op: FrameOp;
      readonly paths: readonly string[];
    };

/** Called with each event. */
export type TestListener = (event: TestEvent) => void;

/** A client of this test, or the session of any client. */
export type ClientRef = Client | bigint;

/** What a server does in its ensemble at present. alone: there is no ensemble. */
export type Role = 'down' | 'alone' | 'looking' | 'leading' | 'following' | 'observing';

/** A server of this test, wherever it keeps its data. */
export interface TestedServer extends Reachable {
  readonly role: Role;
  /** Whether it serves clients. */
  readonly isServing: boolean;
  /** What it holds; undefined while it is down. */
  readonly pipeline: Pipeline | undefined;
  /** Its TCP port, if it has one. */
  readonly port: number | undefined;
  start(): Promise<void>;
  /** finish: in an orderly way. drop: as when the process is killed. */
  end(how: 'finish' | 'drop'): Promise<void>;
  /** Empties its disk, while it is down. */
  wipe(): void;
  pause(): void;
  resume(): void;
  /** Makes every operation of its disk take so long. */
  slowDown(delayMs: number): void;
  /** Ends a session as if its time were up; false when another server decides. */
  expire(session: bigint): boolean;
  /** Opens a TCP port; the same one as long as the test lasts. */
  listen(): Promise<number>;
  /** Gives up everything, for good. */
  dispose(): Promise<void>;
}

export interface WorldOptions {
  /** `virtual`: time stands still until `clock.advance()`. Several servers may share one clock. */
  readonly clock?: 'real' | 'virtual' | VirtualClock;
}

export class World {
  readonly time: Time;
  readonly servers: TestedServer[] = [];
  readonly network: InProcessNetwork;
  /** Clients that were made here, with what connections know them by. */
  readonly clients = new Map<Client, object>();
  /** Sessions that somebody was given and nobody here has closed, or lost. They may have ended. */
  readonly openSessions = new Set<bigint>();
  /** What is left to do when everything is closed. */
  readonly cleanUps: (() => void)[] = [];
  readonly #faults = new Faults();
  readonly #listeners = new Set<TestListener>();

  constructor({ clock = 'real' }: WorldOptions) {
    if (clock instanceof VirtualClock) this.time = clock;
    else this.time = clock === 'virtual' ? new VirtualClock() : new RealTime();
    this.network = new InProcessNetwork(this.time.turns, this.servers);
  }

  get clock(): VirtualClock {
    if (this.time instanceof VirtualClock) return this.time;
    throw new Error("the clock is the system's; start with { clock: 'virtual' } to move time in the test");
  }

  // Faults and events.

  readonly faults = {
    /** Prepares a fault for the next request that fits. */
    inject: (fault: Fault): InjectedFault => this.#faults.inject(fault),
    /** Takes all faults back; what they hold goes on. */
    clear: (): void => this.#faults.clear(),
  };

  on(listener: TestListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: TestEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** What the connections of a server tell, and what is done to them. */
  trafficOf(server: number): Omit<Traffic, 'ended'> {
    return {
      server,
      time: this.time,
      faults: this.#faults,
      requested: ({ session }, { op, paths }: FrameFacts) => this.emit({ type: 'request', server, session, op, paths }),
      greeted: ({ session }) => {
        this.openSessions.add(session);
        this.emit({ type: 'connected', server, session });
      },
      expire: (session) => this.time.turns.post(() => this.expire(session)),
    };
  }

  // Clients.

  optionsOf(owner: object): Pick<ClientOptions, 'transport' | 'clock'> {
    return { transport: this.network.transport(owner), clock: this.time.clients };
  }

  createClient(address: string, options: ClientOptions): Client {
    const owner = {};
    const client = createClient(address, { ...this.optionsOf(owner), ...options });
    return this.#remember(client, owner);
  }

  async connect(address: string, options: ConnectOptions): Promise<Client> {
    const owner = {};
    const connected = connect(address, { ...this.optionsOf(owner), ...options });
    return this.#remember(await connected, owner);
  }

  #remember(client: Client, owner: object): Client {
    this.clients.set(client, owner);
    let session = client.session?.id ?? null;
    client.on('session', (change) => {
      if (change.old !== null) this.openSessions.delete(change.old);
      session = change.new;
    });
    client.on('state', (state) => {
      if (state !== 'closed') return;
      // A client that is closed while it has no connection leaves its session to expire: that is not forgotten.
      if (session !== null) this.openSessions.delete(session);
      this.clients.delete(client);
    });
    return client;
  }

  ownerOf(client: Client): object {
    const owner = this.clients.get(client);
    if (owner === undefined) throw new Error('not an open client of this test: make it with connect()');
    return owner;
  }

  connectionsOf(ref: ClientRef): { readonly server: TestedServer; readonly connection: ServedConnection }[] {
    const session = typeof ref === 'bigint' ? ref : ref.session?.id;
    const owner = typeof ref === 'bigint' ? undefined : this.clients.get(ref);
    return this.servers.flatMap((server) =>
      [...server.door.connections]
        .filter((each) => (owner === undefined ? each.session === session : each.owner === owner))
        .map((connection) => ({ server, connection })),
    );
  }

  /** Breaks the connection of a client. Its session lives on. */
  drop(ref: ClientRef): void {
    for (const { connection } of this.connectionsOf(ref)) connection.drop();
  }

  expire(ref: ClientRef): void {
    const session = typeof ref === 'bigint' ? ref : ref.session?.id;
    if (session === undefined) throw new Error('the client has no session');
    if (!this.servers.some((server) => server.expire(session)))
      throw new Error(`no server can expire session 0x${session.toString(16)}: it has ended, or nobody leads`);
  }

  /** Closes all clients. Their servers are gone by now, so none of them waits for an answer. */
  async closeClients(): Promise<void> {
    await Promise.all([...this.clients.keys()].map((client) => client.close()));
  }
}
