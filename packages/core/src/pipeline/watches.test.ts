import { errorCodes, opcodes, perms, xids } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import { MemoryReplica, open } from '../testing/memory-replica.ts';
import type { TestClient } from '../testing/memory-replica.ts';
import { multiBody } from '../testing/multi.ts';

const { Ok, NoNode, NoAuth, NoWatcher, MarshallingError } = errorCodes;

type Watch = 'data' | 'exists' | 'child' | 'persistent' | 'recursive';
function watch(client: TestClient, kind: Watch, path: string): void {
  if (kind === 'data') client.getData(path, true);
  if (kind === 'exists') client.exists(path, true);
  if (kind === 'child') client.children(path, true);
  if (kind === 'persistent') client.call('addWatch', { path, mode: 0 });
  if (kind === 'recursive') client.call('addWatch', { path, mode: 1 });
}

/** What each watcher of /n hears, by change. Section 13. */
const matrix: readonly [change: string, expected: Readonly<Partial<Record<Watch, string>>>][] = [
  ['create /n', { exists: 'created /n', persistent: 'created /n', recursive: 'created /n' }],
  ['set /n', { data: 'changed /n', exists: 'changed /n', persistent: 'changed /n', recursive: 'changed /n' }],
  [
    'delete /n',
    {
      data: 'deleted /n',
      exists: 'deleted /n',
      child: 'deleted /n',
      persistent: 'deleted /n',
      recursive: 'deleted /n',
    },
  ],
  ['create /n/c', { child: 'children /n', persistent: 'children /n', recursive: 'created /n/c' }],
  ['set /n/c', { recursive: 'changed /n/c' }],
  ['delete /n/c', { child: 'children /n', persistent: 'children /n', recursive: 'deleted /n/c' }],
  ['create /n/c/g', { recursive: 'created /n/c/g' }],
  ['set /n/c/g', { recursive: 'changed /n/c/g' }],
  ['delete /n/c/g', { recursive: 'deleted /n/c/g' }],
  ['acl /n', {}],
  ['read /n', {}],
];

function prepare(client: TestClient, change: string): void {
  const [act, path] = change.split(' ') as [string, string];
  const levels = path.slice(1).split('/');
  const depth = act === 'create' ? levels.length - 1 : levels.length;
  for (let i = 1; i <= depth; i++) client.create(`/${levels.slice(0, i).join('/')}`);
}

function perform(client: TestClient, change: string): void {
  const [act, path] = change.split(' ') as [string, string];
  if (act === 'create') client.create(path);
  if (act === 'set') client.setData(path, 'new');
  if (act === 'delete') client.delete(path);
  if (act === 'acl') client.call('setACL', { path, acl: open, version: -1 });
  if (act === 'read') client.getData(path);
}

describe.each(matrix)('%s', (change, expected) => {
  test.each(['data', 'exists', 'child', 'persistent', 'recursive'] as const)('is told right to a %s watch', (kind) => {
    const world = new MemoryReplica();
    const writer = world.connect();
    const watcher = world.connect();
    prepare(writer, change);
    watch(watcher, kind, '/n');
    perform(writer, change);
    const event = expected[kind];
    expect(watcher.events()).toEqual(event === undefined ? [] : [event]);
    // Once more: one-shot watches are used up, the others stay.
    if (change === 'set /n' || change === 'set /n/c') {
      perform(writer, change);
      const stays = kind === 'persistent' || kind === 'recursive';
      expect(watcher.events()).toEqual(event !== undefined && stays ? [event] : []);
    }
  });
});

