// Invariant 44: a majority that works and can talk must be enough, whatever the rest does. Some servers are left outside,
// cut off from all or from all but one of the others; what clients of those inside ask for has to be done, under a leader
// inside or at the other end of a bridge.

import { isMajority, votersIn } from './checkers/ghost.ts';
import type { ServerView } from './checkers/ghost.ts';
import type { SimClient } from './clients.ts';
import type { Cluster } from './cluster.ts';
import type { Random } from './random.ts';

/** Simulated time a healthy majority gets until a write is done. */
const patienceMs = 60_000;

export function keepCore(cluster: Cluster, random: Random, clients: readonly SimClient[]): void {
  const { network } = cluster;
  const { ghost } = cluster.watch;
  const everyone = [...cluster.nodes.keys()];
  const { config, pendingConfigs } = ghost;
  const pending = [...pendingConfigs.keys()].at(-1);
  // What was asked for before may still change who is needed, even while disks and networks become whole.
  const isCore = (): boolean => ghost.config === config && [...pendingConfigs.keys()].at(-1) === pending;
  const core = drawCore(cluster, random);
  if (core.length === 0) return;
  cluster.note(`only ${core.join(', ')} are whole from here on`);
  cluster.heal();
  for (const sid of everyone.filter((each) => !core.includes(each))) {
    const bridge = random.chance(60) ? random.pick(core) : undefined;
    for (const other of core) {
      if (other === bridge) continue;
      network.cut(sid, other);
      network.cut(other, sid);
    }
  }
  for (const client of clients) {
    client.servers = core;
    client.reconnect();
    if (!client.isStopped) client.submit({ kind: 'set', path: '/a', value: 'core' });
  }
  waitForWrite(cluster, core, clients, isCore);
  for (const client of clients) client.servers = everyone;
}

/**
 * Just enough servers for a majority of the voters; while a configuration is on its way, of those to come as well, and of
 * those whom some server still takes for the voters: nobody can know that others are, until somebody says so.
 */
function drawCore(cluster: Cluster, random: Random): number[] {
  const { ghost } = cluster.watch;
  const servers = [...ghost.servers.values()];
  const known = new Set(servers.map(({ sid, config }) => config ?? cluster.configFor(sid)));
  const quorums = [new Set(cluster.voters), ...ghost.pendingVoters(Infinity), ...[...known].map(votersIn)];
  const voters = [...ghost.servers.keys()].filter((sid) => quorums.some((each) => each.has(sid)));
  const core: number[] = [];
  const isEnough = (): boolean => quorums.every((each) => isMajority(each, new Set(core)));
  for (const sid of random.shuffle(voters)) {
    if (isEnough()) break;
    if (hasVote(cluster, sid) && knowsItself(cluster, sid)) core.push(sid);
  }
  return isEnough() && knowTheirLeader(cluster, core) ? core : [];
}

/**
 * Only the longest history can lead. While a configuration is on its way that may be a joining voter's, of which the others
 * have not heard: they have to wait for somebody who tells them, or who needs not be told.
 */
function knowTheirLeader(cluster: Cluster, core: readonly number[]): boolean {
  const views = core.map((sid) => cluster.watch.ghost.server(sid));
  const isLonger = (a: ServerView, b: ServerView): boolean =>
    a.history.currentEpoch > b.history.currentEpoch ||
    (a.history.currentEpoch === b.history.currentEpoch && a.history.last > b.history.last);
  const longest = views.reduce((best, view) => (isLonger(view, best) ? view : best));
  return views.every(({ sid, config }) => votersIn(config ?? cluster.configFor(sid)).has(longest.sid));
}

/** Who was removed and has not heard that it is to vote again has no address to give, so others cannot call it back. */
function knowsItself(cluster: Cluster, sid: number): boolean {
  const { ghost } = cluster.watch;
  const { config, history } = ghost.server(sid);
  const toCome = [...ghost.pendingConfigs].filter(([at]) => history.find(at) !== undefined).map(([, next]) => next);
  return [config ?? cluster.configFor(sid), ...toCome].some((known) => known.members.has(sid));
}

/** Who has lost its disk has no vote until it is synchronised: with it alone a majority must not do anything. */
function hasVote(cluster: Cluster, sid: number): boolean {
  const { isAmnesic, isDamaged } = cluster.watch.ghost.server(sid);
  return !isAmnesic && !isDamaged;
}

function waitForWrite(
  cluster: Cluster,
  core: readonly number[],
  clients: readonly SimClient[],
  isCore: () => boolean,
): void {
  const deadline = cluster.queue.now + patienceMs;
  const isDone = (): boolean => clients.every(({ isIdle, isStopped }) => isIdle || isStopped);
  while (cluster.violation === undefined && isCore() && !isDone()) {
    if (cluster.queue.now >= deadline) {
      const facts = `${core.join(', ')} are whole and connected, and after ${patienceMs} ms no write is done`;
      return cluster.watch.ghost.fail(44, 'no unjustified unavailability', facts);
    }
    for (const sid of core) {
      cluster.node(sid).process?.jobs.lane.release();
      cluster.node(sid).start();
    }
    cluster.run(200);
  }
}
