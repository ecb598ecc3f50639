import { errorCodes, openAcl } from '@corral/protocol';
import type { SessionId, Zxid } from '@corral/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SnapshotReader } from '../log/snapshot-reader.ts';
import { RestoredState } from '../restored-state.ts';
import { snapshotOf } from '../snapshots.ts';
import { MemoryReplica, bytesOf, plainOptions, textOf } from '../testing/memory-replica.ts';
import type { TestClient } from '../testing/memory-replica.ts';
import { parseLimits, quotaNodeOf } from '../tree/quota.ts';

const { Ok, QuotaExceeded, BadVersion, MarshallingError } = errorCodes;
const stats = (client: TestClient, path: string): string | null =>
  textOf(client.getData(`/zookeeper/quota${path}/zookeeper_stats`).result.data);

function setQuota(client: TestClient, path: string, limits: string): void {
  const levels = path.slice(1).split('/');
  for (let i = 1; i <= levels.length; i++) client.create(`/zookeeper/quota/${levels.slice(0, i).join('/')}`);
  client.create(`/zookeeper/quota${path}/zookeeper_limits`, { data: limits });
  client.create(`/zookeeper/quota${path}/zookeeper_stats`);
}

const newState = (): RestoredState => RestoredState.fresh(plainOptions);
let zxid = 0;
/** Applies one change; what cannot be done is left. */
function applyTo({ tree }: RestoredState, act: string, path: string, size: number): void {
  const header = { clientId: 1n as SessionId, cxid: 0, zxid: ++zxid as Zxid, time: 0 };
  const data = bytesOf(path.endsWith('limits') ? `count=${size},bytes=${size}` : 'x'.repeat(size));
  const isEmpty = tree.find(path) >= 0 && tree.nodes.childCount[tree.find(path)] === 0;
  if (act === 'create')
    tree.apply(header, { kind: 'create', code: 1, path, data, acl: openAcl, ephemeral: false, parentCversion: -1, ttlMs: 0 }); // prettier-ignore
  if (act === 'set') tree.apply(header, { kind: 'setData', code: 5, path, data, version: 1 });
  if (act === 'delete' && isEmpty && !path.endsWith('quota')) tree.apply(header, { kind: 'delete', code: 2, path });
  tree.completed(header.zxid);
}
const create = (state: RestoredState, path: string, size: number): void => applyTo(state, 'create', path, size);

/** What a server has that starts on a snapshot of this state. */
function reloaded(from: RestoredState): RestoredState {
  const state = new RestoredState(plainOptions);
  const reader = new SnapshotReader(state, 'file');
  const source = snapshotOf(from, plainOptions);
  for (let chunk = source.next(); chunk !== null; chunk = source.next()) reader.push(chunk);
  reader.finish();
  state.snapshotDone({ zxid: from.tree.lastZxid });
  return state;
}

const hard = (count: number, bytes: number): string =>
  `count=-1,bytes=-1=;byteHardLimit=${bytes};countHardLimit=${count}`;

