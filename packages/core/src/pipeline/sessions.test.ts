import { errorCodes } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import { MemoryReplica, open } from '../testing/memory-replica.ts';

const { Ok, NoNode, SessionExpired } = errorCodes;
const ephemeral = (path: string) => ({ path, data: null, acl: open, flags: 1 });

describe('closing a session', () => {
  test('deletes its ephemerals with one zxid, answers without a body and closes the connection', () => {
    const world = new MemoryReplica();
    const [owner, other] = [world.connect(), world.connect()];
    other.create('/p');
    for (const path of ['/e', '/p/e', '/p/f']) owner.create(path, { flags: 1 });
    const reply = owner.call('closeSession', {}, 99);
    expect(reply).toMatchObject({ xid: 99, err: Ok, zxid: world.tree.lastZxid });
    expect(reply.body).toHaveLength(0);
    expect(owner.isClosed).toBe(true);
    expect([other.children('/'), other.children('/p')]).toEqual([['p', 'zookeeper'], []]);
    expect(other.exists('/p').result.stat).toMatchObject({ pzxid: BigInt(reply.zxid), cversion: 4 });
    expect(world.tree.ephemeralCount).toBe(0);
    expect(world.state.sessions.get(owner.session)).toBeUndefined();
  });

  test('drops what is pipelined behind it, an ephemeral above all (A40)', () => {
    const world = new MemoryReplica();
    const client = world.connect();
    client.submit('create', ephemeral('/before'), 1);
    client.submit('closeSession', {}, 2);
    client.submit('create', ephemeral('/after'), 3);
    client.submit('exists', { path: '/', watch: false }, 4);
    expect(client.replies().map(({ xid }) => xid)).toEqual([1, 2]);
    const other = world.connect();
    expect([other.exists('/before').err, other.exists('/after').err]).toEqual([NoNode, NoNode]);
    expect(world.tree.ephemeralCount).toBe(0);
  });

  test('counts in the requests behind it: what it deletes is gone for them', () => {
    const world = new MemoryReplica();
    const [owner, other] = [world.connect(), world.connect()];
    other.create('/p');
    owner.create('/p/e', { flags: 1 });
    world.isLogHeld = true;
    owner.submit('closeSession', {});
    world.settle();
    other.submit('setData', { path: '/p/e', data: null, version: -1 }, 1);
    other.submit('create', { path: '/p/e', data: null, acl: open, flags: 0 }, 2);
    other.submit('delete', { path: '/p/e', version: 0 }, 3);
    other.submit('delete', { path: '/p', version: -1 }, 4);
    world.settle();
    world.releaseLog();
    expect(other.replies().map(({ xid, err }) => [xid, err])).toEqual([
      [1, NoNode],
      [2, Ok],
      [3, Ok],
      [4, Ok],
    ]);
    expect(other.exists('/p').err).toBe(NoNode);
  });

  test('leaves an ephemeral that another session made of the same name meanwhile', () => {
    const world = new MemoryReplica();
    const [first, second] = [world.connect(), world.connect()];
    first.create('/e', { flags: 1 });
    world.isLogHeld = true;
    first.submit('delete', { path: '/e', version: -1 });
    world.settle();
    second.submit('create', ephemeral('/e'));
    world.settle();
    first.submit('closeSession', {});
    world.settle();
    world.releaseLog();
    expect(second.replies()).toMatchObject([{ err: Ok }]);
    expect(second.exists('/e').result.stat.ephemeralOwner).toBe(second.session);
  });

  test('takes ephemerals along whose creation is still in flight', () => {
    const world = new MemoryReplica();
    const client = world.connect();
    world.isLogHeld = true;
    client.submit('create', ephemeral('/e'));
    client.submit('create', { path: '/p', data: null, acl: open, flags: 0 });
    client.submit('create', ephemeral('/p/e'));
    client.submit('delete', { path: '/e', version: -1 });
    client.submit('closeSession', {});
    world.settle();
    world.releaseLog();
    expect(world.connect().children('/')).toEqual(['p', 'zookeeper']);
    expect(world.tree.ephemeralCount).toBe(0);
  });
});

