import { errorCodes, opcodes } from '@corral/protocol';
import type { OpName } from '@corral/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readTxnPayload } from './log/txn-codec.ts';
import type { TxnRecord } from './log/txn-codec.ts';
import { SnapshotReader } from './log/snapshot-reader.ts';
import { applyTxn } from './pipeline/apply.ts';
import { RestoredState } from './restored-state.ts';
import { MemoryReplica, bytesOf, open, plainOptions, textOf } from './testing/memory-replica.ts';
import type { TestClient } from './testing/memory-replica.ts';
import { multiBody } from './testing/multi.ts';
import { dumpTree } from './testing/tree-dump.ts';

const create = (path: string, flags = 0) => ({ path, data: null, acl: open, flags });

/** The transactions in the log, oldest first. */
function logged(world: MemoryReplica): TxnRecord[] {
  const records: TxnRecord[] = [];
  for (const { bytes } of world.log) {
    for (let at = 0; at < bytes.length;) {
      const length = new DataView(bytes.buffer, bytes.byteOffset).getInt32(at + 8);
      records.push(readTxnPayload(bytes, at + 12, at + 12 + length));
      at += 12 + length + 1;
    }
  }
  return records;
}

test('an input from inside an effect is refused, and the replica stops before it logs an empty batch', () => {
  const world = new MemoryReplica();
  const client = world.open();
  world.requestTurn = () => world.step({ kind: 'turn' });
  client.greet({});
  world.settle();
  expect(world.halts).toEqual([expect.stringContaining("the host gave 'turn' to the core from inside an effect")]);
  expect(world.log).toEqual([]);
});

describe('durability', () => {
  test('nothing is answered, visible or told before the disk has it', () => {
    const world = new MemoryReplica();
    const [writer, watcher] = [world.connect(), world.connect()];
    watcher.exists('/a', true);
    world.isLogHeld = true;
    const before = [writer, watcher].map((client) => client.link.arrived.length);
    writer.submit('create', create('/a'), 1);
    world.settle();
    expect(world.disksWaiting).toBe(1);
    expect([writer, watcher].map((client) => client.link.arrived.length)).toEqual(before);
    expect(watcher.exists('/a').err).toBe(errorCodes.NoNode);
    world.releaseLog();
    expect(writer.replies()).toMatchObject([{ xid: 1, err: 0 }]);
    expect(watcher.events()).toEqual(['created /a']);
  });

  test('writes gather while the disk is busy and leave with one append', () => {
    const world = new MemoryReplica();
    const clients = Array.from({ length: 5 }, () => world.connect());
    const before = world.log.length;
    world.isLogHeld = true;
    for (const [i, client] of clients.entries()) client.submit('create', create(`/first${i}`));
    world.settle();
    for (const [i, client] of clients.entries())
      for (let k = 0; k < 10; k++) client.submit('create', create(`/more${i}-${k}`));
    world.settle();
    expect(world.log.length).toBe(before + 1);
    world.releaseLog();
    expect(world.log.length).toBe(before + 2);
    expect(clients.map((client) => client.replies().length)).toEqual([11, 11, 11, 11, 11]);
  });

  test('an append that fails stops the replica, and nobody hears another word', () => {
    const world = new MemoryReplica();
    const client = world.connect();
    world.isLogHeld = true;
    client.submit('create', create('/a'));
    client.submit('exists', { path: '/', watch: false });
    world.settle();
    const arrived = client.link.arrived.length;
    world.failLog();
    expect(world.halts).toEqual([expect.stringContaining('no space left')]);
    expect(world.replica.isHalted).toBe(true);
    world.isLogHeld = false;
    client.submit('exists', { path: '/', watch: false });
    world.step({ kind: 'appended', op: world.log.at(-1)!.op });
    world.pass(30_000);
    expect(client.link.arrived.length).toBe(arrived);
    expect(world.halts).toHaveLength(1);
    expect(world.tree.find('/a')).toBe(-1);
  });

  test('an answer of the disk that is not the awaited one is ignored', () => {
    const world = new MemoryReplica();
    const client = world.connect();
    world.isLogHeld = true;
    client.submit('create', create('/a'));
    world.settle();
    const { op } = world.log.at(-1)!;
    for (const stale of [op - 1, op + 1, 0]) world.step({ kind: 'appended', op: stale });
    expect(world.tree.find('/a')).toBe(-1);
    world.releaseLog();
    expect(client.replies()).toHaveLength(1);
  });

  test('an internal error stops the replica instead of going on with a doubtful state', () => {
    const world = new MemoryReplica();
    const client = world.connect();
    world.tree.apply = () => {
      throw new Error('broken');
    };
    client.submit('create', create('/a'));
    world.settle();
    expect(world.halts).toEqual([expect.stringContaining('internal error: Error: broken')]);
  });

  test('the log holds what was done: replayed, it gives the same tree and digest', () => {
    const world = new MemoryReplica();
    const [a, b] = [world.connect(), world.connect()];
    for (const [i, client] of [a, b, a, b].entries()) client.create(`/n${i}`, { flags: i % 4, data: `${i}` });
    a.setData('/n0', 'x');
    a.callRaw(
      opcodes.multi,
      multiBody([
        ['delete', { path: '/n0', version: -1 }],
        ['create', create('/m')],
      ]),
    );
    a.callRaw(
      opcodes.multi,
      multiBody([
        ['create', create('/x')],
        ['create', create('/m')],
      ]),
    );
    b.call('closeSession', {});
    const replayed = RestoredState.fresh(plainOptions);
    for (const { header, txn } of logged(world)) applyTxn(replayed, header, txn);
    expect(dumpTree(replayed.tree)).toEqual(dumpTree(world.tree));
    expect(replayed.tree.digest.value).toBe(world.tree.digest.value);
    expect([...replayed.sessions.values()].map(({ id }) => id)).toEqual([a.session]);
  });
});

