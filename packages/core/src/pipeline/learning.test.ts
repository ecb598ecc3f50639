import { JuteReader, errorCodes, opcodes } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import { MemoryPipelines } from '../testing/memory-pipelines.ts';
import type { PipelineNode } from '../testing/memory-pipelines.ts';
import { MemoryReplica, bytesOf, open, textOf } from '../testing/memory-replica.ts';
import type { Reply, TestClient } from '../testing/memory-replica.ts';
import { multiBody, multiResults } from '../testing/multi.ts';
import type { Part } from '../testing/multi.ts';

const { Ok, NoNode, NodeExists, MarshallingError, Unimplemented } = errorCodes;
const node = (path: string, flags = 0) => ({ path, data: null, acl: open, flags });

function learning(): { world: MemoryPipelines; leader: PipelineNode; learner: PipelineNode } {
  const world = new MemoryPipelines(1);
  return { world, leader: world.leader, learner: world.learners[0] };
}

const bodyOf = (bytes: Uint8Array): JuteReader => new JuteReader(bytes);
const intBody = (value: number): JuteReader => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, value);
  return bodyOf(bytes);
};
const order = (client: TestClient): number[] => client.replies().map(({ xid }) => xid);

describe('a write through a learner', () => {
  test('is answered when its transaction arrives here, not when the leader has it', () => {
    const { world, leader, learner } = learning();
    const client = learner.connect();
    learner.down.isHeld = true;
    client.submit('create', node('/a'), 1);
    world.settle();
    expect(leader.tree.find('/a')).toBeGreaterThanOrEqual(0);
    expect(client.replies()).toEqual([]);
    learner.down.isHeld = false;
    expect(client.replies()).toMatchObject([{ xid: 1, err: Ok, zxid: leader.tree.lastZxid }]);
    expect(learner.digest).toBe(leader.digest);
  });

  test('goes out with the identities of the connection, createSession with none', () => {
    const { learner } = learning();
    const client = learner.connect();
    client.authenticate('digest', 'ann:secret');
    client.create('/mine', { acl: [{ perms: 31, id: { scheme: 'auth', id: '' } }] });
    expect(learner.forwarded.map(({ opcode, identities }) => [opcode, identities])).toEqual([
      [opcodes.createSession, null],
      [opcodes.create, 2],
    ]);
    expect(client.getData('/mine').err).toBe(Ok);
    expect(learner.connect().setData('/mine', 'x').err).toBe(errorCodes.NoAuth);
  });

  test('is refused with the same codes, headers and bodies as by a server alone', () => {
    const requests = (client: TestClient) => {
      client.create('/a');
      const replies = [
        client.create('/a'),
        client.create('/no/parent'),
        client.create('nonsense'),
        client.create('/b', { acl: [] }),
        client.setData('/a', 'x', 7),
        client.delete('/'),
        client.callRaw(opcodes.setData, new Uint8Array([0, 0])),
        client.callRaw(opcodes.multi, new Uint8Array([0, 0, 0])),
        client.callRaw(opcodes.createTTL, new Uint8Array(2)),
        client.call('deleteContainer', { path: null }),
        client.call('deleteContainer', { path: '/zookeeper' }),
        client.call('reconfig', { joiningServers: null, leavingServers: null, newMembers: null, curConfigId: -1n }),
        client.call('deleteContainer', { path: '/a' }),
      ];
      return [...replies.map(({ err, body }) => [err, body]), client.isClosed];
    };
    const alone = requests(new MemoryReplica().connect());
    expect(requests(learning().learner.connect())).toEqual(alone);
    expect(requests(learning().leader.connect())).toEqual(alone);
    expect(alone.at(-2)).toEqual([Unimplemented, new Uint8Array(0)]);
  });

  test('that is a multi has the results it has at a server alone', () => {
    const multis: Part[][] = [
      [],
      [
        ['create', node('/m')],
        ['create2', node('/m/s-', 2)],
        ['setData', { path: '/m', data: bytesOf('x'), version: 0 }],
        ['check', { path: '/m', version: 1 }],
        ['delete', { path: '/m/s-0000000000', version: -1 }],
      ],
      [
        ['create', node('/n')],
        ['setData', { path: '/m', data: null, version: 7 }],
        ['delete', { path: '/m', version: -1 }],
      ],
    ];
    const results = (client: TestClient) =>
      multis.map((parts) => {
        const reply = client.callRaw(opcodes.multi, multiBody(parts));
        return [reply.err, multiResults(reply).map(({ type, err, path, stat }) => [type, err, path, stat?.version])];
      });
    const alone = results(new MemoryReplica().connect());
    expect(results(learning().learner.connect())).toEqual(alone);
    expect(alone[2][1]).toHaveLength(3);
  });

  test('is not mistaken for one that the client sent on a connection before, with the same xid', () => {
    const { world, learner } = learning();
    const first = learner.connect();
    world.isHeld = true;
    first.submit('create', node('/first'), 1);
    world.settle();
    first.drop();
    const second = learner.reconnect(first);
    second.submit('setData', { path: '/none', data: null, version: -1 }, 1);
    world.isHeld = false;
    expect(second.replies()).toMatchObject([{ xid: 1, err: NoNode }]);
    expect(second.exists('/first').err).toBe(Ok);
    expect(learner.pipeline.outstandingCount).toBe(0);
  });

  test('counts as outstanding until its transaction comes, also when its client has gone', () => {
    const world = new MemoryPipelines(1, { outstandingMax: 3 });
    const learner = world.learners[0];
    const [gone, client] = [learner.connect(), learner.connect()];
    world.isHeld = true;
    for (const xid of [1, 2]) gone.submit('create', node(`/gone${xid}`), xid);
    world.settle();
    gone.drop();
    for (const xid of [1, 2, 3, 4]) client.submit('create', node(`/n${xid}`), xid);
    world.settle();
    expect(learner.pipeline.outstandingCount).toBe(3);
    expect(client.link.isPaused).toBe(true);
    world.isHeld = false;
    expect(order(client)).toEqual([1, 2, 3, 4]);
    expect(learner.pipeline.outstandingCount).toBe(0);
  });
});