describe('expiry', () => {
  test('ends a silent session between its timeout and a tick later, and closes its connection without a word', () => {
    const world = new MemoryReplica();
    const [silent, lively] = [world.connect({ timeoutMs: 4000 }), world.connect({ timeoutMs: 4000 })];
    silent.create('/e', { flags: 1 });
    const arrived = silent.link.arrived.length;
    for (let i = 0; i < 4; i++) {
      world.pass(1000);
      expect(lively.call('ping', {}).err).toBe(Ok);
      expect(silent.isClosed).toBe(false);
    }
    world.pass(1000);
    expect(silent.isClosed).toBe(true);
    expect(silent.link.arrived.length).toBe(arrived);
    expect(lively.exists('/e').err).toBe(NoNode);
  });

  test('waits for a process that paused: clients are heard first (A42)', () => {
    const world = new MemoryReplica();
    const clients = [1, 2, 3].map(() => world.connect({ timeoutMs: 4000 }));
    world.now += 3_600_000;
    world.step({ kind: 'tick' });
    for (const client of clients) expect(client.call('ping', {}).err).toBe(Ok);
    world.pass(3000);
    expect(world.state.sessions.size).toBe(3);
  });

  test('does not look at the wall clock', () => {
    const world = new MemoryReplica();
    world.connect({ timeoutMs: 4000 });
    for (const jump of [3_600_000, -7_200_000]) {
      world.wall += jump;
      world.pass(1000);
    }
    expect(world.state.sessions.size).toBe(1);
  });

  test('refuses writes from the moment it is decided on', () => {
    const world = new MemoryReplica();
    const client = world.connect({ timeoutMs: 2000 });
    world.isLogHeld = true;
    world.pass(3500);
    expect(client.isClosed).toBe(false);
    client.submit('create', ephemeral('/e'), 5);
    world.settle();
    expect(client.replies()).toMatchObject([{ xid: 5, err: SessionExpired }]);
    world.releaseLog();
    expect(client.isClosed).toBe(true);
    expect(world.connect().exists('/e').err).toBe(NoNode);
  });

  test('is not put off by auth packets', () => {
    const world = new MemoryReplica();
    const client = world.connect({ timeoutMs: 2000 });
    for (let i = 0; i < 8 && !client.isClosed; i++) {
      client.authenticate('ip', '');
      world.pass(500);
    }
    expect(client.isClosed).toBe(true);
  });

  test('survives a restart: restored sessions have their full timeout again, orphaned ephemerals go', () => {
    const world = new MemoryReplica();
    const client = world.connect({ timeoutMs: 4000 });
    client.create('/e', { flags: 1 });
    const next = new MemoryReplica({}, world.state);
    const back = next.connect(client.welcome);
    expect(back.exists('/e').err).toBe(Ok);
    back.drop();
    next.pass(4000);
    expect(next.state.sessions.size).toBe(1);
    next.pass(1000);
    expect(next.state.sessions.size).toBe(0);
    expect(next.connect().exists('/e').err).toBe(NoNode);
  });
});

test('getEphemerals lists those of the session by prefix of the text', () => {
  const world = new MemoryReplica();
  const [client, other] = [world.connect(), world.connect()];
  client.create('/a');
  for (const path of ['/e1', '/a/e2', '/abc']) client.create(path, { flags: 1 });
  other.create('/e3', { flags: 1 });
  const list = (prefixPath: string | null) =>
    [...(client.call('getEphemerals', { prefixPath }).result.ephemerals ?? [])].sort();
  for (const all of [null, '', '  ', '/', ' /\t']) expect(list(all)).toEqual(['/a/e2', '/abc', '/e1']);
  expect(list('/a')).toEqual(['/a/e2', '/abc']);
  for (const none of ['/x', '/a ', ' /a']) expect(list(none)).toEqual([]);
});

describe('a session that is ended on demand', () => {
  test('ends as if its time were up, once', () => {
    const world = new MemoryReplica();
    const [owner, other] = [world.connect(), world.connect()];
    owner.create('/e', { flags: 1 });
    const { pipeline } = world.replica;
    expect(pipeline.expireNow(owner.session)).toBe(true);
    expect(pipeline.expireNow(owner.session)).toBe(false);
    world.settle();
    expect(other.exists('/e').err).toBe(NoNode);
    expect(owner.isClosed).toBe(true);
    expect(world.notes).toEqual([{ kind: 'sessionExpired', session: owner.session }]);
    expect(pipeline.expireNow(owner.session)).toBe(false);
  });
});
