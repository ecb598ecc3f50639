import { JuteWriter, errorCodes, opcodes, records } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import { MemoryReplica, bytesOf, open } from '../testing/memory-replica.ts';
import type { TestClient } from '../testing/memory-replica.ts';
import { multiBody, multiResults } from '../testing/multi.ts';
import type { Part } from '../testing/multi.ts';

const { Ok, NoNode, NodeExists, NotEmpty, BadVersion, RuntimeInconsistency, MarshallingError } = errorCodes;
const { BadArguments, Unimplemented, QuotaExceeded } = errorCodes;

const node = (path: string, flags = 0) => ({ path, data: bytesOf('d'), acl: open, flags });
const create = (path: string, flags = 0): Part => ['create', node(path, flags)];
const createTtl = (path: string, flags: number): Part => ['createTTL', { ...node(path, flags), ttl: 5 }];
const set = (path: string, version = -1): Part => ['setData', { path, data: bytesOf('s'), version }];
const remove = (path: string, version = -1): Part => ['delete', { path, version }];
const check = (path: string, version: number): Part => ['check', { path, version }];
const read = (path: string): Part => ['getData', { path, watch: true }];
const list = (path: string): Part => ['getChildren', { path, watch: true }];

const multi = (client: TestClient, ...parts: Part[]) => {
  const reply = client.callRaw(opcodes.multi, multiBody(parts));
  return { ...reply, results: reply.err === 0 ? multiResults(reply) : [] };
};
const codes = (results: readonly { err: number }[]): number[] => results.map(({ err }) => err);