describe('the order of a session at a learner', () => {
  test('is that of its requests, while commits arrive in bursts (A45)', () => {
    const { world, learner } = learning();
    const [client, other] = [learner.connect(), world.leader.connect()];
    client.create('/n', { data: '0' });
    world.isHeld = true;
    const expected: [number, string | null][] = [];
    let version = 0;
    for (let xid = 100; xid < 150; xid++) {
      if (xid % 3 === 0) client.submit('setData', { path: '/n', data: bytesOf(`${++version}`), version: -1 }, xid);
      else if (xid % 7 === 0) client.submit('sync', { path: '/n' }, xid);
      else client.submit('getData', { path: '/n', watch: false }, xid);
      if (xid % 5 === 0) other.submit('create', node(`/o${xid}`), xid);
      expected.push([xid, xid % 3 === 0 || xid % 7 === 0 ? null : `${version}`]);
      world.settle();
    }
    for (const burst of [1, 4, 2, 9, 100]) {
      world.decide(burst);
      world.settle();
    }
    world.isHeld = false;
    const replies = client.replies();
    const values = replies.map((reply): [number, string | null] => {
      const isRead = reply.xid % 3 !== 0 && reply.xid % 7 !== 0;
      return [reply.xid, isRead ? textOf(client.decode('getData', reply).data) : null];
    });
    expect(values).toEqual(expected);
    const zxids = replies.map(({ zxid }) => zxid);
    expect(zxids).toEqual([...zxids].sort((a, b) => a - b));
  });

  test('holds when the leader confirms a sync only after a later write is decided', () => {
    const { world, leader, learner } = learning();
    for (const client of [learner.connect(), leader.connect()]) {
      world.areConfirmationsHeld = true;
      client.submit('sync', { path: '/' }, 1);
      client.submit('getChildren', { path: '/', watch: false }, 2);
      client.submit('create', node(`/${client.session}`), 3);
      client.submit('getChildren', { path: '/', watch: false }, 4);
      client.submit('sync', { path: '/' }, 5);
      const replies = client.replies();
      expect(replies.map(({ xid }) => xid)).toEqual([1, 2, 3, 4]);
      expect(replies[0].zxid).toBeLessThan(replies[2].zxid);
      world.areConfirmationsHeld = false;
      expect(order(client)).toEqual([5]);
    }
  });

  test('puts events before the answers that show the change (A46)', () => {
    const { world, learner } = learning();
    const [reader, writer] = [learner.connect(), learner.connect()];
    writer.create('/a', { data: '1' });
    reader.getData('/a', true);
    learner.down.isHeld = true;
    writer.submit('setData', { path: '/a', data: bytesOf('2'), version: -1 });
    world.settle();
    const get = { path: '/a', watch: false };
    reader.submit('getData', get, 100);
    reader.submit('setData', { path: '/a', data: bytesOf('3'), version: -1 }, 101);
    reader.submit('getData', get, 102);
    world.settle();
    learner.down.isHeld = false;
    const messages = reader.take();
    expect(messages.map((message) => (message.kind === 'event' ? 'event' : message.xid))).toEqual([
      100,
      'event',
      101,
      102,
    ]);
    const values = [messages[0], messages[3]].map((m) => textOf(reader.decode('getData', m as Reply).data));
    expect(values).toEqual(['1', '3']);
  });

  test('lets a sync wait for the leader, and what is behind it for the sync', () => {
    const { world, leader, learner } = learning();
    const [writer, client] = [leader.connect(), learner.connect()];
    world.areConfirmationsHeld = true;
    client.submit('sync', { path: '/x' }, 1);
    client.submit('exists', { path: '/late', watch: false }, 2);
    world.settle();
    writer.submit('create', node('/late'));
    expect(client.replies()).toEqual([]);
    world.areConfirmationsHeld = false;
    const replies = client.replies();
    expect(replies.map(({ xid, err }) => [xid, err])).toEqual([
      [1, Ok],
      [2, Ok],
    ]);
    expect(client.decode('sync', replies[0]).path).toBe('/x');
  });

  test('is kept by syncs of several clients, one of which leaves', () => {
    const { world, learner } = learning();
    const clients = [learner.connect(), learner.connect(), learner.connect()];
    world.areConfirmationsHeld = true;
    for (const client of clients) client.submit('sync', { path: '/' }, 9);
    world.settle();
    clients[0].drop();
    world.areConfirmationsHeld = false;
    expect(clients.slice(1).map(order)).toEqual([[9], [9]]);
  });

  test('takes only so many syncs at once', () => {
    const { world, learner } = learning();
    const client = learner.connect();
    world.areConfirmationsHeld = true;
    for (let xid = 1; xid <= 100; xid++) client.submit('sync', { path: '/' }, xid);
    world.settle();
    expect(client.link.isPaused).toBe(true);
    world.areConfirmationsHeld = false;
    expect(order(client)).toHaveLength(100);
  });
});