describe('usage', () => {
  test('counts from what is there when the statistics node is created, and follows changes', () => {
    const client = new MemoryReplica().connect();
    client.create('/q', { data: 'abc' });
    client.create('/q/x', { data: 'de' });
    client.create('/qq', { data: 'not below' });
    setQuota(client, '/q', 'count=10,bytes=100');
    expect(stats(client, '/q')).toBe('count=2,bytes=5');
    client.create('/q/x/y', { data: null });
    expect(stats(client, '/q')).toBe('count=3,bytes=5');
    client.setData('/q/x', 'longer');
    expect(stats(client, '/q')).toBe('count=3,bytes=9');
    client.setData('/q', '');
    client.delete('/q/x/y');
    client.setData('/qq', '');
    expect(stats(client, '/q')).toBe('count=2,bytes=6');
  });

  test('counts what lies below other quotas too, and only while there are limits', () => {
    const client = new MemoryReplica().connect();
    client.create('/q');
    client.create('/q/r');
    setQuota(client, '/q', 'count=10,bytes=100');
    setQuota(client, '/q/r', 'count=10,bytes=100');
    client.create('/q/r/a', { data: 'abc' });
    client.create('/q/b', { data: 'x' });
    expect([stats(client, '/q'), stats(client, '/q/r')]).toEqual(['count=4,bytes=4', 'count=2,bytes=3']);
    client.delete('/zookeeper/quota/q/r/zookeeper_limits');
    client.create('/q/r/c');
    expect([stats(client, '/q'), stats(client, '/q/r')]).toEqual(['count=5,bytes=4', 'count=2,bytes=3']);
  });

  test('moves neither version nor zxid of its node', () => {
    const client = new MemoryReplica().connect();
    client.create('/q');
    setQuota(client, '/q', 'count=10,bytes=100');
    const stat = () => client.exists('/zookeeper/quota/q/zookeeper_stats').result.stat;
    const before = stat();
    client.create('/q/a', { data: 'x'.repeat(20) });
    expect(stat()).toEqual({ ...before, dataLength: 'count=2,bytes=20'.length });
  });

  test('is the same on a server that has just started as on one that has run all along', () => {
    const places = ['/q', '/q/a', '/q/a/b', '/r', '/zookeeper', '/zookeeper/quota'];
    const paths = [...places, '/q/c', '/q/a/b/d', '/zookeeper/x'];
    const change = fc.oneof(
      fc.tuple(fc.constantFrom('create', 'set', 'delete'), fc.constantFrom(...paths), fc.nat({ max: 9 })),
      fc.tuple(
        fc.constantFrom('create', 'set', 'delete'),
        fc
          .tuple(fc.constantFrom(...places), fc.constantFrom('limits', 'stats'))
          .map(([path, kind]) => `/zookeeper/quota${path}/zookeeper_${kind}`),
        fc.nat({ max: 9 }),
      ),
      fc.constant(['restart', '', 0] as const),
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const running = newState();
        let restarted = newState();
        for (const path of places.filter((place) => place !== '/zookeeper' && place !== '/zookeeper/quota'))
          for (const each of [running, restarted]) create(each, `/zookeeper/quota${path}`, 0);
        for (const [act, path, size] of changes) {
          if (act === 'restart') restarted = reloaded(restarted);
          else for (const each of [running, restarted]) applyTo(each, act, path, size);
        }
        for (const quota of running.tree.quotas.all()) {
          if (quota.limits === undefined || quota.statsNode < 0) continue;
          const same = [...reloaded(restarted).tree.quotas.all()].find(({ path }) => path === quota.path);
          expect([quota.path, same?.count, same?.bytes]).toEqual([quota.path, quota.count, quota.bytes]);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('is counted once for a node, however often its quota is made and deleted', () => {
    const state = newState();
    const { tree } = state;
    create(state, '/f', 3);
    create(state, '/zookeeper/quota/f', 0);
    const stats = '/zookeeper/quota/f/zookeeper_stats';
    create(state, stats, 0);
    expect(textOf(tree.data(tree.find(stats)))).toBe('count=1,bytes=3');
    // Whoever counts again finds one node.
    for (const quota of tree.quotas.all()) quota.count = 41;
    applyTo(state, 'delete', stats, 0);
    create(state, '/f/x', 2);
    create(state, stats, 0);
    expect(textOf(tree.data(tree.find(stats)))).toBe('count=42,bytes=5');
    applyTo(state, 'delete', stats, 0);
    applyTo(state, 'delete', '/f/x', 0);
    applyTo(state, 'delete', '/f', 0);
    expect([...tree.quotas.all()]).toEqual([]);
  });

  test('equals a recount after any changes', () => {
    const paths = ['/q', '/q/a', '/q/b', '/q/a/c', '/qx', '/q/a/c/d'];
    const change = fc.tuple(fc.constantFrom('create', 'set', 'delete'), fc.constantFrom(...paths), fc.nat({ max: 9 }));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 40 }), (changes) => {
        const world = new MemoryReplica();
        const client = world.connect();
        setQuota(client, '/q', 'count=1,bytes=1');
        for (const [act, path, size] of changes) {
          if (act === 'create') client.create(path, { data: 'x'.repeat(size) });
          if (act === 'set') client.setData(path, 'x'.repeat(size));
          if (act === 'delete') client.delete(path);
        }
        const present = paths
          .slice(0, 4)
          .concat('/q/a/c/d')
          .filter((path) => client.exists(path).err === Ok);
        const bytes = present.reduce((sum, path) => sum + client.exists(path).result.stat.dataLength, 0);
        expect(stats(client, '/q')).toBe(`count=${present.length},bytes=${bytes}`);
      }),
      { numRuns: 40 },
    );
  });
});

