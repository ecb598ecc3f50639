// What goes wrong in a random run, and when: at a given event, or when a given packet is sent for the n-th time. Which
// kinds of faults a seed has at all is drawn first, so that some runs have many of one kind and none of another.

import type { PacketName } from '@corral/protocol';
import type { Cluster } from './cluster.ts';
import type { Primitive } from './disk.ts';
import type { SimNode } from './node.ts';
import type { Random } from './random.ts';
import type { SyncFailure } from './sim-file.ts';

export type FaultKind =
  | 'kill'
  | 'power'
  | 'crashPoint'
  | 'allDown'
  | 'cut'
  | 'oneWay'
  | 'isolate'
  | 'healNetwork'
  | 'reset'
  | 'stall'
  | 'hold'
  | 'syncFails'
  | 'ioError'
  | 'full'
  | 'stuckDisk'
  | 'pause'
  | 'wipe'
  | 'handOver'
  | 'start';

export type Trigger =
  { readonly kind: 'event'; readonly at: number } | { readonly kind: 'packet'; readonly name: PacketName; nth: number };

export interface PlannedFault {
  readonly kind: FaultKind;
  readonly trigger: Trigger;
}

const crashes: readonly FaultKind[] = ['kill', 'power', 'crashPoint', 'crashPoint', 'allDown'];
const network: readonly FaultKind[] = ['cut', 'oneWay', 'isolate', 'isolate', 'reset', 'stall', 'hold'];
const disks: readonly FaultKind[] = ['syncFails', 'ioError', 'full', 'stuckDisk'];
const interesting: readonly PacketName[] = [
  'followerInfo',
  'leaderInfo',
  'ackEpoch',
  'diff',
  'trunc',
  'snap',
  'newLeader',
  'ack',
  'ack',
  'upToDate',
  'proposal',
  'proposal',
  'commit',
];
const primitives: readonly (Primitive | 'any')[] = [
  'any',
  'any',
  'sync',
  'rename',
  'syncDir',
  'truncate',
  'remove',
  'create',
];
const syncFailures: readonly SyncFailure[] = ['kept', 'reverted', 'garbage'];

/** At most five crashes, five faults of the network, three of disks, and starts in between. */
export function drawFaults(random: Random, events: number): PlannedFault[] {
  const has = (percent: number): boolean => random.chance(percent);
  const crashKinds = crashes.filter(() => has(60));
  const networkKinds = network.filter(() => has(50));
  const diskKinds = disks.filter(() => has(40));
  const faults: PlannedFault[] = [];
  const add = (kinds: readonly FaultKind[], max: number): void => {
    if (kinds.length === 0) return;
    for (let count = random.between(0, max); count > 0; count--) {
      faults.push({ kind: random.pick(kinds), trigger: drawTrigger(random, events) });
    }
  };
  add(crashKinds, 5);
  add(networkKinds, 5);
  if (has(25)) add(diskKinds, 3);
  if (has(15)) add(['pause'], 2);
  if (has(6)) add(['wipe'], 1);
  if (has(15)) add(['handOver'], 4);
  add(['start', 'healNetwork'], 8);
  return faults;
}

function drawTrigger(random: Random, events: number): Trigger {
  if (random.chance(50)) return { kind: 'event', at: random.below(events) };
  return { kind: 'packet', name: random.pick(interesting), nth: 1 + random.below(random.pick([2, 6, 15])) };
}

/** Carries out a fault; false when it does not apply now. */
export function strike(cluster: Cluster, random: Random, kind: FaultKind): boolean {
  const up = [...cluster.nodes.values()].filter((node) => node.state === 'up');
  const node = pickNode(random, up);
  switch (kind) {
    case 'start':
      return startOne(cluster, random);
    case 'healNetwork':
      cluster.network.release();
      cluster.network.heal();
      return true;
    case 'allDown':
      for (const each of random.shuffle(up)) stopNode(random, each);
      return up.length > 0;
    default:
      return node !== undefined && strikeNode(cluster, random, kind, node);
  }
}

/** The leader is hit more often than the others. */
function pickNode(random: Random, up: readonly SimNode[]): SimNode | undefined {
  const leading = up.filter((node) => node.process?.machine?.role === 'leading');
  if (leading.length > 0 && random.chance(40)) return random.pick(leading);
  return up.length === 0 ? undefined : random.pick(up);
}

function stopNode(random: Random, node: SimNode): void {
  if (random.chance(50)) node.kill();
  else node.power();
}

function startOne(cluster: Cluster, random: Random): boolean {
  const down = [...cluster.nodes.values()].filter(({ state }) => state !== 'up');
  return down.length > 0 && random.pick(down).start();
}

function strikeNode(cluster: Cluster, random: Random, kind: FaultKind, node: SimNode): boolean {
  switch (kind) {
    case 'kill':
      node.kill();
      return true;
    case 'power':
      node.power();
      return true;
    case 'crashPoint':
      node.disk.crashAfter(random.between(1, 6), random.pick(primitives));
      return true;
    case 'wipe':
      if ([...cluster.nodes.values()].some(({ isExcused }) => isExcused)) return false;
      // Where members leave, the one that lost its disk may be needed for a majority: nobody could help it.
      if (cluster.knobs.reconfigs > 0) return false;
      // Before there was any leader all servers look empty, and a promise that is lost then is beyond the model.
      if (cluster.watch.ghost.established.size === 0) return false;
      node.wipe();
      return true;
    case 'handOver':
      node.process?.handOver(cluster.knobs.tickMs * random.between(1, 10));
      return true;
    case 'pause':
      node.pause();
      cluster.queue.after(random.between(10, 4000), () => node.resume());
      return true;
    case 'stuckDisk':
      node.process?.jobs.lane.hold();
      if (random.chance(70)) cluster.queue.after(random.between(10, 3000), () => node.process?.jobs.lane.release());
      return true;
    case 'syncFails':
      node.disk.inject({ kind, skip: random.below(4), mode: random.pick(syncFailures) });
      return true;
    case 'ioError': {
      const primitive = random.pick(['write', 'sync', 'rename', 'truncate', 'create', 'syncDir'] as const);
      node.disk.inject({ kind: 'fails', primitive, skip: random.below(4) });
      return true;
    }
    case 'full':
      node.disk.inject({ kind, bytesLeft: random.below(400) });
      return true;
    default:
      return strikeLinks(cluster, random, kind, node);
  }
}

function strikeLinks(cluster: Cluster, random: Random, kind: FaultKind, node: SimNode): boolean {
  const { network } = cluster;
  const others = [...cluster.nodes.keys()].filter((sid) => sid !== node.sid);
  const other = random.pick(others);
  switch (kind) {
    case 'cut':
      network.cut(node.sid, other);
      network.cut(other, node.sid);
      break;
    case 'oneWay':
      network.cut(node.sid, other);
      break;
    case 'isolate':
      for (const sid of others) {
        network.cut(node.sid, sid);
        network.cut(sid, node.sid);
      }
      break;
    case 'reset':
      network.reset(node.sid, other);
      return true;
    case 'stall':
      network.stall(node.sid, other);
      break;
    case 'hold':
      network.hold(node.sid, other, random.pick(interesting), random.below(3));
      break;
    default:
      return false;
  }
  if (random.chance(60)) {
    cluster.queue.after(random.between(50, 5000), () => {
      network.release();
      network.heal();
    });
  }
  return true;
}