describe('closing a session through a learner', () => {
  test('drops what is pipelined behind it, an ephemeral above all (A40)', () => {
    const { world, leader, learner } = learning();
    const client = learner.connect();
    client.submit('closeSession', {}, 1);
    client.submit('create', node('/after', 1), 2);
    expect(order(client)).toEqual([1]);
    expect(client.isClosed).toBe(true);
    expect(world.nodes.map(({ tree }) => tree.find('/after'))).toEqual([-1, -1]);
    expect(leader.state.sessions.get(client.session)).toBeUndefined();
  });

  test('takes along an ephemeral that is still in flight (A40)', () => {
    const { world, learner } = learning();
    const client = learner.connect();
    world.isHeld = true;
    client.submit('create', node('/before', 1), 1);
    client.submit('closeSession', {}, 2);
    world.settle();
    world.isHeld = false;
    expect(order(client)).toEqual([1, 2]);
    expect(world.nodes.map(({ tree }) => tree.find('/before'))).toEqual([-1, -1]);
    expect(world.nodes.map(({ state }) => state.sessions.size)).toEqual([0, 0]);
  });

  test('by the leader, because its time is up, hangs up and refuses what was on its way', () => {
    const { world, leader, learner } = learning();
    const client = learner.connect({ timeoutMs: 2000 });
    client.create('/e', { flags: 1 });
    learner.up.isHeld = true;
    client.submit('create', node('/late', 1), 9);
    client.submit('closeSession', {}, 0);
    world.settle();
    for (let i = 0; i < 5; i++) {
      world.now += 1000;
      leader.step({ kind: 'tick' });
    }
    expect(client.replies()).toEqual([]);
    expect(client.isClosed).toBe(true);
    learner.up.isHeld = false;
    world.settle();
    expect(world.nodes.map(({ tree }) => [tree.find('/e'), tree.find('/late')])).toEqual([
      [-1, -1],
      [-1, -1],
    ]);
    expect(learner.pipeline.outstandingCount).toBe(0);
    expect(learner.digest).toBe(leader.digest);
    expect(leader.notes).toEqual([{ kind: 'sessionExpired', session: client.session }]);
  });
});