describe('events', () => {
  test('come once for a deletion, however many watches the connection has', () => {
    const client = new MemoryReplica().connect();
    client.create('/n');
    for (const kind of ['data', 'child', 'persistent', 'recursive'] as const) watch(client, kind, '/n');
    client.delete('/n');
    expect(client.events()).toEqual(['deleted /n']);
    client.create('/n');
    expect(client.events()).toEqual(['created /n']);
  });

  test('come once per table and change when modes meet on one path', () => {
    const client = new MemoryReplica().connect();
    client.create('/n');
    watch(client, 'child', '/n');
    watch(client, 'recursive', '/n');
    client.create('/n/c');
    expect(client.events()).toEqual(['created /n/c', 'children /n']);
    watch(client, 'data', '/n');
    watch(client, 'persistent', '/n');
    client.setData('/n', 'x');
    client.setData('/n', 'y');
    expect(client.events()).toEqual(['changed /n', 'changed /n']);
  });

  test('of recursive watches cover descendants by element, never siblings by prefix', () => {
    const client = new MemoryReplica().connect();
    watch(client, 'recursive', '/a');
    client.create('/ab');
    client.create('/a');
    client.create('/a/b');
    expect(client.events()).toEqual(['created /a', 'created /a/b']);
    watch(client, 'recursive', '/');
    client.setData('/a/b', 'x');
    client.setData('/', 'x');
    expect(client.events()).toEqual(['changed /a/b', 'changed /']);
  });

  test('precede the reply of the write that caused them, carry its zxid, and the node comes before its parent', () => {
    const client = new MemoryReplica().connect();
    client.exists('/n', true);
    client.children('/', true);
    client.submit('create', { path: '/n', data: null, acl: open, flags: 0 }, 77);
    const zxid = 2;
    expect(client.take()).toMatchObject([
      { kind: 'event', type: 1, path: '/n', zxid },
      { kind: 'event', type: 4, path: '/', zxid },
      { kind: 'reply', xid: 77, zxid },
    ]);
  });

  test('precede, on other connections, every reply that shows the change', () => {
    const world = new MemoryReplica();
    const [writer, reader] = [world.connect(), world.connect()];
    writer.create('/n', { data: 'old' });
    reader.getData('/n', true);
    world.isLogHeld = true;
    reader.submit('create', { path: '/mine', data: null, acl: open, flags: 0 }, 50);
    reader.submit('getData', { path: '/n', watch: false }, 51);
    writer.submit('setData', { path: '/n', data: new Uint8Array(1), version: -1 });
    world.settle();
    world.releaseLog();
    const seen = reader.take();
    const read = seen.findIndex((message) => message.kind === 'reply' && message.xid === 51);
    const event = seen.findIndex((message) => message.kind === 'event');
    const showsNew = seen[read].zxid >= seen[event].zxid;
    expect(showsNew ? event < read : read < event).toBe(true);
  });

  test('of a multi follow its parts, and of a failed one there are none', () => {
    const client = new MemoryReplica().connect();
    watch(client, 'recursive', '/');
    const create = (path: string) => ['create', { path, data: null, acl: open, flags: 0 }] as const;
    client.callRaw(opcodes.multi, multiBody([create('/b'), create('/a'), ['setData', { path: '/b', data: null, version: 0 }]])); // prettier-ignore
    expect(client.events()).toEqual(['created /b', 'created /a', 'changed /b']);
    client.callRaw(opcodes.multi, multiBody([create('/c'), create('/a')]));
    expect(client.events()).toEqual([]);
  });

  test('of an expired session name each ephemeral and then its parent, with one zxid', () => {
    const world = new MemoryReplica();
    const [owner, watcher] = [world.connect({ timeoutMs: 2000 }), world.connect({ timeoutMs: 20_000 })];
    owner.create('/p');
    owner.create('/p/e1', { flags: 1 });
    owner.create('/p/e2', { flags: 1 });
    watch(watcher, 'persistent', '/p');
    watch(watcher, 'persistent', '/p/e1');
    watch(watcher, 'persistent', '/p/e2');
    owner.drop();
    world.pass(4000);
    const events = watcher.take().filter((message) => message.kind === 'event');
    expect(new Set(events.map(({ zxid }) => zxid))).toEqual(new Set([world.tree.lastZxid]));
    expect(watcher.events()).toEqual(['deleted /p/e1', 'children /p', 'deleted /p/e2', 'children /p']);
    expect(watcher.exists('/p').result.stat.pzxid).toBe(BigInt(world.tree.lastZxid));
  });

  test('are sent for deletions by the reaper, and not for the statistics of a quota', () => {
    const world = new MemoryReplica({ containerCheckMs: 1000 });
    const client = world.connect();
    client.call('createContainer', { path: '/box', data: null, acl: open, flags: 0 });
    client.create('/box/c');
    client.delete('/box/c');
    watch(client, 'recursive', '/box');
    world.pass(3000);
    expect(client.events()).toEqual(['deleted /box']);

    for (const path of ['/q', '/zookeeper/quota/q']) client.create(path);
    client.create('/zookeeper/quota/q/zookeeper_limits', { data: 'count=5,bytes=5' });
    client.create('/zookeeper/quota/q/zookeeper_stats');
    watch(client, 'recursive', '/zookeeper/quota');
    client.create('/q/x', { data: 'abc' });
    expect(client.events()).toEqual([]);
  });
});

