// The one four-letter word that servers in memory answer on their TCP ports: tools ask it to see who leads and how far a
// server is.

import { formatZxid } from '@corral/protocol';
import type { Pipeline } from './machine.ts';
import type { Role } from './world.ts';

const modes: Readonly<Partial<Record<Role, string>>> = {
  alone: 'standalone',
  leading: 'leader',
  following: 'follower',
  observing: 'observer',
};

/** As a server writes it. Latencies are not measured here: time is what the test makes it. */
export function srvrText(pipeline: Pipeline | undefined, role: Role, isServing: boolean, clients: number): string {
  const mode = modes[role];
  if (pipeline === undefined || mode === undefined || !isServing)
    return 'This ZooKeeper instance is not currently serving requests\n';
  const { stats, tree } = pipeline.ctx;
  return [
    'Zookeeper version: corral-testing, in memory',
    'Latency min/avg/max: 0/0/0',
    `Received: ${stats.packetsReceived}`,
    `Sent: ${stats.packetsSent}`,
    `Connections: ${clients}`,
    `Outstanding: ${pipeline.outstandingCount}`,
    `Zxid: ${formatZxid(tree.lastZxid)}`,
    `Mode: ${mode}`,
    `Node count: ${tree.nodes.count}`,
    '',
  ].join('\n');
}
