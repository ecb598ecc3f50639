// What a test does with a server and with an ensemble alike: clients, sessions, faults, time, and a look inside.

import type { Client, ClientOptions, ConnectOptions, DataInput } from '@corral/client';
import { ZkError } from '@corral/client';
import { dumpOf, drawingOf, sessionsOf, watchersOf } from './inspect.ts';
import type { NodeFacts, SessionFacts, WatcherFacts } from './inspect.ts';
import { describeLeaks } from './leaks.ts';
import type { LeakPolicy, LeakReport } from './leaks.ts';
import type { Pipeline } from './machine.ts';
import { Scope } from './scope.ts';
import { streamOf } from './event-stream.ts';
import type { VirtualClock } from './time.ts';
import type { ClientRef, TestEvent, TestListener, World } from './world.ts';

/** Nodes by path; missing parents are made. */
export type Seed = Readonly<Record<string, DataInput>>;

/** A client whose server is down may not get through; its session is left to expire. */
const closingMsMax = 2000;

export abstract class Service implements AsyncDisposable {
  protected readonly world: World;
  readonly #leakPolicy: LeakPolicy;
  #disposed: Promise<void> | undefined;

  protected constructor(world: World, { leaks = 'warn' }: { readonly leaks?: LeakPolicy }) {
    this.world = world;
    this.#leakPolicy = leaks;
  }

  // Clients.

  /** Names of the servers for clients of this process: they mean something to `clientOptions` only. */
  get address(): string {
    return this.world.servers.map(({ host }) => `${host}:2181`).join(',');
  }

  /** What a client of this process needs besides the address: `connect(s.address, { ...s.clientOptions })`. */
  get clientOptions(): Pick<ClientOptions, 'transport' | 'clock'> {
    return this.world.optionsOf({});
  }

  /** A client with a session, without any port; closed with the server at the latest. */
  async connect(options: ConnectOptions & { readonly chroot?: string } = {}): Promise<Client> {
    this.#refuseWhenClosed();
    const { chroot = '', ...rest } = options;
    return this.world.connect(this.address + chroot, rest);
  }

  /** A client that connects in the background, as `createClient` of the client package does. */
  createClient(options: ClientOptions & { readonly chroot?: string } = {}): Client {
    this.#refuseWhenClosed();
    const { chroot = '', ...rest } = options;
    return this.world.createClient(this.address + chroot, rest);
  }

  /** Its clock stands still, so a client would neither get through nor give up. */
  #refuseWhenClosed(): void {
    if (this.#disposed !== undefined) throw new Error('this is closed: nobody answers any more');
  }

  /** Ends a session as if its time were up: its ephemerals go, its client hears of it when it connects again. */
  expireSession(client: ClientRef): void {
    this.world.expire(client);
  }

  /** Breaks the connection of a client. Its session lives on, and it connects again. */
  dropConnection(client: ClientRef): void {
    this.world.drop(client);
  }

  // Faults, time, events.

  get faults(): World['faults'] {
    return this.world.faults;
  }

  /** Virtual time. Throws when the server runs on real time. */
  get clock(): VirtualClock {
    return this.world.clock;
  }

  /** Calls back for everything that happens; the result ends that. */
  on(listener: TestListener): () => void {
    return this.world.on(listener);
  }

  /** What happens from now on, until the signal aborts or the loop ends. */
  events(options: { readonly signal?: AbortSignal } = {}): AsyncIterableIterator<TestEvent, undefined> {
    return streamOf((listener) => this.world.on(listener), options.signal);
  }

  // A look inside.

  /** The state that counts: of the server, or of the leader. */
  protected abstract readonly pipeline: Pipeline;

  /** Every node by its path, without the server's own. */
  dump(): Record<string, NodeFacts> {
    return dumpOf(this.pipeline);
  }
  /** The same as text, indented. */
  tree(): string {
    return drawingOf(this.pipeline);
  }
  sessions(): SessionFacts[] {
    return sessionsOf(this.pipeline);
  }
  /** Who watches a path, or anything. */
  watchers(path?: string): WatcherFacts[] {
    // Watches are kept where the client is connected.
    return this.#pipelines.flatMap((pipeline) => watchersOf(pipeline, path));
  }

  get #pipelines(): Pipeline[] {
    return this.world.servers.flatMap(({ pipeline }) => pipeline ?? []);
  }

  // Nodes.

  /** Creates nodes, or gives them other data. */
  async seed(nodes: Seed): Promise<void> {
    await using client = await this.connect();
    for (const [path, data] of Object.entries(nodes)) {
      try {
        await client.create(path, data, { parents: 'persistent' });
      } catch (error) {
        if (!ZkError.is(error, 'NodeExists')) throw error;
        await client.set(path, data);
      }
    }
  }

  /**
   * Makes `next` the number of the next sequential child of a node, at every server that is up; 32 bits with a sign, so that
   * what comes after 2147483647 can be tested. It is not written to any disk: a server that starts again counts as before.
   */
  setSequence(path: string, next: number): void {
    for (const { ctx } of this.#pipelines) {
      const node = ctx.tree.find(path);
      if (node < 0) throw new Error(`${path} is not there`);
      ctx.tree.nodes.cversion[node] = next;
      ctx.tree.digest.refresh(node);
    }
  }

  /** A part of the tree for one test: clients below a random path, which goes with all it holds at the end. */
  scope(): Promise<Scope> {
    return Scope.open(this);
  }

  // The end.

  /** What a test has left open. */
  leaks(): LeakReport {
    if (this.#pipelines.length === 0) return { sessions: [], watchers: [] };
    const sessions = this.sessions().filter(({ id }) => this.world.openSessions.has(id));
    return { sessions, watchers: this.watchers() };
  }

  /** Closes the clients that were made here, in good order: faults end, the network heals, servers that paused go on. */
  async closeClients(): Promise<void> {
    const { world } = this;
    world.faults.clear();
    world.network.heal();
    for (const server of world.servers) server.resume();
    for (const client of world.clients.keys()) void client.close();
    await world.time.until(() => world.clients.size === 0, closingMsMax, 'clients that close').catch(() => undefined);
  }

  /** Stops everything and closes all clients that were made here. What they had left open is reported. */
  close(): Promise<void> {
    this.#disposed ??= this.#dispose();
    return this.#disposed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #dispose(): Promise<void> {
    const report = this.leaks();
    this.world.faults.clear();
    await Promise.all(this.world.servers.map((server) => server.dispose()));
    await this.world.closeClients();
    this.world.time.end?.();
    for (const cleanUp of this.world.cleanUps) cleanUp();
    const problem = describeLeaks(report);
    if (problem === undefined || this.#leakPolicy === 'ignore') return;
    if (this.#leakPolicy === 'throw') throw new Error(problem);
    if (this.#leakPolicy === 'warn') process.emitWarning(problem, { type: 'CorralTestLeak' });
    else this.#leakPolicy(report);
  }
}