type Act = 'create' | 'sequential' | 'setData' | 'delete' | 'getData' | 'exists' | 'multi' | 'ping' | 'bad';
const someAct = fc.record({
  client: fc.nat({ max: 2 }),
  act: fc.constantFrom<Act>('create', 'sequential', 'setData', 'delete', 'getData', 'getData', 'exists', 'multi', 'ping', 'bad'),
  path: fc.constantFrom('/a', '/b', '/a/c'),
  /** What happens next: bytes arrive, the disk answers, or everything settles. */
  then: fc.constantFrom('nothing', 'nothing', 'step', 'disk', 'settle'),
}); // prettier-ignore

function submit(client: TestClient, act: Act, path: string, xid: number): OpName | undefined {
  switch (act) {
    case 'create':
      client.submit('create', create(path), xid);
      return 'create';
    case 'sequential':
      client.submit('create', create(`${path}-`, 2), xid);
      return 'create';
    case 'setData':
      client.submit('setData', { path, data: bytesOf(`v${xid}`), version: -1 }, xid);
      return 'setData';
    case 'delete':
      client.submit('delete', { path, version: -1 }, xid);
      return 'delete';
    case 'getData':
      client.submit('getData', { path, watch: false }, xid);
      return 'getData';
    case 'exists':
      client.submit('exists', { path, watch: false }, xid);
      return 'exists';
    case 'multi':
      client.submitRaw(
        opcodes.multi,
        multiBody([
          ['create', create('/m')],
          ['delete', { path: '/m', version: 0 }],
        ]),
        xid,
      );
      return undefined;
    case 'ping':
      client.submit('ping', {}, -2);
      return undefined;
    case 'bad':
      client.submitRaw(opcodes.setData, new Uint8Array(3), xid);
      return undefined;
  }
}

interface Known {
  readonly data: string | null;
  readonly version: number;
}

/** Data and version of every node after each transaction. */
function statesByZxid(world: MemoryReplica): Map<number, Map<string, Known>> {
  const replay = RestoredState.fresh(plainOptions);
  const states = new Map<number, Map<string, Known>>();
  for (const { header, txn } of logged(world)) {
    applyTxn(replay, header, txn);
    const { tree } = replay;
    const known = new Map<string, Known>();
    for (const path of ['/a', '/b', '/a/c']) {
      const node = tree.find(path);
      if (node >= 0) known.set(path, { data: textOf(tree.data(node)), version: tree.nodes.version[node] });
    }
    states.set(header.zxid, known);
  }
  return states;
}

