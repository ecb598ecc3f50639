import { errorCodes, opcodes } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import { MemoryReplica, encodeRequest, frameOf, open } from '../testing/memory-replica.ts';

const create = (path: string) => ({ path, data: null, acl: open, flags: 0 });

describe('a client that does not read its answers', () => {
  test('is not read from until it does; nothing is lost and the order stays', () => {
    const world = new MemoryReplica({ outputBytesMax: 4000 });
    const client = world.connect();
    client.create('/big', { data: 'x'.repeat(1000) });
    client.link.isStuck = true;
    for (let xid = 1; xid <= 100; xid++) client.submit('getData', { path: '/big', watch: false }, xid);
    world.settle();
    expect(client.link.isPaused).toBe(true);
    expect(client.link.backlog).toBeLessThan(4000 + 1200);
    const seen: number[] = [];
    for (let round = 0; round < 100 && seen.length < 100; round++) {
      client.link.unstick();
      client.link.isStuck = true;
      world.step({ kind: 'drained', connection: client.id });
      seen.push(...client.replies().map(({ xid }) => xid));
    }
    expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(client.link.pauses).toBeGreaterThan(10);
    client.link.unstick();
    world.step({ kind: 'drained', connection: client.id });
    expect(client.link.isPaused).toBe(false);
    expect(world.replica.pipeline.ctx.stalled.size).toBe(0);
  });

  test('in one large piece is served the same', () => {
    const world = new MemoryReplica({ outputBytesMax: 4000 });
    const client = world.connect();
    client.create('/big', { data: 'x'.repeat(1000) });
    const frames: number[] = [];
    const collect = world.open();
    for (let xid = 1; xid <= 50; xid++) collect.submit('getData', { path: '/big', watch: false }, xid);
    collect.drop();
    client.link.isStuck = true;
    const one = world.connect();
    one.link.isStuck = true;
    for (let xid = 1; xid <= 50; xid++) one.submit('getData', { path: '/big', watch: false }, xid);
    world.settle();
    for (let round = 0; round < 60; round++) {
      one.link.unstick();
      one.link.isStuck = true;
      world.step({ kind: 'drained', connection: one.id });
      frames.push(...one.replies().map(({ xid }) => xid));
    }
    expect(frames).toEqual(Array.from({ length: 50 }, (_, i) => i + 1));
  });

  test('cannot gather reads behind a write beyond a few; all are answered in order', () => {
    const world = new MemoryReplica();
    const client = world.connect();
    client.create('/big', { data: 'x'.repeat(1000) });
    world.isLogHeld = true;
    client.submit('setData', { path: '/big', data: null, version: -1 }, 1);
    for (let xid = 2; xid <= 200; xid++) client.submit('getData', { path: '/big', watch: false }, xid);
    world.settle();
    const [connection] = world.replica.pipeline.ctx.connections.values();
    expect(connection.waiting.length).toBe(33);
    expect(client.link.isPaused).toBe(true);
    world.releaseLog();
    world.settle();
    expect(client.replies().map(({ xid }) => xid)).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    expect(connection).toMatchObject({ deferred: 0, stashLength: 0 });
  });

  test('does not stop others, and its end frees everything', () => {
    const world = new MemoryReplica({ outputBytesMax: 1000 });
    const [slow, other] = [world.connect(), world.connect()];
    slow.create('/big', { data: 'x'.repeat(2000) });
    slow.link.isStuck = true;
    for (let xid = 1; xid <= 5; xid++) slow.submit('getData', { path: '/big', watch: false }, xid);
    world.settle();
    expect(other.setData('/big', 'y').err).toBe(errorCodes.Ok);
    slow.drop();
    expect(world.replica.pipeline.ctx.stalled.size).toBe(0);
    expect(world.replica.pipeline.ctx.connections.size).toBe(1);
  });
});

