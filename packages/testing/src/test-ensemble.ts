// An ensemble in this process: real members, and between them a network that can be cut, or sockets.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client, ClientOptions, ConnectOptions } from '@corral/client';
import { coreOptions } from '@corral/server';
import type { FlatSettings, HeldPorts } from '@corral/server';
import type { LeakPolicy } from './leaks.ts';
import type { CoreOptions, Pipeline } from './machine.ts';
import { DiskServer, holdPort } from './disk-server.ts';
import { MemoryServer } from './memory-server.ts';
import { PeerNetwork, hostOf } from './peer-network.ts';
import { Service } from './service.ts';
import { folderOf } from './storage.ts';
import type { Folder, StorageOptions } from './storage.ts';
import { TestMember } from './test-member.ts';
import { testSettings } from './test-server.ts';
import { milliseconds } from './time.ts';
import type { Duration } from './time.ts';
import { World } from './world.ts';
import type { TestedServer, WorldOptions } from './world.ts';

/** Options of `startEnsemble`. */
export interface EnsembleOptions extends WorldOptions, StorageOptions {
  /** Servers with a vote; 3 unless given. */
  readonly size?: number;
  readonly observers?: number;
  /** Opens a TCP port for clients at every member: see `connectString`. */
  readonly tcp?: boolean;
  /** Settings, by their names in zoo.cfg. */
  readonly config?: FlatSettings;
  /** What happens to what is left open at the end; `warn` unless given. */
  readonly leaks?: LeakPolicy;
}

/** A member by its number, or by itself. */
export type MemberRef = number | TestMember;

/** There are no cables to wait for: who has heard from a quorum has heard from all. */
const electionFinalizeMs = 5;
const defaultPatience: Duration = '30s';

const sidOf = (member: MemberRef): number => (typeof member === 'number' ? member : member.id);

/** Several servers inside of a test. Made by `startEnsemble`. */
export class TestEnsemble extends Service {
  /** By number: `members[0]` is server 1. */
  readonly members: readonly TestMember[];
  /** Undefined when members speak over sockets. */
  readonly #peers: PeerNetwork | undefined;

  /** Use `startEnsemble`. */
  constructor(
    world: World,
    servers: readonly TestedServer[],
    peers: PeerNetwork | undefined,
    options: EnsembleOptions,
  ) {
    super(world, options);
    world.servers.push(...servers);
    this.#peers = peers;
    this.members = servers.map((server) => new TestMember(server));
  }

  /** For clients of any process and language. Throws unless the ensemble was started with `tcp`, or `listen` called. */
  get connectString(): string {
    const ports = this.world.servers.flatMap(({ port }) => port ?? []);
    if (ports.length > 0) return ports.map((port) => `127.0.0.1:${port}`).join(',');
    throw new Error(
      'this ensemble has no ports: use connect(), or open some with listen() or startEnsemble({ tcp: true })',
    );
  }

  /** Opens a TCP port for clients at every member, and returns the connection string. */
  async listen(): Promise<string> {
    await Promise.all(this.world.servers.map((server) => server.listen()));
    return this.connectString;
  }

  /** As for a server alone; `server` names the only member, or members, that this client knows. */
  override connect(
    options: ConnectOptions & { readonly chroot?: string; readonly server?: MemberRef | readonly MemberRef[] } = {},
  ): Promise<Client> {
    const { server, chroot = '', ...rest } = options;
    return this.world.connect(this.#addressOf(server) + chroot, rest);
  }

  override createClient(
    options: ClientOptions & { readonly chroot?: string; readonly server?: MemberRef | readonly MemberRef[] } = {},
  ): Client {
    const { server, chroot = '', ...rest } = options;
    return this.world.createClient(this.#addressOf(server) + chroot, rest);
  }

  #addressOf(server: MemberRef | readonly MemberRef[] = this.members): string {
    return [server]
      .flat()
      .map((each: MemberRef) => `${hostOf(this.member(each).id)}:2181`)
      .join(',');
  }

  // Members.

  /** A member by its number. */
  member(member: MemberRef): TestMember {
    const found = this.members.find(({ id }) => id === sidOf(member));
    if (found === undefined) throw new Error(`there is no server ${sidOf(member)}`);
    return found;
  }

  /** Who leads, with a majority behind it. Throws when nobody does: see `waitForLeader`. */
  get leader(): TestMember {
    const leader = this.#leader;
    if (leader === undefined) throw new Error('nobody leads; `await waitForLeader()`');
    return leader;
  }

  /** The members that follow now. */
  get followers(): TestMember[] {
    return this.members.filter(({ role }) => role === 'following');
  }

  get #leader(): TestMember | undefined {
    return this.members.find(({ role, isServing }) => role === 'leading' && isServing);
  }