describe('setting a watch', () => {
  test('needs a successful getData or getChildren, but exists watches what is missing', () => {
    const client = new MemoryReplica().connect();
    expect(client.getData('/n', true).err).toBe(NoNode);
    expect(client.call('getChildren2', { path: '/n', watch: true }).err).toBe(NoNode);
    client.create('/n');
    client.setData('/n', 'x');
    expect(client.events()).toEqual([]);
    expect(client.exists('/m', true).err).toBe(NoNode);
    client.create('/m');
    expect(client.events()).toEqual(['created /m']);
  });

  test('by exists needs READ', () => {
    const world = new MemoryReplica();
    const [owner, other] = [world.connect(), world.connect()];
    owner.authenticate('digest', 'u:p');
    owner.create('/n', { acl: [{ perms: 31, id: { scheme: 'auth', id: '' } }] });
    expect(other.exists('/n', true).err).toBe(NoAuth);
    owner.delete('/n');
    expect(other.events()).toEqual([]);
  });

  test('for a connection that may not read uses the watch up without an event', () => {
    const world = new MemoryReplica();
    const [owner, other] = [world.connect(), world.connect()];
    owner.authenticate('digest', 'u:p');
    const closed = [{ perms: 31, id: { scheme: 'auth', id: '' } }];
    owner.create('/n');
    other.getData('/n', true);
    other.exists('/new', true);
    other.children('/n', true);
    owner.call('setACL', { path: '/n', acl: closed, version: -1 });
    owner.setData('/n', 'x');
    owner.create('/n/c');
    owner.create('/new', { acl: closed });
    expect(other.events()).toEqual([]);
    owner.call('setACL', { path: '/n', acl: open, version: -1 });
    owner.setData('/n', 'y');
    owner.create('/n/d');
    expect(other.events()).toEqual([]);
  });

  test('with an unknown mode is undecodable; the path is not looked at', () => {
    const client = new MemoryReplica().connect();
    expect(client.call('addWatch', { path: '/n', mode: 2 }).err).toBe(MarshallingError);
    expect(client.call('addWatch', { path: 'not/a//path', mode: 0 })).toMatchObject({ err: Ok, result: { err: 0 } });
    expect(client.call('removeWatches', { path: 'not/a//path', type: 4 }).err).toBe(Ok);
  });

  test('lasts as long as the connection, not the session', () => {
    const world = new MemoryReplica();
    const first = world.connect();
    first.exists('/n', true);
    first.call('addWatch', { path: '/n', mode: 0 });
    const second = world.connect(first.welcome);
    second.create('/n');
    expect(second.events()).toEqual([]);
    expect(world.replica.pipeline.ctx.watches.count).toBe(0);
  });
});

describe('removing and checking watches', () => {
  const registered = (): TestClient => {
    const client = new MemoryReplica().connect();
    client.create('/n');
    for (const kind of ['data', 'child', 'persistent', 'recursive'] as const) watch(client, kind, '/n');
    return client;
  };

  test.each([
    [1, ['changed /n', 'created /n/c', 'children /n']],
    [2, ['changed /n', 'created /n/c', 'children /n']],
    [3, []],
    [4, ['changed /n', 'created /n/c', 'children /n']],
    [5, ['changed /n', 'children /n']],
  ])('type %i removes only what it names', (type, left) => {
    const client = registered();
    expect(client.call('checkWatches', { path: '/n', type }).err).toBe(Ok);
    expect(client.call('removeWatches', { path: '/n', type }).err).toBe(Ok);
    expect(client.call('checkWatches', { path: '/n', type }).err).toBe(NoWatcher);
    expect(client.call('removeWatches', { path: '/n', type }).err).toBe(NoWatcher);
    expect(client.events()).toEqual([]);
    client.setData('/n', 'x');
    client.create('/n/c');
    expect(client.events()).toEqual(left);
  });

  test('an unknown type is undecodable, a descendant of a recursive watch has no watch', () => {
    const client = registered();
    for (const type of [0, 6, -1]) {
      expect(client.call('removeWatches', { path: '/n', type }).err).toBe(MarshallingError);
      expect(client.call('checkWatches', { path: '/n', type }).err).toBe(MarshallingError);
    }
    expect(client.call('checkWatches', { path: '/n/c', type: 3 }).err).toBe(NoWatcher);
    expect(client.isClosed).toBe(false);
  });

  test("another connection's watch is not ours", () => {
    const world = new MemoryReplica();
    const [a, b] = [world.connect(), world.connect()];
    a.exists('/n', true);
    expect(b.call('checkWatches', { path: '/n', type: 3 }).err).toBe(NoWatcher);
    expect(b.call('removeWatches', { path: '/n', type: 3 }).err).toBe(NoWatcher);
  });
});

