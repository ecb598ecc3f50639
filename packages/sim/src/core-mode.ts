// Invariant 44: a majority that works and can talk must be enough, whatever the rest does. Some servers are left outside, cut
// off from all or from all but one of the others; what clients of those inside ask for has to be done, under a leader inside or at the other end of a bridge.

import type { SimClient } from './clients.ts';
import type { Cluster } from './cluster.ts';
import type { Random } from './random.ts';

/** Simulated time a healthy majority gets until a write is done. */
const patienceMs = 60_000;

export function keepCore(cluster: Cluster, random: Random, clients: readonly SimClient[]): void {
  const { network, knobs } = cluster;
  const everyone = [...cluster.nodes.keys()];
  const voters = everyone.filter((sid) => sid <= knobs.voters);
  const core = random
    .shuffle(voters)
    .filter((sid) => hasVote(cluster, sid))
    .slice(0, Math.floor(knobs.voters / 2) + 1);
  if (core.length * 2 <= knobs.voters) return;
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
  waitForWrite(cluster, core, clients);
  for (const client of clients) client.servers = everyone;
}

/** Who has lost its disk has no vote until it is synchronised: with it alone a majority must not do anything. */
function hasVote(cluster: Cluster, sid: number): boolean {
  const { isAmnesic, isDamaged } = cluster.watch.ghost.server(sid);
  return !isAmnesic && !isDamaged;
}

function waitForWrite(cluster: Cluster, core: readonly number[], clients: readonly SimClient[]): void {
  const deadline = cluster.queue.now + patienceMs;
  const isDone = (): boolean => clients.every(({ isIdle, isStopped }) => isIdle || isStopped);
  while (cluster.violation === undefined && !isDone()) {
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
