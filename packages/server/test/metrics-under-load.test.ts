// Which metrics move in an ensemble: every one that the table explains does, but for those it says stay at zero, and those
// about something that this load does not contain.

import { errorCodes } from '@corral/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as table from '../src/admin/metrics-table.ts';
import { TestEnsemble } from './serving-ensemble.ts';
import type { ServingRole } from './serving-ensemble.ts';
import { openAcl, WireClient } from './wire.ts';

const roles: readonly ServingRole[] = ['leader', 'follower', 'observer'];
let ensemble: TestEnsemble;

async function load(port: number, role: string): Promise<void> {
  const client = await WireClient.open(port);
  const watcher = await WireClient.open(port);
  const top = `/${role}`;
  expect(await client.create(top, '')).toMatchObject({ err: 0 });
  await watcher.sync();
  for (let at = 0; at < 20; at++) {
    const path = `${top}/${at}`;
    await watcher.call('exists', { path, watch: true });
    await watcher.call('getChildren', { path: top, watch: true });
    await Promise.all([client.create(path, 'x'), client.set(path, 'y'), client.text(path)]);
    await watcher.sync();
    await watcher.call('getData', { path, watch: true });
    await client.set(path, 'z');
    await watcher.sync();
    await watcher.call('exists', { path, watch: true });
    await client.call('delete', { path, version: -1 });
  }
  await client.call('createTTL', { path: `${top}/ttl`, data: null, acl: openAcl, flags: 5, ttl: 1 });
  while ((await client.call('exists', { path: `${top}/ttl`, watch: false })).err === 0) await client.sync();
  await expire(port, role);
  await limit(client, role);
  client.socket.destroy();
  const again = await WireClient.open(port, client);
  expect(again.sessionId).toBe(client.sessionId);
  await again.sync();
  again.socket.destroy();
  expect(await watcher.call('closeSession', {})).toMatchObject({ err: 0 });
  const tooMuch = await WireClient.open(port);
  await expect(tooMuch.set(top, 'x'.repeat(5000))).rejects.toThrow(/closed/);
}

/** A session is left to itself until it is over. */
async function expire(port: number, role: string): Promise<void> {
  const path = `/${role}/ephemeral`;
  const left = await WireClient.open(port, undefined, { timeoutMs: 200 });
  expect(await left.call('create', { path, data: null, acl: openAcl, flags: 1 })).toMatchObject({ err: 0 });
  left.socket.destroy();
  const witness = await WireClient.open(port);
  while ((await witness.call('exists', { path, watch: false })).err === 0) await witness.sync();
  witness.socket.destroy();
}

/** Below this node there may be one child. */
async function limit(client: WireClient, role: string): Promise<void> {
  const quota = `/zookeeper/quota/${role}`;
  await client.create('/zookeeper/quota', '');
  await client.create(quota, '');
  await client.create(`${quota}/zookeeper_limits`, 'count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2');
  await client.create(`${quota}/zookeeper_stats`, 'count=1,bytes=0');
  await client.create(`/${role}/first`, '');
  expect(await client.create(`/${role}/second`, '')).toMatchObject({ err: errorCodes.QuotaExceeded });
}

function idleOf(role: ServingRole): Set<string> {
  const { facts } = ensemble.one(role).server;
  facts.gauges(); // copies what the core keeps as fields
  const { metrics } = facts;
  const idle = new Set<string>();
  for (const [name, { value }] of metrics.counters) if (value === 0) idle.add(name);
  for (const all of [metrics.summaries, metrics.advancedSummaries])
    for (const [name, { count }] of all) if (count === 0) idle.add(name);
  for (const all of [metrics.counterSets, metrics.summarySets, metrics.advancedSummarySets])
    for (const [name, set] of all) if ([...set.entries()].length === 0) idle.add(name);
  return idle;
}

beforeAll(async () => {
  ensemble = await TestEnsemble.start({
    tickTime: 100,
    extendedTypesEnabled: true,
    enforceQuota: true,
    'znode.container.checkIntervalMs': 100,
    snapCount: 40,
    'jute.maxbuffer': 4000,
  });
  for (const role of roles) await load(ensemble.one(role).port, role);
});
afterAll(() => ensemble.stop());

/** What this load does not contain: failures, limits, and what is only done when an operator asks for it. */
const notInThisLoad = [
  'snapshot_error_count',
  'snapshot_rate_limited_count',
  'restore_error_count',
  'restore_rate_limited_count',
  'restore_time',
  'connection_rejected',
  'unrecoverable_error_count',
  'sessionless_connections_expired',
  'quit_leading_due_to_disloyal_voter',
  'digest_mismatches_count',
  'cnxn_closed_without_zk_server_running',
  'greedy_connections_cut',
  'watches_refused',
  'strangers_refused',
];

it('every metric moves on some server, but for those about what the load does not contain or Corral does not have', () => {
  const [leader, follower, observer] = roles.map(idleOf);
  const idle = [...leader].filter((name) => follower.has(name) && observer.has(name) && !name.startsWith('op_count_'));
  const all: Record<string, string> = { ...table.counters, ...table.counterSets, ...table.summaries };
  Object.assign(all, table.summarySets, table.advancedSummaries, table.advancedSummarySets);
  const neverMoving = Object.keys(all).filter((name) => /: (always 0|never shown)\.$/.test(all[name]));
  expect(idle.sort()).toEqual([...neverMoving, ...notInThisLoad].sort());
});

it('each operation is counted where its client is', () => {
  for (const role of roles) {
    const { facts } = ensemble.one(role).server;
    facts.gauges();
    expect(facts.metrics.operation('create').value).toBeGreaterThanOrEqual(22);
    expect(facts.metrics.operation('closeSession').value).toBe(1);
    expect(facts.metrics.operation('multi').value).toBe(0);
  }
});

it('a leader tells of each of its learners', () => {
  const { metrics } = ensemble.one('leader').server.facts;
  const followers = ensemble.members.filter(({ server }) => server.facts.mode() === 'follower');
  const sids = followers.map(({ server }) => String(server.facts.ensemble()?.sid)).sort();
  const keysOf = (set: { entries(): Iterable<[string, unknown]> }): string[] => [...set.entries()].map(([key]) => key);
  expect(keysOf(metrics.advancedSet('ack_latency')).sort()).toEqual(sids);
  expect(keysOf(metrics.advancedSet('learner_handler_qp_time_ms')).sort()).toEqual([...sids, '4'].sort());
});