describe('setWatches', () => {
  const none = { data: [], exist: [], child: [] };

  test('tells at once what changed since, and registers the rest', () => {
    const client = new MemoryReplica().connect();
    for (const path of ['/same', '/set', '/kids', '/quiet']) client.create(path);
    const since = BigInt(client.exists('/same').zxid);
    client.setData('/set', 'x');
    client.create('/kids/c');
    const request = {
      relativeZxid: since,
      data: ['/same', '/set', '/gone'],
      exist: ['/same', '/later'],
      child: ['/quiet', '/kids', '/gone'],
    };
    client.submit('setWatches', request, xids.setWatches);
    expect(client.take()).toMatchObject([
      { kind: 'event', type: 3, path: '/set', zxid: -1 },
      { kind: 'event', type: 2, path: '/gone', zxid: -1 },
      { kind: 'event', type: 1, path: '/same', zxid: -1 },
      { kind: 'event', type: 4, path: '/kids', zxid: -1 },
      { kind: 'event', type: 2, path: '/gone', zxid: -1 },
      { kind: 'reply', xid: xids.setWatches, err: Ok, body: new Uint8Array(0) },
    ]);
    client.events();
    for (const path of ['/set', '/same', '/kids']) client.setData(path, 'again');
    client.create('/later');
    client.create('/quiet/c');
    client.create('/kids/d');
    expect(client.events()).toEqual(['changed /same', 'created /later', 'children /quiet']);
  });

  test('tells nothing of nodes that the connection may not read, as if the watches had gone off unheard', () => {
    const world = new MemoryReplica();
    const [owner, stranger] = [world.connect(), world.connect()];
    const closed = [{ perms: perms.all & ~perms.read, id: { scheme: 'world', id: 'anyone' } }];
    owner.call('create', { path: '/n', data: null, acl: closed, flags: 0 });
    const paths = ['/n', '/gone'];
    const request = { relativeZxid: 0n, data: paths, exist: ['/n'], child: paths };
    stranger.call('setWatches', request, xids.setWatches);
    expect(stranger.events()).toEqual(['deleted /gone', 'deleted /gone']);
    owner.call('setACL', { path: '/n', acl: open, version: -1 });
    owner.setData('/n', 'x');
    expect(stranger.events()).toEqual([]);
    stranger.call('setWatches', request, xids.setWatches);
    expect(stranger.events()).toEqual(['changed /n', 'deleted /gone', 'created /n', 'children /n', 'deleted /gone']);
  });

  test('never tells persistent watchers of the past', () => {
    const client = new MemoryReplica().connect();
    client.create('/n');
    const persistent = ['/n', '/missing'];
    const request = { relativeZxid: 0n, ...none, persistent, persistentRecursive: ['/n'] };
    expect(client.call('setWatches2', request, xids.setWatches)).toMatchObject({ xid: xids.setWatches, err: Ok });
    expect(client.events()).toEqual([]);
    client.create('/n/c');
    client.create('/missing');
    expect(client.events()).toEqual(['created /n/c', 'children /n', 'created /missing']);
  });

  test('with a null list fails after the lists before it took effect', () => {
    const client = new MemoryReplica().connect();
    const request = { relativeZxid: 0n, data: ['/gone'], exist: null, child: ['/gone'] };
    client.submit('setWatches', request, xids.setWatches);
    expect(client.take()).toMatchObject([
      { kind: 'event', type: 2, path: '/gone' },
      { kind: 'reply', err: MarshallingError },
    ]);
  });

  test('waits for earlier writes of the connection', () => {
    const client = new MemoryReplica().connect();
    client.submit('create', { path: '/n', data: null, acl: open, flags: 0 }, 1);
    client.submit('setWatches', { relativeZxid: 0n, ...none, exist: ['/n'] }, xids.setWatches);
    expect(client.take()).toMatchObject([{ xid: 1 }, { kind: 'event', type: 1, path: '/n' }, { xid: xids.setWatches }]);
  });
});