  /** Waits for a leader; under virtual time, time passes meanwhile. */
  async waitForLeader(options: { readonly not?: MemberRef; readonly within?: Duration } = {}): Promise<TestMember> {
    const { not, within = defaultPatience } = options;
    const former = not === undefined ? undefined : sidOf(not);
    const isThere = (): boolean => this.#leader !== undefined && this.#leader.id !== former;
    await this.world.time.until(isThere, milliseconds(within), 'a leader');
    return this.leader;
  }

  /** Waits until every server that is up serves clients and holds the same. */
  async waitUntilSame(within: Duration = defaultPatience): Promise<void> {
    const isSame = (): boolean => {
      const up = this.members.filter(({ isUp }) => isUp);
      return up.length > 0 && up.every((each) => each.isServing && each.lastZxid === up[0].lastZxid);
    };
    await this.world.time.until(isSame, milliseconds(within), 'servers that hold the same');
  }

  /** The member to which a client is connected. */
  serverOf(client: Client | bigint): TestMember | undefined {
    const [found] = this.world.connectionsOf(client);
    return found && this.member(found.server.sid);
  }

  // The network.

  /**
   * Cuts the network into groups of servers, and of clients of this test: nothing passes between two groups, and nobody
   * is told. Servers that no group names are a group of their own; clients that no group names reach everybody.
   */
  partition(groups: readonly (readonly (MemberRef | Client)[])[]): void {
    const isServer = (each: MemberRef | Client): each is MemberRef =>
      typeof each === 'number' || each instanceof TestMember;
    const servers = groups.map((group) => group.filter(isServer).map((each) => this.member(each).id));
    const rest = this.members.map(({ id }) => id).filter((id) => !servers.flat().includes(id));
    if (this.#peers === undefined) throw new Error("a partition needs storage: 'memory'");
    this.#peers.partition([...servers, rest]);
    this.world.network.heal();
    groups.forEach((group, at) => {
      const others = this.members.map(({ id }) => id).filter((id) => !servers[at].includes(id));
      for (const each of group) if (!isServer(each)) this.world.network.cut(this.world.ownerOf(each), others);
    });
  }

  /** Cuts one server off from the others. Its clients still reach it. */
  isolate(member: MemberRef): void {
    this.partition([[member]]);
  }

  /** Cuts a client off from every server, or from some. */
  cutOff(client: Client, from: readonly MemberRef[] = this.members): void {
    this.world.network.cut(this.world.ownerOf(client), from.map(sidOf));
  }

  /** The network is whole again. */
  heal(): void {
    this.#peers?.partition([this.members.map(({ id }) => id)]);
    this.world.network.heal();
  }

  protected get pipeline(): Pipeline {
    const { servers } = this.world;
    const leading = servers.find(({ role, isServing }) => role === 'leading' && isServing);
    const pipeline = leading?.pipeline ?? servers.flatMap((each) => each.pipeline ?? [])[0];
    if (pipeline === undefined) throw new Error('every server is down');
    return pipeline;
  }
}

interface Plan {
  readonly sid: number;
  readonly host: string;
  readonly settings: FlatSettings;
}

/** Ids of servers are 1 to 255. */
const serversMax = 255;

/** Every member's settings, given where it listens for the others. */
function plansOf(
  { size = 3, observers = 0, config }: EnsembleOptions,
  addresses: readonly string[],
  lineOf: (address: string, role: string) => string,
  clientPorts: readonly number[] = [],
): Plan[] {
  if (addresses.length !== size + observers) throw new Error('an address for each member');
  const roleOf = (at: number): string => (at < size ? 'participant' : 'observer');
  const lines = addresses.map((address, at) => [`server.${at + 1}`, lineOf(address, roleOf(at))] as const);
  const common = { ...testSettings, standaloneEnabled: false, ...Object.fromEntries(lines), ...config };
  return addresses.map((_, at) => ({
    sid: at + 1,
    host: hostOf(at + 1),
    settings: { ...common, peerType: roleOf(at), ...(at in clientPorts && { clientPort: clientPorts[at] }) },
  }));
}

async function inMemory(world: World, options: EnsembleOptions): Promise<TestEnsemble> {
  const { size = 3, observers = 0, tcp = false } = options;
  const peers = new PeerNetwork(world.time);
  const hosts = Array.from({ length: size + observers }, (_, at) => hostOf(at + 1));
  let plans: readonly Plan[] = [];
  const servers = hosts.map((host, at) => {
    const sid = at + 1;
    const server = new MemoryServer(world, {
      sid,
      host,
      options: (startedAt) => quickElections(coreOptions(plans[at].settings, { sid, startedAt })),
      dial: (dial, port, address) => peers.dial(sid, dial, port, address),
      ended: () => peers.ended(sid),
    });
    peers.add(sid, server.machine);
    return server;
  });
  // Ports come first: the configuration says where members are, and tools go by it.
  const ports = tcp ? await Promise.all(servers.map((server) => server.listen())) : [];
  const clientOf = (host: string): string => (tcp ? `127.0.0.1:${ports[hosts.indexOf(host)]}` : '2181');
  plans = plansOf(options, hosts, (host, role) => `${host}:2888:3888:${role};${clientOf(host)}`, ports);
  return new TestEnsemble(world, servers, peers, options);
}

const quickElections = ({ replica, ensemble }: CoreOptions): CoreOptions => ({
  replica,
  ensemble: ensemble && { ...ensemble, electionFinalizeMs },
});

/** All ports are taken first and the configuration is written from them: nobody else can have them in between. */
async function onDisk(world: World, options: EnsembleOptions, { dir, remove }: Folder): Promise<TestEnsemble> {
  const { size = 3, observers = 0 } = options;
  world.cleanUps.push(remove);
  const held = Array.from({ length: size + observers }, (): HeldPorts => new Map());
  const addresses = await Promise.all(
    held.map(async (ports) => `127.0.0.1:${await holdPort(ports)}:${await holdPort(ports)}`),
  );
  const plans = plansOf(options, addresses, (address, role) => `${address}:${role}`);
  const servers = plans.map(({ sid, host, settings }, at) => {
    const own = join(dir, String(sid));
    mkdirSync(own, { recursive: true });
    writeFileSync(join(own, 'myid'), String(sid));
    return new DiskServer(world, { sid, host, dir: own, settings, held: held[at] });
  });
  return new TestEnsemble(world, servers, undefined, options);
}

/** An ensemble in this process, in memory unless told otherwise, with a leader and every member serving. */
export async function startEnsemble(options: EnsembleOptions = {}): Promise<TestEnsemble> {
  const { size = 3, observers = 0 } = options;
  const isCount = Number.isInteger(size) && size >= 1 && Number.isInteger(observers) && observers >= 0;
  if (!isCount || size + observers > serversMax) {
    throw new RangeError(`${size} servers and ${observers} observers: an ensemble has 1 to ${serversMax} members`);
  }
  const folder = folderOf(options);
  const world = new World(options);
  const ensemble = folder === undefined ? await inMemory(world, options) : await onDisk(world, options, folder);
  try {
    ensemble.heal();
    await Promise.all(ensemble.members.map((member) => member.start()));
    if (options.tcp === true) await ensemble.listen();
    await ensemble.waitUntilSame();
    return ensemble;
  } catch (error) {
    await ensemble.close();
    throw error;
  }
}