describe('a multi', () => {
  test('answers each part in its own form, with one zxid', () => {
    const world = new MemoryReplica({ extendedTypes: true });
    const client = world.connect();
    const { zxid, results } = multi(
      client,
      create('/a'),
      ['create2', { path: '/a/b', data: null, acl: open, flags: 2 }],
      ['createContainer', { path: '/c', data: null, acl: open, flags: 0 }],
      ['createTTL', { path: '/t', data: null, acl: open, flags: 5, ttl: 1000 }],
      set('/a', 0),
      check('/a', 1),
      remove('/c'),
    );
    expect(results).toMatchObject([
      { type: 1, err: 0, path: '/a' },
      { type: 15, err: 0, path: '/a/b0000000000', stat: { czxid: BigInt(zxid) } },
      { type: 15, err: 0, path: '/c', stat: { ephemeralOwner: 0n } },
      { type: 15, err: 0, path: '/t', stat: { ephemeralOwner: 0n } },
      { type: 5, err: 0, stat: { version: 1, czxid: BigInt(zxid), mzxid: BigInt(zxid), numChildren: 1 } },
      { type: 13, err: 0 },
      { type: 2, err: 0 },
    ]);
    expect(client.children('/')).toEqual(['a', 't', 'zookeeper']);
    expect(world.tree.lastZxid).toBe(zxid);
  });

  test('that is empty answers the end marker alone', () => {
    expect(multi(new MemoryReplica().connect())).toMatchObject({ err: Ok, results: [] });
  });

  test('whose part fails changes nothing and says which one it was', () => {
    const world = new MemoryReplica();
    const client = world.connect();
    client.create('/s');
    const before = client.exists('/s').result.stat;
    const failed = multi(
      client,
      create('/s/n', 2),
      set('/s'),
      create('/s/n', 2),
      create('/'),
      remove('/s'),
      create('/x'),
    );
    expect(failed.err).toBe(Ok);
    expect(failed.results).toEqual(
      [0, 0, 0, NodeExists, RuntimeInconsistency, RuntimeInconsistency].map((err) => ({ type: -1, err })),
    );
    expect(world.tree.lastZxid).toBe(failed.zxid);
    expect(client.exists('/s').result.stat).toEqual(before);
    expect(client.children('/s')).toEqual([]);
    expect(client.call('create', { path: '/s/n', data: null, acl: open, flags: 2 }).result.path).toBe('/s/n0000000000');
  });

  test('sees its own earlier parts', () => {
    const client = new MemoryReplica().connect();
    expect(codes(multi(client, create('/a'), create('/a/b'), remove('/a')).results)).toEqual([0, 0, NotEmpty]);
    expect(codes(multi(client, create('/a'), create('/a')).results)).toEqual([0, NodeExists]);
    expect(codes(multi(client, create('/a'), remove('/a'), set('/a')).results)).toEqual([0, 0, NoNode]);
    expect(codes(multi(client, create('/a'), set('/a', 0), set('/a', 0)).results)).toEqual([0, 0, BadVersion]);
    expect(codes(multi(client, create('/a'), remove('/a', 0), create('/a'), check('/a', 0)).results)).toEqual([
      0, 0, 0, 0,
    ]);
  });

  test('that failed leaves no trace for requests pipelined behind it', () => {
    const world = new MemoryReplica();
    const client = world.connect();
    world.isLogHeld = true;
    client.submitRaw(opcodes.create, multiBody([]).slice(0, 0), 1);
    client.submitRaw(opcodes.multi, multiBody([create('/a'), create('/q-', 2), create('/zookeeper')]), 2);
    client.submit('create', { path: '/q-', data: null, acl: open, flags: 2 }, 3);
    client.submit('setData', { path: '/a', data: null, version: -1 }, 4);
    client.submitRaw(opcodes.multi, multiBody([create('/a'), create('/q-', 2)]), 5);
    client.submit('setData', { path: '/a', data: null, version: 0 }, 6);
    world.settle();
    expect(world.replica.pipeline.ctx.outstanding.size).toBeGreaterThan(0);
    world.releaseLog();
    const replies = client.replies();
    expect(replies.map(({ xid, err }) => [xid, err])).toEqual([
      [1, MarshallingError],
      [2, Ok],
      [3, Ok],
      [4, NoNode],
      [5, Ok],
      [6, Ok],
    ]);
    expect(client.decode('create', replies[2]).path).toBe('/q-0000000000');
    expect(multiResults(replies[4])[1]).toMatchObject({ path: '/q-0000000002' });
    expect(world.replica.pipeline.ctx.outstanding.size).toBe(0);
  });

  test('makes what the flags say, whatever create it is', () => {
    const client = new MemoryReplica({ extendedTypes: true }).connect();
    const kinds: [Part, number][] = [
      [create('/a', 4), opcodes.create2],
      [['create2', node('/b', 4)], opcodes.create2],
      [['createContainer', node('/c', 1)], opcodes.create2],
      [createTtl('/d', 0), opcodes.create],
      [createTtl('/e', 1), opcodes.create],
      [createTtl('/f', 4), opcodes.create2],
      [createTtl('/g', 5), opcodes.create2],
    ];
    for (const [part, type] of kinds) expect(multi(client, part).results).toMatchObject([{ type, err: 0 }]);
    expect(client.exists('/c').result.stat.ephemeralOwner).toBe(0n);
    expect(client.exists('/e').result.stat.ephemeralOwner).not.toBe(0n);
    expect(codes(multi(client, createTtl('/h', 9)).results)).toEqual([BadArguments]);
    for (const name of ['create', 'create2', 'createContainer'] as const)
      expect(multi(client, [name, node('/h', 5)]).err).toBe(MarshallingError);
  });

  test.each<[string, Uint8Array]>([
    ['a read inside', multiBody([create('/a'), read('/')])],
    ['a setACL inside', multiBody([create('/a'), ['setACL', { path: '/a', acl: open, version: -1 }]])],
    ['a multi inside', multiBody([['multi', {}]])],
    ['a null path', multiBody([['delete', { path: null, version: -1 }]])],
    ['a create without a list of ACLs', multiBody([create('/b'), ['create', { ...node('/a'), acl: null }]])],
    ['a container without a list of ACLs', multiBody([['createContainer', { ...node('/a', 4), acl: null }]])],
    ['unknown create flags', multiBody([create('/a', 9)])],
    [
      'an ACL entry without an id',
      multiBody([create('/b'), ['create', { ...node('/a'), acl: [{ perms: 31, id: { scheme: 'world', id: null } }] }]]),
    ],
    ['no end marker', multiBody([create('/a')]).slice(0, -9)],
    ['nothing at all', new Uint8Array(0)],
  ])('with %s is undecodable as a whole', (_, body) => {
    const world = new MemoryReplica();
    const client = world.connect();
    // A transaction that failed, for a server that follows: the next write has the next zxid.
    expect(client.callRaw(opcodes.multi, body)).toMatchObject({ err: MarshallingError, zxid: 2 });
    expect(client.exists('/a').err).toBe(NoNode);
    expect(client.isClosed).toBe(false);
  });

  test('cut anywhere is undecodable and changes nothing but the zxid', () => {
    const world = new MemoryReplica();
    const client = world.connect();
    const whole = multiBody([create('/a'), set('/a'), check('/a', 1), remove('/a')]);
    for (let length = 0; length < whole.length; length++)
      expect([length, client.callRaw(opcodes.multi, whole.slice(0, length)).err]).toEqual([length, MarshallingError]);
    expect(world.tree.lastZxid).toBe(1 + whole.length);
    expect(world.tree.nodes.count).toBe(4);
  });

  test('ends at the flag, whatever the type says, and ignores what follows', () => {
    const client = new MemoryReplica().connect();
    const w = new JuteWriter();
    w.raw(multiBody([create('/a')]).slice(0, -9));
    records.multiHeader.write(w, { type: opcodes.getData, done: true, err: 7 });
    w.raw(Uint8Array.of(1, 2, 3));
    expect(codes(multiResults(client.callRaw(opcodes.multi, w.toBytes())))).toEqual([0]);
  });

  test('fails in an entry for flags that need extended types and for paths that are invalid', () => {
    const client = new MemoryReplica().connect();
    expect(codes(multi(client, createTtl('/a', 5)).results)).toEqual([Unimplemented]);
    expect(codes(multi(client, create('/a'), create('/a/\u0001')).results)).toEqual([0, BadArguments]);
    expect(codes(multi(client, create('/a', 4), remove('/zookeeper')).results)).toEqual([0, BadArguments]);
  });

  test('is checked against the quota as it was before', () => {
    const client = new MemoryReplica({ enforceQuota: true }).connect();
    for (const path of ['/q', '/zookeeper/quota/q']) client.create(path);
    client.create('/zookeeper/quota/q/zookeeper_limits', {
      data: 'count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2',
    });
    client.create('/zookeeper/quota/q/zookeeper_stats');
    expect(codes(multi(client, create('/q/a'), create('/q/b'), create('/q/c')).results)).toEqual([0, 0, 0]);
    expect(codes(multi(client, create('/q/d')).results)).toEqual([QuotaExceeded]);
  });

  test('of 100,000 parts is answered, and its failure too', () => {
    const count = 100_000;
    const world = new MemoryReplica({ frameBytesMax: 8 << 20 });
    const client = world.connect();
    const ok = multi(client, ...Array.from({ length: count }, () => check('/', 0)));
    expect(ok.results).toHaveLength(count);
    expect(ok.results.every(({ type, err }) => type === 13 && err === 0)).toBe(true);
    const parts = Array.from({ length: count }, (_, i) => create(`/${i.toString(36)}`));
    const failed = multi(client, ...parts.slice(1), create('/1'));
    expect(failed.results.at(-1)).toEqual({ type: -1, err: NodeExists });
    expect(failed.results.at(-2)).toEqual({ type: -1, err: 0 });
    expect(world.tree.nodes.count).toBe(4);
    expect(world.replica.pipeline.ctx.outstanding.size).toBe(0);
  });
});

