import { errorCodes, opcodes } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import { MemoryReplica, encodeRequest, frameOf, open } from '../testing/memory-replica.ts';
import { multiBody } from '../testing/multi.ts';
import type { Part } from '../testing/multi.ts';
import { Work } from './work.ts';

const create = (path: string) => ({ path, data: null, acl: open, flags: 0 });
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
const list = (xid: number) =>
  frameOf(xid, opcodes.getChildren, encodeRequest('getChildren', { path: '/', watch: false }));

/** A root with so many children that some twenty lists use up a turn. */
function withManyNodes(): MemoryReplica {
  const world = new MemoryReplica({ outputBytesMax: 1 << 30 });
  const maker = world.connect();
  for (let i = 0; i < 5000; i += 500) {
    const parts = Array.from({ length: 500 }, (_, k): Part => ['create', create(`/n${i + k}`)]);
    maker.callRaw(opcodes.multi, multiBody(parts));
  }
  world.settle();
  return world;
}

describe('expensive requests of one connection', () => {
  test('are answered in order over several turns, and others are answered in between', () => {
    const world = withManyNodes();
    const [greedy, other] = [world.connect(), world.connect()];
    greedy.send(Buffer.concat(upTo(100).map(list)));
    world.advance();
    expect(greedy.link.isPaused).toBe(true);
    other.submit('exists', { path: '/', watch: false }, 7);
    world.advance();
    expect(other.link.arrived.length).toBeGreaterThan(0);
    expect(other.link.isPaused).toBe(false);
    let turns = 0;
    while (world.advance()) turns++;
    expect(turns).toBeGreaterThan(5);
    expect(greedy.replies().map(({ xid }) => xid)).toEqual(upTo(100));
    expect(greedy.link.isPaused).toBe(false);
    expect(world.replica.pipeline.ctx.stalled.size).toBe(0);
  });

  test('and of many connections at once leave room for the one that asks for little', () => {
    const world = withManyNodes();
    const crowd = upTo(30).map(() => world.connect());
    const other = world.connect();
    for (const client of crowd) client.send(Buffer.concat(upTo(100).map(list)));
    crowd.forEach(() => world.advance());
    const { work } = world.replica.pipeline.ctx;
    // The crowd has had one turn all together, not one each.
    expect(work.spent).toBeLessThan(600_000);
    other.submit('exists', { path: '/', watch: false }, 7);
    let turns = 0;
    while (other.link.arrived.length < 20 + 41 && turns++ < 100) world.advance();
    expect(turns).toBeLessThan(8);
    world.settle();
    for (const client of crowd) expect(client.replies().map(({ xid }) => xid)).toEqual(upTo(100));
  });

  test('that waited behind a write are not all answered at once when it is done, nor is a later write before them', () => {
    const world = withManyNodes();
    const client = world.connect();
    world.isLogHeld = true;
    client.submit('create', create('/w1'), 1);
    world.settle();
    for (let xid = 2; xid <= 30; xid++) client.send(list(xid));
    client.submit('create', create('/w2'), 31);
    for (let xid = 32; xid <= 33; xid++) client.send(list(xid));
    world.settle();
    world.isLogHeld = false;
    world.advance();
    const atOnce = client.link.arrived.length;
    world.settle();
    expect(atOnce).toBeLessThan(0.8 * client.link.arrived.length);
    expect(client.replies().map(({ xid }) => xid)).toEqual(upTo(33));
  });

  test('do not get lost when their client goes away', () => {
    const world = withManyNodes();
    const client = world.connect();
    client.send(Buffer.concat(upTo(100).map(list)));
    world.advance();
    client.drop();
    world.settle();
    expect(world.replica.pipeline.ctx.stalled.size).toBe(0);
    expect(world.halts).toEqual([]);
  });
});

describe('a multiRead', () => {
  const reads = (path: string, count: number): Uint8Array =>
    multiBody(Array.from({ length: count }, (): Part => ['getData', { path, watch: false }]));

  test('whose answer would be longer than four of the largest frames is refused before it is built', () => {
    const world = new MemoryReplica({ frameBytesMax: 10_000 });
    const client = world.connect();
    client.create('/big', { data: 'x'.repeat(9000) });
    expect(client.callRaw(opcodes.multiRead, reads('/big', 4)).err).toBe(0);
    const { out } = client.link;
    for (const count of [5, 20, 100, 300]) {
      const reply = client.callRaw(opcodes.multiRead, reads('/big', count));
      expect([reply.err, reply.body.length]).toEqual([errorCodes.BadArguments, 0]);
    }
    expect(out.bytes.length).toBeLessThan(200_000);
    expect(client.exists('/big').err).toBe(0);
  });

  test('of long lists is refused the same, and one that reads nothing may have many parts', () => {
    const world = new MemoryReplica({ frameBytesMax: 10_000 });
    const client = world.connect();
    for (let i = 0; i < 400; i++) client.create(`/${'n'.repeat(20)}${i}`);
    const lists = (count: number): Uint8Array =>
      multiBody(Array.from({ length: count }, (): Part => ['getChildren', { path: '/', watch: false }]));
    expect(client.callRaw(opcodes.multiRead, lists(2)).err).toBe(0);
    expect(client.callRaw(opcodes.multiRead, lists(6)).err).toBe(errorCodes.BadArguments);
    expect(client.callRaw(opcodes.multiRead, reads('/none', 400)).err).toBe(0);
  });
});

test('work asks for one turn when it is half used up, and what was used long ago does not count', () => {
  let asked = 0;
  const work = new Work(() => asked++);
  const worker = { spent: 0, spentAt: 0 };
  const use = (units: number): void => {
    const before = work.spent;
    work.spend(units);
    work.charge(worker, before);
  };
  use(100_000);
  expect([asked, work.mustWait(worker)]).toEqual([0, false]);
  use(100_000);
  use(100_000);
  expect([asked, work.mustWait(worker), work.mustWait({ spent: 0, spentAt: 0 })]).toEqual([1, true, false]);
  use(300_000);
  expect(work.mustWait({ spent: 0, spentAt: 0 })).toBe(true);
  for (let i = 0; i < 20; i++) work.turn();
  expect(work.recent(worker)).toBeLessThan(1);
  expect(work.isSpent).toBe(false);
});
