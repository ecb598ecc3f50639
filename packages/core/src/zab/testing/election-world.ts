// Servers that elect, connected by a network in memory: bytes arrive late and in pieces, connections break, all by a
// seed. What follows an election is only acted: whoever can reach the leader follows it, and with a quorum the leader is
// established in a new epoch.

import { parseEnsembleConfig } from '@corral/protocol';
import type { EnsembleConfig, Zxid } from '@corral/protocol';
import type { PeerAddress, PeerLink } from '../../effects.ts';
import { randomOf } from '../../testing/random-history.ts';
import { ElectionMesh } from '../election-mesh.ts';
import { Election } from '../election.ts';
import { Quorums } from '../quorum.ts';
import type { Vote } from '../vote.ts';

/** A configuration with the voters 1..voters and, after them, observers. */
export function configOf(voters: number, observers = 0, version = 0): EnsembleConfig {
  const lines = Array.from({ length: voters + observers }, (_, i) => memberLine(i + 1, i < voters));
  return parseEnsembleConfig([...lines, `version=${version.toString(16)}`].join('\n'));
}

export const memberLine = (sid: number, isVoter = true): string =>
  `server.${sid}=h${sid}:${2000 + sid}:${3000 + sid}:${isVoter ? 'participant' : 'observer'}`;

/** What survives a restart. Undefined zxid: wiped, or never written. */
export interface Disk {
  zxid: number | undefined;
  epoch: number;
}

interface End {
  readonly sid: number;
  readonly life: number;
  readonly connection: number;
  other: End | undefined;
  isOpen: boolean;
  lastAt: number;
}

class Server {
  readonly sid: number;
  readonly disk: Disk;
  quorums: Quorums;
  mesh!: ElectionMesh;
  election!: Election;
  state: 'down' | 'looking' | 'leading' | 'following' | 'observing' = 'down';
  leader: number | undefined;
  isEstablished = false;
  readonly followers = new Set<number>();
  readonly ends = new Map<number, End>();
  readonly notes: string[] = [];
  dials = 0;
  elections = 0;
  life = 0;
  term = 0;

  constructor(sid: number, disk: Disk, config: EnsembleConfig) {
    this.sid = sid;
    this.disk = disk;
    this.quorums = new Quorums(config);
  }
}

export interface WorldOptions {
  readonly config: EnsembleConfig;
  readonly seed?: number;
  readonly delayMs?: number;
  readonly maxMs?: number;
  readonly reconfigEnabled?: boolean;
}

const initLimitMs = 2000;