describe('a session at a learner', () => {
  test('is greeted when its createSession is applied here, and not before', () => {
    const { world, learner } = learning();
    learner.down.isHeld = true;
    const client = learner.open();
    client.greet({});
    client.submit('exists', { path: '/', watch: false }, 1);
    expect(client.greeting()).toBeUndefined();
    learner.down.isHeld = false;
    expect(client.greeting()).toMatchObject({ timeoutMs: 10_000 });
    expect(order(client)).toEqual([1]);
    expect(world.nodes.map(({ state }) => state.sessions.get(client.session)?.persisted)).toEqual([true, true]);
    expect(client.session >> 56n).toBe(2n);
  });

  test('whose client leaves before it is made stays until its time is up', () => {
    const { world, leader, learner } = learning();
    learner.down.isHeld = true;
    const client = learner.open();
    client.greet({ timeoutMs: 2000 });
    world.settle();
    client.drop();
    learner.down.isHeld = false;
    world.settle();
    expect(leader.state.sessions.size).toBe(1);
    world.pass(5000);
    expect(world.nodes.map(({ state }) => state.sessions.size)).toEqual([0, 0]);
  });

  test('lives for as long as the learner reports that it was heard, and never ends by itself there', () => {
    const { world, leader, learner } = learning();
    const client = learner.connect({ timeoutMs: 2000 });
    for (let i = 0; i < 10; i++) {
      client.call('ping', {}, -2);
      world.pass(1000);
    }
    expect(client.isClosed).toBe(false);
    expect(leader.state.sessions.size).toBe(1);
    world.isHeld = true;
    world.pass(10_000);
    expect(client.isClosed).toBe(false);
    world.isHeld = false;
    world.settle();
    expect(client.isClosed).toBe(true);
  });

  test('is reported once by each server when it is made, then when it is heard', () => {
    const world = new MemoryPipelines(2);
    const [here, there] = world.learners;
    const client = here.connect();
    expect(here.pipeline.learner.takeTouched()).toEqual([[client.session, 10_000]]);
    expect(there.pipeline.learner.takeTouched()).toEqual([[client.session, 10_000]]);
    expect(here.pipeline.learner.takeTouched()).toEqual([]);
    client.exists('/');
    expect([here.pipeline.learner.takeTouched(), there.pipeline.learner.takeTouched()]).toEqual([
      [[client.session, 10_000]],
      [],
    ]);
    client.call('closeSession', {});
    expect([here.pipeline.learner.takeTouched(), there.pipeline.learner.takeTouched()]).toEqual([[], []]);
  });

  test('whose id another server has given out already is not made: its client is hung up and asks again', () => {
    const world = new MemoryPipelines(2);
    const [one, two] = world.learners;
    const first = one.connect();
    Object.assign(two.pipeline.ctx.sessionIds, { take: () => first.session });
    two.down.isHeld = true; // it has not heard of the first one
    two.state.sessions.remove(first.session);
    world.leader.pipeline.request(1, first.session, 0, opcodes.createSession, intBody(4000), null);
    world.settle();
    expect(world.leader.state.sessions.get(first.session)?.timeoutMs).toBe(10_000);
    two.down.isHeld = false;
    const second = two.open();
    second.greet({});
    expect(second.greeting()).toBeUndefined();
    expect(second.isClosed).toBe(true);
    expect(first.create('/y').err).toBe(Ok);
    expect(first.create('/y').err).toBe(NodeExists);
  });
});

