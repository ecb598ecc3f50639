// The servers under comparison: each alone, and ensembles of both kinds with either leading.

import { ensurePeers, peerClasspath } from '../ensemble/apache.mjs';
import { Ensemble } from '../ensemble/ensemble.mjs';
import { Server } from '../lib/server.mjs';
import { superDigest } from './pools.mjs';

/** Alike everywhere. Nothing is reaped during a run, and nothing waits for a disk: this tier does not ask about either. */
const settings = {
  'DigestAuthenticationProvider.superDigest': superDigest,
  enforceQuota: true,
  forceSync: 'no',
  snapCount: 2000,
  preAllocSize: 4096,
  maxSessionTimeout: 60_000,
  'znode.container.checkIntervalMs': 3_600_000,
};

/** A server alone. Apache's one logs here, because its log says why it ended. */
class Alone extends Server {
  command(config) {
    const [command, args] = super.command(config);
    if (this.kind === 'apache') args[args.indexOf('-cp') + 1] = peerClasspath('apache');
    return [command, args];
  }
}

export async function alone(kind, more = {}) {
  await ensurePeers();
  const server = await Alone.fresh(kind, { ...settings, ...more });
  return {
    name: `${kind} alone`,
    ports: [server.port],
    server,
    alive: () => server.alive(),
    tail: () => server.logTail(),
    close: (options) => server.close(options),
  };
}

/** Three members: the leader's kind once, the other kind twice; clients are spread over all of them. */
export async function ensemble(leading) {
  const other = leading === 'apache' ? 'corral' : 'apache';
  const group = await Ensemble.prepare([other, other, leading], { settings: { ...settings, tickTime: 1000 } });
  for (const member of group.members) member.isNew();
  await group.start(1, 3);
  await group.start(2);
  const leader = await group.leader();
  if (leader.sid !== 3) throw new Error(`server ${leader.sid} leads instead of 3`);
  return {
    name: `${leading} leads two of ${other}`,
    ports: group.members.map((member) => member.port),
    level: true,
    group,
    alive: () => group.members.every((member) => member.running),
    tail: () => group.members.map((member) => member.logTail()).join('\n'),
    close: (options) => group.close(options),
  };
}