test('a client that reads slowly keeps its session, although its pings are behind what it has not read', () => {
  const world = new MemoryReplica({ outputBytesMax: 1500 });
  const [client, other] = [world.connect({ timeoutMs: 4000 }), world.connect({ timeoutMs: 20_000 })];
  client.create('/big', { data: 'x'.repeat(1000) });
  client.link.isStuck = true;
  for (let xid = 1; xid <= 40; xid++) client.submit('getData', { path: '/big', watch: false }, xid);
  world.settle();
  for (let round = 0; round < 10; round++) {
    world.pass(3000);
    other.exists('/');
    client.link.unstick();
    client.link.isStuck = true;
    world.step({ kind: 'drained', connection: client.id });
  }
  expect(client.isClosed).toBe(false);
  expect(world.notes).toEqual([]);
  world.pass(7000);
  expect(world.notes).toMatchObject([{ kind: 'sessionExpired', session: client.session }]);
});

describe('a client whose answers the network takes at once', () => {
  test('gets all of them, however large: nothing drains when nothing was left over', () => {
    const world = new MemoryReplica({ outputBytesMax: 4000 });
    const client = world.connect();
    client.create('/big', { data: 'x'.repeat(1000) });
    world.settle();
    const body = encodeRequest('getData', { path: '/big', watch: false });
    const xids = Array.from({ length: 100 }, (_, i) => i + 1);
    client.send(Buffer.concat(xids.map((xid) => frameOf(xid, opcodes.getData, body))));
    world.settle();
    expect(client.replies().map(({ xid }) => xid)).toEqual(xids);
    expect(client.link.isPaused).toBe(false);
    expect(world.replica.pipeline.ctx.stalled.size).toBe(0);
  });
});

describe('too many requests in flight', () => {
  test('stop connections that wait for answers; they go on when it gets better, in order', () => {
    const world = new MemoryReplica({ outstandingMax: 10 });
    const clients = [world.connect(), world.connect(), world.connect()];
    world.isLogHeld = true;
    for (let i = 1; i <= 30; i++)
      for (const client of clients) {
        if (i % 3 === 0) client.submit('exists', { path: '/', watch: false }, i);
        else client.submit('create', create(`/c${client.id}-${i}`), i);
      }
    world.settle();
    const { pipeline } = world.replica;
    // A connection that waits for nothing may always bring in one more.
    expect(pipeline.outstandingCount).toBeLessThanOrEqual(10 + clients.length - 1);
    expect(clients.map((client) => client.link.isPaused)).toEqual([true, true, true]);
    world.releaseLog();
    for (const client of clients) {
      expect(client.link.isPaused).toBe(false);
      const replies = client.replies();
      expect(replies.map(({ xid }) => xid)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
      expect(replies.every(({ err }) => err === 0)).toBe(true);
    }
    expect(pipeline.outstandingCount).toBe(0);
    expect(pipeline.ctx.stalled.size).toBe(0);
  });

  test('never stop a connection that waits for nothing: it gets one request through', () => {
    const world = new MemoryReplica({ outstandingMax: 2 });
    const [busy, idle] = [world.connect(), world.connect()];
    world.isLogHeld = true;
    for (let i = 1; i <= 5; i++) busy.submit('create', create(`/b${i}`), i);
    world.settle();
    idle.submit('exists', { path: '/', watch: false }, 1);
    expect(idle.replies()).toHaveLength(1);
    idle.submit('create', create('/i'), 2);
    idle.submit('exists', { path: '/', watch: false }, 3);
    world.settle();
    expect(idle.link.isPaused).toBe(true);
    world.releaseLog();
    expect(idle.replies().map(({ xid }) => xid)).toEqual([2, 3]);
    expect(busy.replies()).toHaveLength(5);
  });

  test('also counts reads that wait behind one write', () => {
    const world = new MemoryReplica({ outstandingMax: 10 });
    const client = world.connect();
    world.isLogHeld = true;
    client.submit('create', create('/a'), 0);
    for (let i = 1; i <= 100; i++) client.submit('exists', { path: '/a', watch: false }, i);
    world.settle();
    expect(client.link.isPaused).toBe(true);
    world.releaseLog();
    expect(client.replies().map(({ xid }) => xid)).toEqual(Array.from({ length: 101 }, (_, i) => i));
  });
});