describe('requests of learners at the leader', () => {
  const errorsOf = (world: MemoryPipelines): [number, number, number][] =>
    world.log.map(({ payload }) => {
      const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
      return [view.getInt32(8), view.getInt32(28), payload.length >= 36 ? view.getInt32(32) : 0];
    });

  test('that cannot be decoded, or come from nobody, become error transactions', () => {
    const { world, leader, learner } = learning();
    const { session } = learner.connect();
    world.log.length = 0;
    const { pipeline } = leader;
    const nobody = null;
    const ann = [{ scheme: 'ip', id: '10.0.0.1' }];
    pipeline.request(0, session, 1, opcodes.setData, bodyOf(new Uint8Array(2)), ann);
    pipeline.request(0, session, 2, opcodes.multi, bodyOf(new Uint8Array(2)), ann);
    pipeline.request(0, session, 3, opcodes.createSession, bodyOf(new Uint8Array(2)), nobody);
    pipeline.request(0, session, 4, opcodes.delete, bodyOf(new Uint8Array([0, 0, 0, 1, 47, 0, 0, 0, 0])), nobody);
    pipeline.request(0, session, 5, opcodes.deleteContainer, bodyOf(new Uint8Array([0, 0, 0, 1, 65])), ann);
    pipeline.request(0, 77n as typeof session, 6, opcodes.closeSession, bodyOf(new Uint8Array(0)), ann);
    pipeline.request(0, session, 7, opcodes.getData, bodyOf(new Uint8Array(9)), ann);
    pipeline.request(0, session, 8, opcodes.ping, bodyOf(new Uint8Array(0)), ann);
    expect(errorsOf(world)).toEqual([
      [1, -1, MarshallingError],
      [2, -1, MarshallingError],
      [3, -1, MarshallingError],
      [4, -1, MarshallingError],
      [5, -1, Unimplemented],
      [6, -1, errorCodes.SessionExpired],
    ]);
  });

  test('from a server that the client has left are refused as moved', () => {
    const world = new MemoryPipelines(2);
    const [one] = world.learners;
    const { session } = one.connect();
    world.leader.pipeline.revalidateFor(1, session, 10_000);
    world.log.length = 0;
    world.leader.pipeline.request(0, session, 5, opcodes.closeSession, bodyOf(new Uint8Array(0)), []);
    expect(errorsOf(world)).toEqual([[5, -1, errorCodes.SessionMoved]]);
  });

  test('that are half a multi leave nothing behind for the requests after them', () => {
    const { world, learner } = learning();
    const client = learner.connect();
    const whole = multiBody([['create', node('/half')]]);
    expect(client.callRaw(opcodes.multi, whole.subarray(0, whole.length - 4)).err).toBe(MarshallingError);
    expect(client.create('/half').err).toBe(Ok);
    expect(world.leader.pipeline.ctx.outstanding.size).toBe(0);
  });
});