describe('a multiRead', () => {
  const multiRead = (client: TestClient, ...parts: Part[]) => {
    const reply = client.callRaw(opcodes.multiRead, multiBody(parts));
    return { err: reply.err, results: reply.err === 0 ? multiResults(reply) : [] };
  };

  test('answers each part, failures alone, and sets no watch', () => {
    const client = new MemoryReplica().connect();
    client.create('/n', { data: 'x' });
    client.create('/closed', { acl: [{ perms: 2, id: { scheme: 'world', id: 'anyone' } }] });
    expect(
      multiRead(client, read('/n'), read('/missing'), list('/'), read('/closed'), list('/n')).results,
    ).toMatchObject([
      { type: 4, err: 0, data: 'x', stat: { dataLength: 1 } },
      { type: -1, err: NoNode },
      { type: 8, err: 0, children: expect.arrayContaining(['n', 'closed', 'zookeeper']) },
      { type: -1, err: errorCodes.NoAuth },
      { type: 8, err: 0, children: [] },
    ]);
    client.setData('/n', 'y');
    client.create('/n/c');
    expect(client.events()).toEqual([]);
  });

  test('with any other part, or cut short, is undecodable', () => {
    const client = new MemoryReplica().connect();
    expect(multiRead(client, read('/'), create('/a')).err).toBe(MarshallingError);
    expect(multiRead(client, read('/'), ['getData', { path: null, watch: false }]).err).toBe(MarshallingError);
    expect(multiRead(client, ['exists', { path: '/', watch: false }]).err).toBe(MarshallingError);
    expect(client.callRaw(opcodes.multiRead, multiBody([read('/')]).slice(0, -1)).err).toBe(MarshallingError);
    expect(multiRead(client)).toEqual({ err: Ok, results: [] });
  });
});