describe('the order of one session', () => {
  test('replies come in the order of requests, and every read shows the state at its zxid, for any interleaving', () => {
    fc.assert(
      fc.property(fc.array(someAct, { maxLength: 40 }), fc.constantFrom(3, 1000), (acts, outstandingMax) => {
        const world = new MemoryReplica({ outstandingMax });
        const clients = [world.connect(), world.connect(), world.connect()];
        const sent = clients.map(() => [] as { xid: number; op: OpName | undefined; path: string }[]);
        world.isLogHeld = true;
        for (const [i, { client, act, path, then }] of acts.entries()) {
          const op = submit(clients[client], act, path, i + 1);
          sent[client].push({ xid: act === 'ping' ? -2 : i + 1, op, path });
          if (then === 'step') world.advance();
          if (then === 'settle') world.settle();
          if (then === 'disk') {
            world.isLogHeld = false;
            world.advance();
            world.isLogHeld = true;
          }
        }
        world.releaseLog();
        const states = statesByZxid(world);
        for (const [i, client] of clients.entries()) {
          const replies = client.replies();
          expect(replies.map(({ xid }) => xid)).toEqual(sent[i].map(({ xid }) => xid));
          const zxids = replies.map(({ zxid }) => zxid);
          expect(zxids).toEqual([...zxids].sort((a, b) => a - b));
          for (const [k, reply] of replies.entries()) {
            const { op, path } = sent[i][k];
            const state = states.get(reply.zxid)!.get(path);
            if (op === 'getData' || op === 'exists')
              expect([reply.err, state === undefined]).toEqual([
                state === undefined ? errorCodes.NoNode : 0,
                state === undefined,
              ]);
            if (reply.err !== 0 || op === undefined) continue;
            if (op === 'getData') {
              const { data, stat } = client.decode('getData', reply);
              expect({ data: textOf(data), version: stat.version }).toEqual(state);
            }
            if (op === 'exists') expect(client.decode('exists', reply).stat.version).toBe(state?.version);
            if (op === 'setData') expect(client.decode('setData', reply).stat.version).toBe(state?.version);
          }
        }
        expect(world.replica.isIdle).toBe(true);
        expect(world.replica.pipeline.ctx.outstanding.size).toBe(0);
      }),
      { numRuns: 150 },
    );
  });

  test('errors and reads wait behind writes; a read of another session does not', () => {
    const world = new MemoryReplica();
    const [a, b] = [world.connect(), world.connect()];
    world.isLogHeld = true;
    a.submit('create', create('/a'), 1);
    a.submitRaw(opcodes.setData, new Uint8Array(1), 2);
    a.submit('getData', { path: '/a', watch: false }, 3);
    a.submit('ping', {}, -2);
    a.submit('create', create('/a'), 4);
    b.submit('exists', { path: '/a', watch: false }, 1);
    expect([a.replies(), b.replies()]).toMatchObject([[], [{ xid: 1, err: errorCodes.NoNode }]]);
    world.releaseLog();
    expect(a.replies().map(({ xid, err }) => [xid, err])).toEqual([
      [1, 0],
      [2, errorCodes.MarshallingError],
      [3, 0],
      [-2, 0],
      [4, errorCodes.NodeExists],
    ]);
  });

  test('writes see those before them, applied or still in flight', () => {
    const world = new MemoryReplica();
    const client = world.connect();
    client.create('/a');
    world.isLogHeld = true;
    const next = (): void => {
      world.isLogHeld = false;
      world.advance();
      world.isLogHeld = true;
    };
    // Every write is prepared while one is being applied and another one waits for the disk.
    for (let i = 0; i < 8; i++) {
      client.submit('setData', { path: '/a', data: null, version: i });
      client.submit('create', create('/a/s-', 2));
      world.settle();
      if (i % 2 === 1) next();
    }
    world.releaseLog();
    const replies = client.replies();
    expect(replies.map(({ err }) => err)).toEqual(replies.map(() => 0));
    const names = replies.filter((_, i) => i % 2 === 1).map((reply) => client.decode('create', reply).path);
    expect(names).toEqual(names.map((_, i) => `/a/s-000000000${i}`));
  });

  test('a write whose connection broke is applied all the same', () => {
    const world = new MemoryReplica();
    const [a, b] = [world.connect(), world.connect()];
    world.isLogHeld = true;
    a.submit('create', create('/a'));
    a.submit('setData', { path: '/a', data: bytesOf('x'), version: 0 });
    world.settle();
    a.drop();
    world.releaseLog();
    expect(textOf(b.getData('/a').result.data)).toBe('x');
  });
});