describe('hard limits', () => {
  const limited = (limits: string, options = {}): TestClient => {
    const client = new MemoryReplica({ enforceQuota: true, ...options }).connect();
    client.create('/q');
    setQuota(client, '/q', limits);
    return client;
  };

  test('refuse creates beyond the count and data beyond the bytes', () => {
    const client = limited(hard(3, 10));
    expect([client.create('/q/a').err, client.create('/q/b').err, client.create('/q/c').err]).toEqual([
      Ok,
      Ok,
      QuotaExceeded,
    ]);
    expect([client.setData('/q/a', 'x'.repeat(10)).err, client.setData('/q/b', 'x').err]).toEqual([Ok, QuotaExceeded]);
    expect(client.setData('/q/b', '').err).toBe(Ok);
    expect(client.setData('/q/a', 'y'.repeat(9)).err).toBe(Ok);
    client.delete('/q/b');
    expect(client.create('/q/d', { data: 'zz' }).err).toBe(QuotaExceeded);
    expect(client.create('/q/d', { data: 'z' }).err).toBe(Ok);
    expect(client.create('/qx', { data: 'x'.repeat(100) }).err).toBe(Ok);
  });

  test('below what is there already still let data of the same size through', () => {
    const client = limited(hard(-1, 10));
    client.setData('/q', '0123456789');
    client.setData('/zookeeper/quota/q/zookeeper_limits', hard(-1, 5));
    expect([client.setData('/q', '9876543210').err, client.setData('/q', '012345678').err]).toEqual([
      Ok,
      QuotaExceeded,
    ]);
    expect(client.create('/q/empty', { data: null }).err).toBe(Ok);
  });

  test('are checked before the version', () => {
    const client = limited(hard(-1, 3));
    expect(client.setData('/q', 'xxxx', 99).err).toBe(QuotaExceeded);
    expect(client.setData('/q', 'xxx', 99).err).toBe(BadVersion);
  });

  test('follow a change of the limits at once', () => {
    const client = limited(hard(1, -1));
    expect(client.create('/q/a').err).toBe(QuotaExceeded);
    client.setData('/zookeeper/quota/q/zookeeper_limits', hard(2, -1));
    expect(client.create('/q/a').err).toBe(Ok);
  });

  test('do nothing when enforcement is off, when the statistics are missing, or when only soft ones are set', () => {
    const off = limited(hard(1, 1), { enforceQuota: false });
    expect(off.create('/q/a', { data: 'xxx' }).err).toBe(Ok);
    const without = limited(hard(1, 1));
    without.delete('/zookeeper/quota/q/zookeeper_stats');
    expect(without.create('/q/a', { data: 'xxx' }).err).toBe(Ok);
    expect(limited('count=1,bytes=1').create('/q/a', { data: 'xxx' }).err).toBe(Ok);
  });

  test('that are malformed make writes below undecodable, and nothing else', () => {
    const client = limited('rubbish');
    expect(client.create('/q/a').err).toBe(MarshallingError);
    expect(client.setData('/q', 'x').err).toBe(MarshallingError);
    expect(client.create('/r').err).toBe(Ok);
    client.delete('/zookeeper/quota/q/zookeeper_stats');
    expect(client.create('/q/a').err).toBe(MarshallingError);
    client.call('setData', { path: '/zookeeper/quota/q/zookeeper_limits', data: null, version: -1 });
    expect(client.create('/q/a').err).toBe(MarshallingError);
    client.setData('/zookeeper/quota/q/zookeeper_limits', '');
    expect(client.create('/q/a').err).toBe(Ok);
  });
});

test('limits are parsed as old and new clients write them', () => {
  expect(parseLimits('count=5,bytes=6')).toEqual({ count: 5, bytes: 6, countHard: -1, bytesHard: -1 });
  expect(parseLimits('count=5,bytes=6=;byteHardLimit=7;countHardLimit=8')).toEqual({ count: 5, bytes: 6, countHard: 8, bytesHard: 7 }); // prettier-ignore
  expect(parseLimits('__proto__=5,constructor=6')).toEqual({ count: -1, bytes: -1, countHard: -1, bytesHard: -1 });
  expect(parseLimits('count==5;countHardLimit=9223372036854775807,')).toMatchObject({ count: -1, countHard: 2 ** 63 });
  for (const text of ['x', 'count', 'count=', 'count=x', 'count=1.5', ',count=1', 'bytes=9223372036854775808'])
    expect([text, parseLimits(text)]).toEqual([text, 'malformed']);
});

test('quota nodes are those below /zookeeper/quota with the two names, except for the root', () => {
  expect(quotaNodeOf('/zookeeper/quota/a/b/zookeeper_limits')).toEqual({ target: '/a/b', kind: 'limits' });
  expect(quotaNodeOf('/zookeeper/quota/a/zookeeper_stats')).toEqual({ target: '/a', kind: 'stats' });
  for (const path of [
    '/zookeeper/quota/zookeeper_limits',
    '/a/zookeeper_limits',
    '/zookeeper/quota/a/xzookeeper_limits',
  ])
    expect(quotaNodeOf(path)).toBeUndefined();
});