export class ElectionWorld {
  now = 0;
  /** Notifications that arrived. */
  messages = 0;
  readonly servers = new Map<number, Server>();
  readonly random: (below: number) => number;
  readonly #options: WorldOptions;
  readonly #events: { at: number; order: number; run: () => void }[] = [];
  readonly #cuts = new Set<string>();
  readonly #held = new Map<string, (() => void)[]>();
  readonly #blackHoles = new Set<number>();
  #order = 0;
  #connections = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.random = randomOf(options.seed ?? 1);
  }

  // Faults and life.

  /** Starts a server, anew or with what its disk has. */
  start(sid: number, disk?: Disk, config = this.#options.config): Server {
    const server = this.servers.get(sid) ?? new Server(sid, { zxid: 0, epoch: 0 }, config);
    if (disk !== undefined) Object.assign(server.disk, disk);
    this.servers.set(sid, server);
    server.life++;
    this.#build(server);
    this.#look(server);
    return server;
  }

  kill(sid: number): void {
    const server = this.at(sid);
    server.state = 'down';
    server.term++;
    server.life++;
    for (const end of [...server.ends.values()]) this.#close(end);
    server.ends.clear();
    this.#roleLost(sid);
    server.followers.clear();
  }

  cut(a: number, b: number): void {
    this.#cuts.add(`${a}|${b}`).add(`${b}|${a}`);
    for (const server of [this.servers.get(a), this.servers.get(b)])
      for (const end of [...(server?.ends.values() ?? [])])
        if (end.other?.sid === a || end.other?.sid === b) this.#close(end, true);
    this.#roleLost(a, b);
    this.#roleLost(b, a);
  }

  heal(): void {
    this.#cuts.clear();
  }

  /** Dials to it get no answer at all. */
  blackHole(sid: number): void {
    this.#blackHoles.add(sid);
  }

  hold(from: number, to: number): void {
    this.#held.set(`${from}>${to}`, []);
  }

  release(from: number, to: number): void {
    const held = this.#held.get(`${from}>${to}`) ?? [];
    this.#held.delete(`${from}>${to}`);
    for (const deliver of held) deliver();
  }

  // Looking at it.

  at(sid: number): Server {
    return this.servers.get(sid)!;
  }

  /** Like `1 follows 3, 2 follows 3, 3 leads`. */
  get story(): string {
    const verbs = { following: 'follows', observing: 'observes', leading: 'leads', looking: 'looks', down: 'is down' };
    return [...this.servers.values()]
      .sort((a, b) => a.sid - b.sid)
      .map(({ sid, state, leader, isEstablished }) => {
        const role = state === 'looking' || state === 'down' || isEstablished ? verbs[state] : `hopes`;
        return role === 'follows' || role === 'observes' ? `${sid} ${role} ${leader}` : `${sid} ${role}`;
      })
      .join(', ');
  }

  /** Everyone who is up has the same established leader. */
  get isSettled(): boolean {
    const up = [...this.servers.values()].filter(({ state }) => state !== 'down');
    const leader = this.servers.get(up[0].leader ?? -1);
    return leader?.state === 'leading' && up.every((server) => server.isEstablished && server.leader === leader.sid);
  }

  /** Runs until it is true; answers how long it took. */
  until(isTrue: () => boolean, limitMs = 10_000): number {
    const start = this.now;
    while (!isTrue()) {
      if (this.now - start > limitMs || !this.#step()) throw new Error(`after ${this.now - start} ms: ${this.story}`);
    }
    return this.now - start;
  }

  run(ms: number): void {
    const end = this.now + ms;
    while (this.#events.length > 0 && this.#events[0].at <= end) this.#step();
    this.now = end;
  }

  /** A connection of somebody who is no server: what it writes arrives. */
  stranger(to: number): { send(bytes: Uint8Array): void; isOpen(): boolean } {
    const { sid, life } = this.at(to);
    const end: End = { sid, life, connection: ++this.#connections, other: undefined, isOpen: true, lastAt: 0 };
    this.at(to).ends.set(end.connection, end);
    this.at(to).mesh.opened(end.connection, this.#link(end), undefined, this.now);
    return {
      send: (bytes) => {
        if (end.isOpen) this.at(to).mesh.received(end.connection, bytes, 0, bytes.length, this.now);
        this.#arm(this.at(to));
      },
      isOpen: () => end.isOpen,
    };
  }

  // Time.

  after(ms: number, run: () => void): void {
    const at = this.now + ms;
    const order = ++this.#order;
    let index = this.#events.length;
    while (index > 0 && this.#events[index - 1].at > at) index--;
    this.#events.splice(index, 0, { at, order, run });
  }

  #step(): boolean {
    const event = this.#events.shift();
    if (event === undefined) return false;
    this.now = event.at;
    event.run();
    return true;
  }

  #delay(): number {
    return (this.#options.delayMs ?? 1) * (0.5 + this.random(100) / 100);
  }

  #arm(server: Server): void {
    const at = Math.min(server.election.deadline, server.mesh.deadline);
    const { life } = server;
    if (at === Infinity) return;
    this.after(Math.max(0, at - this.now), () => {
      if (server.life !== life) return;
      if (Math.min(server.election.deadline, server.mesh.deadline) > this.now) return;
      server.election.tick(this.now);
      server.mesh.tick(this.now);
      this.#arm(server);
    });
  }

  // Servers.

  #build(server: Server): void {
    const { sid } = server;
    const note = (_: string, message: string): void => void server.notes.push(message);
    server.mesh = new ElectionMesh({
      sid,
      quorums: () => server.quorums,
      nextDial: () => ++server.dials,
      dial: (dial, addresses) => this.#dial(server, dial, addresses),
      message: (from, notification) => {
        this.messages++;
        server.election.receive(from, notification, this.now);
      },
      isLooking: () => server.election.isLooking,
      connected: (other, now) => server.election.connected(other, now),
      random: () => this.random(1000) / 1000,
      note,
    });
    server.election = new Election({
      sid,
      peerType: 'participant',
      minMs: 200,
      maxMs: this.#options.maxMs ?? 60_000,
      finalizeMs: 200,
      quorums: () => server.quorums,
      ownVote: () =>
        server.disk.zxid === undefined ? undefined : { zxid: server.disk.zxid as Zxid, peerEpoch: server.disk.epoch },
      send: (to, notification) => server.mesh.send(to, notification, this.now),
      isConnected: (other) => server.mesh.isConnected(other),
      decided: (vote) => this.#decided(server, vote),
      proof: (other) => server.mesh.proofOf(other),
      newerConfig: (config) => {
        if (this.#options.reconfigEnabled !== true) return false;
        server.quorums = new Quorums(config);
        server.mesh.configured(this.now);
        return true;
      },
      newEnsemble: () => (server.disk.zxid = 0),
      note,
    });
  }

  #look(server: Server): void {
    server.term++;
    const followers = [...server.followers];
    server.state = 'looking';
    server.leader = undefined;
    server.isEstablished = false;
    server.elections++;
    server.mesh.configured(this.now);
    server.election.look(this.now);
    this.#arm(server);
    for (const sid of followers) this.#roleLost(server.sid, sid);
    server.followers.clear();
  }

  #decided(server: Server, { leader }: Vote): void {
    const { sid, quorums } = server;
    server.term++;
    server.leader = leader;
    server.state = leader === sid ? 'leading' : quorums.isVoter(sid) ? 'following' : 'observing';
    server.election.settled(server.state, leader);
    const { term } = server;
    this.after(initLimitMs, () => {
      if (server.term !== term || server.isEstablished) return;
      if (leader !== sid) server.election.didNotLead(leader, true, initLimitMs, this.now);
      this.#look(server);
    });
    if (leader === sid) this.#establish(server);
    else this.after(this.#delay(), () => this.#join(server, term, 0));
  }

  #join(server: Server, term: number, tries: number): void {
    if (server.term !== term) return;
    const leader = this.servers.get(server.leader!);
    const isReachable = leader !== undefined && leader.state !== 'down' && !this.#isCut(server.sid, leader.sid);
    if (isReachable && leader.state === 'leading') {
      leader.followers.add(server.sid);
      this.#watch(server, leader);
      return this.#establish(leader);
    }
    if (tries < 5) return this.after(20, () => this.#join(server, term, tries + 1));
    server.election.didNotLead(server.leader!, isReachable, 0, this.now);
    server.election.left();
    this.after(1, () => {
      if (server.term === term) this.#look(server);
    });
  }

  #establish(leader: Server): void {
    const followers = [...leader.followers].map((sid) => this.at(sid));
    if (!leader.isEstablished) {
      if (!leader.quorums.isQuorum((sid) => sid === leader.sid || leader.followers.has(sid))) return;
      leader.disk.epoch = Math.max(leader.disk.epoch, ...followers.map(({ disk }) => disk.epoch)) + 1;
      leader.isEstablished = true;
      leader.election.established(leader.disk.epoch);
    }
    for (const follower of followers) {
      if (follower.isEstablished) continue;
      const { term } = follower;
      this.after(this.#delay(), () => {
        if (follower.term !== term || !leader.isEstablished) return;
        follower.disk.epoch = leader.disk.epoch;
        follower.disk.zxid = leader.disk.zxid;
        follower.isEstablished = true;
        follower.election.established(leader.disk.epoch);
      });
    }
  }

  /** What no broken connection tells, silence does. */
  #watch(follower: Server, leader: Server): void {
    const { term } = follower;
    const leaderTerm = leader.term;
    this.after(50, () => {
      if (follower.term !== term) return void (leader.term === leaderTerm && this.#roleLost(follower.sid, leader.sid));
      if (leader.term === leaderTerm && !this.#isCut(follower.sid, leader.sid)) this.#watch(follower, leader);
      else this.#look(follower);
    });
  }

  /** What ends with the server `gone`, for all or for `only`. */
  #roleLost(gone: number, only?: number): void {
    for (const server of this.servers.values()) {
      if (server.sid === gone || (only !== undefined && server.sid !== only) || server.state === 'down') continue;
      const { term } = server;
      const hasLostLeader = server.leader === gone && this.at(gone).followers.has(server.sid);
      const hasLostFollower = server.state === 'leading' && server.followers.delete(gone);
      const isOver =
        hasLostLeader ||
        (hasLostFollower && !server.quorums.isQuorum((sid) => sid === server.sid || server.followers.has(sid)));
      if (!isOver) continue;
      server.election.left();
      this.after(this.#delay(), () => {
        if (server.term === term) this.#look(server);
      });
      if (hasLostFollower) for (const sid of [...server.followers]) this.#roleLost(server.sid, sid);
    }
  }

  // The network.

  #isCut(a: number, b: number): boolean {
    return this.#cuts.has(`${a}|${b}`);
  }

  #dial(from: Server, dial: number, [{ host }]: readonly PeerAddress[]): void {
    const { life } = from;
    const to = this.servers.get(Number(host.slice(1)));
    const isLost = to !== undefined && this.#blackHoles.has(to.sid);
    this.after(isLost ? 5000 : this.#delay(), () => {
      if (from.life !== life) return;
      if (isLost || to === undefined || to.state === 'down' || this.#isCut(from.sid, to.sid)) {
        from.mesh.dialFailed(dial, 'refused', this.now);
      } else this.#connect(from, to, dial);
      this.#arm(from);
    });
  }

  #connect(from: Server, to: Server, dial: number): void {
    const ends = [from, to].map(({ sid, life }): End => {
      return { sid, life, connection: ++this.#connections, other: undefined, isOpen: true, lastAt: 0 };
    });
    ends[0].other = ends[1];
    ends[1].other = ends[0];
    from.ends.set(ends[0].connection, ends[0]);
    to.ends.set(ends[1].connection, ends[1]);
    to.mesh.opened(ends[1].connection, this.#link(ends[1]), undefined, this.now);
    this.#arm(to);
    from.mesh.opened(ends[0].connection, this.#link(ends[0]), dial, this.now);
  }

  #link(end: End): PeerLink {
    return {
      address: `h${end.other?.sid ?? 'x'}:${40_000 + end.connection}`,
      backlog: 0,
      send: (bytes) => {
        for (let at = 0; at < bytes.length;) {
          const next = Math.min(bytes.length, at + 1 + this.random(this.random(2) === 0 ? 12 : 400));
          const piece = bytes.slice(at, next);
          this.#deliver(end, (mesh, to) => mesh.received(to.connection, piece, 0, piece.length, this.now));
          at = next;
        }
      },
      close: () => this.#close(end),
      pause: () => undefined,
      resume: () => undefined,
    };
  }

  #close(end: End, isBroken = false): void {
    if (!end.isOpen) return;
    end.isOpen = false;
    const server = this.at(end.sid);
    if (isBroken)
      this.after(0, () => {
        if (server.life === end.life) server.mesh.closed(end.connection, this.now);
      });
    this.#deliver(end, (mesh, to) => {
      to.isOpen = false;
      mesh.closed(to.connection, this.now);
    });
  }

  /** In order, some time later, to the other end. */
  #deliver(end: End, act: (mesh: ElectionMesh, to: End) => void): void {
    const to = end.other;
    if (to === undefined) return;
    const server = this.at(to.sid);
    const deliver = (): void => {
      if (!to.isOpen || server.life !== to.life) return;
      act(server.mesh, to);
      this.#arm(server);
    };
    end.lastAt = Math.max(end.lastAt, this.now + this.#delay());
    this.after(end.lastAt - this.now, () => {
      const held = this.#held.get(`${end.sid}>${to.sid}`);
      if (held !== undefined) held.push(deliver);
      else deliver();
    });
  }
}