describe('snapshots', () => {
  const read = (bytes: Uint8Array[]): RestoredState => {
    const state = new RestoredState(plainOptions);
    const reader = new SnapshotReader(state);
    for (const chunk of bytes) reader.push(chunk);
    state.snapshotDone({ ...reader.finish(), zxid: 0 as never });
    return state;
  };

  test('hold the state of the moment they began, sessions included, while writes go on', () => {
    const world = new MemoryReplica();
    const client = world.connect({ timeoutMs: 4000 });
    for (let i = 0; i < 1500; i++) client.submit('create', create(`/n${i}`));
    client.replies();
    client.create('/e', { flags: 1 });
    const expected = dumpTree(world.tree);
    const digest = world.tree.digest.value;
    expect(world.replica.startSnapshot()).toBe(true);
    expect(world.replica.startSnapshot()).toBe(false);
    const source = world.snapshots[0];
    const chunks: Uint8Array[] = [];
    for (let chunk = source.next(), i = 0; chunk !== null; chunk = source.next(), i++) {
      chunks.push(chunk.slice());
      client.setData(`/n${(i * 7) % 1500}`, `new ${i}`);
      client.delete(`/n${(i * 11 + 3) % 1500}`);
      client.create(`/later${i}`);
    }
    const state = read(chunks);
    expect(dumpTree(state.tree)).toEqual(expected);
    expect(state.tree.digest.value).toBe(digest);
    expect([...state.sessions.values()].map(({ id, timeoutMs }) => [id, timeoutMs])).toEqual([[client.session, 4000]]);
    world.step({ kind: 'snapshotDone', zxid: source.zxid, error: undefined });
    expect(world.replica.lastSnapshot.zxid).toBe(source.zxid);
    expect(world.replica.startSnapshot()).toBe(true);
  });

  test('are taken after some transactions, with a new log file, and a failed one harms nothing', () => {
    const world = new MemoryReplica({ snapCount: 20 });
    const client = world.connect();
    for (let i = 0; i < 21; i++) client.create(`/n${i}`);
    expect([world.snapshots.length, world.rolls]).toEqual([1, 1]);
    for (let i = 0; i < 40; i++) client.create(`/m${i}`);
    expect(world.snapshots.length).toBe(1);
    world.snapshots[0].abandon();
    world.step({ kind: 'snapshotDone', zxid: world.snapshots[0].zxid, error: 'disk full' });
    expect(world.replica.lastSnapshot.zxid).toBe(0);
    for (let i = 0; i < 2; i++) client.create(`/o${i}`);
    expect(world.snapshots.length).toBe(2);
    expect(world.replica.isHalted).toBe(false);
  });

  test('count what the log held at start towards the first one', () => {
    const state = RestoredState.fresh(plainOptions);
    const world = new MemoryReplica({ snapCount: 20 }, state, 30);
    world.connect();
    expect(world.snapshots).toHaveLength(1);
  });

  test('are not needed for the log to start a new file at its size limit', () => {
    const world = new MemoryReplica({ logBytesMax: 2000 });
    const client = world.connect();
    for (let i = 0; i < 40; i++) client.create(`/n${i}`, { data: 'x'.repeat(100) });
    expect(world.rolls).toBeGreaterThan(1);
    expect(world.snapshots).toHaveLength(0);
  });
});
