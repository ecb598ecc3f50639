import { errorCodes, opcodes } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import { MemoryReplica, encodeRequest, frameOf, open } from '../testing/memory-replica.ts';

/** All but the last byte of a request. */
const half = (bytes: number): Uint8Array => {
  const data = new Uint8Array(bytes);
  return frameOf(1, opcodes.create, encodeRequest('create', { path: '/x', data, acl: open, flags: 0 })).slice(0, -1);
};

describe('requests that do not arrive completely', () => {
  test('beyond the limit for all cost the slowest sender of the greediest address its connection', () => {
    const world = new MemoryReplica({ inputTotalBytesMax: 300_000 });
    const { ctx } = world.replica.pipeline;
    const modest = world.connect();
    modest.send(half(50_000));
    world.settle();
    const greedy = Array.from({ length: 10 }, () => {
      const client = world.open('10.6.6.6');
      client.greet({});
      client.greeting();
      client.send(half(90_000));
      world.settle();
      expect(ctx.memory.inputBytes).toBeLessThanOrEqual(300_000);
      return client;
    });
    const cut = greedy.filter(({ link }) => link.isClosed);
    expect(cut).toEqual(greedy.slice(0, cut.length));
    expect(cut.length).toBeGreaterThan(6);
    expect([modest.link.isClosed, greedy[9].link.isClosed]).toEqual([false, false]);
    expect(ctx.stats.cutOff).toBe(cut.length);
    modest.send(Uint8Array.of(0));
    expect(modest.replies()).toMatchObject([{ xid: 1, err: 0 }]);
    for (const client of greedy) client.drop();
    expect(ctx.memory.inputBytes).toBe(0);
  });

  test('count before a client has said who it is, too', () => {
    const world = new MemoryReplica({ inputTotalBytesMax: 300_000 });
    for (let i = 0; i < 10; i++) {
      const stranger = world.open();
      const bytes = new Uint8Array(90_000);
      bytes.set([0, 0x0f, 0xff, 0xff]);
      stranger.send(bytes);
      world.settle();
      expect(world.replica.pipeline.ctx.memory.inputBytes).toBeLessThanOrEqual(300_000);
    }
    expect(world.replica.pipeline.ctx.stats.cutOff).toBeGreaterThan(5);
  });
});

describe('answers that are not read', () => {
  test('beyond the limit for all cost whoever holds most its connection, and nobody else anything', () => {
    const world = new MemoryReplica({ outputTotalBytesMax: 1_000_000 });
    const { ctx } = world.replica.pipeline;
    world.connect().create('/big', { data: 'x'.repeat(100_000) });
    const reader = world.connect();
    const deaf = Array.from({ length: 20 }, () => world.connect());
    for (const [i, client] of deaf.entries()) {
      client.link.isStuck = true;
      for (let k = 0; k <= i; k++) client.submit('getData', { path: '/big', watch: false });
      world.settle();
      expect(ctx.memory.outputBytes).toBeLessThanOrEqual(1_000_000);
    }
    expect(ctx.stats.cutOff).toBeGreaterThan(0);
    expect(reader.getData('/big').result.data?.length).toBe(100_000);
    for (const client of deaf) client.drop();
    expect(ctx.memory.outputBytes).toBe(0);
  });

  test('of a client that reads them are taken off again', () => {
    const world = new MemoryReplica({ outputTotalBytesMax: 1_000_000 });
    const client = world.connect();
    client.create('/big', { data: 'x'.repeat(100_000) });
    client.link.isStuck = true;
    client.submit('getData', { path: '/big', watch: false });
    world.settle();
    expect(world.replica.pipeline.ctx.memory.outputBytes).toBeGreaterThan(100_000);
    client.link.unstick();
    world.step({ kind: 'drained', connection: client.id });
    expect(world.replica.pipeline.ctx.memory.outputBytes).toBe(0);
  });
});

describe('watches', () => {
  const asking = {
    exists: (path: string) => [opcodes.exists, encodeRequest('exists', { path, watch: true })] as const,
    getData: (path: string) => [opcodes.getData, encodeRequest('getData', { path, watch: true })] as const,
    getChildren: (path: string) => [opcodes.getChildren, encodeRequest('getChildren', { path, watch: true })] as const,
    getChildren2: (path: string) =>
      [opcodes.getChildren2, encodeRequest('getChildren2', { path, watch: true })] as const,
    addWatch: (path: string) => [opcodes.addWatch, encodeRequest('addWatch', { path, mode: 0 })] as const,
    setWatches: (path: string) =>
      [
        opcodes.setWatches,
        encodeRequest('setWatches', { relativeZxid: 99n, data: [], exist: [path], child: [] }),
      ] as const,
  };

  test.each(Object.entries(asking))(
    'of one connection have a limit, and other connections have theirs: %s',
    (_, ask) => {
      const world = new MemoryReplica({ watchBytesMax: 2000 });
      const [client, other] = [world.connect(), world.connect()];
      for (let i = 0; i < 30; i++) client.exists(`/none${i}`, true);
      expect(world.replica.pipeline.ctx.watches.bytes).toBeLessThan(2200);
      expect(client.callRaw(...ask('/')).err).toBe(errorCodes.ThrottledOp);
      expect(client.exists('/zookeeper').err).toBe(0);
      expect(other.callRaw(...ask('/')).err).toBe(0);
      client.drop();
      world.settle();
      expect(world.replica.pipeline.ctx.watches.bytes).toBeLessThan(200);
    },
  );

  test('of all connections have a limit, however long the paths are', () => {
    const world = new MemoryReplica({ watchTotalBytesMax: 100_000 });
    const clients = Array.from({ length: 5 }, () => world.connect());
    const codes = clients.map((client, i) => client.exists(`/${String(i).repeat(40_000)}`, true).err);
    expect(codes).toEqual([-101, -101, -101, errorCodes.ThrottledOp, errorCodes.ThrottledOp]);
  });
});
