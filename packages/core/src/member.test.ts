import { JuteWriter, PacketReader, errorCodes, opcodes, packetTypes, writePacket } from '@corral/protocol';
import type { QuorumPacket, Zxid } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import { MemoryCluster, tickMs } from './testing/memory-cluster.ts';
import type { ClusterNode } from './testing/memory-cluster.ts';
import { bytesOf, open, textOf } from './testing/memory-replica.ts';
import type { TestClient } from './testing/memory-replica.ts';
import { Replacement } from './zab/history.ts';

function started(voters = 3, observers = 0): { cluster: MemoryCluster; leader: ClusterNode; others: ClusterNode[] } {
  const cluster = new MemoryCluster(voters, observers);
  cluster.start();
  const leader = cluster.elect();
  return { cluster, leader, others: [...cluster.nodes.values()].filter((node) => node !== leader) };
}

/** The digest of every server that is up: one entry when all agree. */
const digests = (cluster: MemoryCluster): Set<string> =>
  new Set(
    [...cluster.nodes.values()]
      .filter((node) => node.isUp)
      .map(({ member }) => `${member.applied}:${member.pipeline.ctx.tree.digest.value}`),
  );

const dataAt = (client: TestClient, path: string): string | null => textOf(client.getData(path).result.data ?? null);

/** Changes the type of the next proposal on its way to `node`; the bytes of a payload begin with a header of 32. */
function changeType(cluster: MemoryCluster, node: ClusterNode, zxid: Zxid, type: number): void {
  for (const { chunks } of cluster.ends.filter((end) => end.node === node)) {
    for (const bytes of chunks) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      for (let at = 0; at + 52 <= bytes.length; at++)
        if (view.getInt32(at) === 2 && view.getBigInt64(at + 4) === BigInt(zxid)) view.setInt32(at + 16 + 28, type);
    }
  }
}

/** From now on a server receives only those packets of other servers that pass. */
function passPackets(node: ClusterNode, passes: (packet: QuorumPacket) => boolean): void {
  const readers = new Map<number, PacketReader>();
  const take = node.now.bind(node);
  node.now = (input) => {
    if (input.kind !== 'peerReceived') return take(input);
    const reader = readers.get(input.connection) ?? new PacketReader();
    readers.set(input.connection, reader);
    const out = new JuteWriter();
    reader.push(input.bytes, input.start, input.end);
    for (let packet = reader.next(); packet !== undefined; packet = reader.next())
      if (passes(packet)) writePacket(out, packet.type, packet.zxid, packet.data, packet.authinfo);
    const bytes = out.detach(0);
    if (bytes.length > 0) take({ ...input, bytes, start: 0, end: bytes.length });
  };
}

describe('a transaction that a learner cannot read', () => {
  test('is not logged: the learner says which it is, stays away, then takes the whole state of its leader', () => {
    const { cluster, leader, others } = started();
    const [follower] = others;
    const client = leader.connect();
    client.create('/before', { data: '1' });
    cluster.pass(tickMs);
    const applied = leader.member.applied;
    follower.isHeld = true;
    client.create('/unknown', { data: '2' });
    changeType(cluster, follower, (applied + 1) as Zxid, 77);
    follower.isHeld = false;
    cluster.settle();
    expect(follower.halts).toEqual([]);
    expect(follower.peer.history.last).toBe(applied);
    expect(follower.notes.filter(({ level }) => level === 'error').map(({ message }) => message)).toEqual([
      expect.stringMatching(/transaction 0x[0-9a-f]+ of type 77 .*upgrade this server/),
    ]);
    expect(follower.peer.state).toBe('leaving');
    cluster.pass(900);
    expect(follower.peer.state).toBe('leaving');
    cluster.pass(20 * tickMs);
    expect(follower.notes.some(({ facts }) => facts?.kind === 'SNAP')).toBe(true);
    expect(digests(cluster).size).toBe(1);
    follower.restart();
    cluster.pass(20 * tickMs);
    expect(digests(cluster).size).toBe(1);
    expect(dataAt(follower.connect(), '/unknown')).toBe('2');
  });

  test('is waited for longer each time, up to half a minute', () => {
    const replacement = new Replacement();
    let now = 0;
    const waits = Array.from({ length: 8 }, () => replacement.ask((now += 1000)));
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect(replacement.ask(now + 20 * 60_000)).toBe(1000);
  });
});

describe('a leader that has no clients (leaderServes=no)', () => {
  test('closes their connections, also those of the follower it was; the others serve', () => {
    const cluster = new MemoryCluster(3);
    for (const node of cluster.nodes.values()) node.ensemble = { leaderServes: false };
    cluster.start();
    const leader = cluster.elect();
    const [other] = [...cluster.nodes.values()].filter((node) => node !== leader);
    const turnedAway = leader.open();
    turnedAway.greet({});
    cluster.settle();
    expect([turnedAway.greeting(), turnedAway.isClosed]).toEqual([undefined, true]);
    expect(leader.member.pipeline.ctx.sessions.size).toBe(0);
    const client = other.connect();
    expect(client.create('/a').err).toBe(0);
    leader.member.handOver({ now: cluster.now, wall: cluster.now }, 60_000);
    cluster.pass(5 * tickMs);
    const next = cluster.elect();
    expect(next).not.toBe(leader);
    expect(next.clients.every(({ isClosed }) => isClosed)).toBe(true);
    const late = next.open();
    late.greet({});
    cluster.settle();
    expect(late.isClosed).toBe(true);
    expect(leader.connect().create('/b').err).toBe(0);
  });
});

describe('an ensemble of three', () => {
  test('a write through any server is decided by all of them', () => {
    const { cluster, leader, others } = started();
    for (const [i, node] of [leader, ...others].entries())
      expect(node.connect().create(`/from-${i}`, { data: 'x' }).err).toBe(0);
    cluster.pass(tickMs);
    expect(digests(cluster).size).toBe(1);
    for (const node of cluster.nodes.values())
      expect(node.connect().children('/')).toEqual(['from-0', 'from-1', 'from-2', 'zookeeper']);
  });

  test('each write is remembered with who proposed it, all who accepted it, and that it was decided', () => {
    const { cluster, leader } = started();
    const client = leader.connect();
    for (let i = 0; i < 5; i++) client.create(`/n${i}`, { data: 'x' });
    cluster.pass(tickMs);
    const last = leader.member.applied;
    for (let zxid = last - 4; zxid <= last; zxid++) {
      const decision = leader.member.peer.trace.find(zxid as Zxid);
      expect(decision?.proposed?.by).toBe(leader.sid);
      expect(decision?.accepted.map(({ by }) => by).sort()).toEqual([1, 2, 3]);
      expect(decision?.decided).toBeDefined();
    }
  });

  test('a follower answers its client only when the write is applied here, and events come before', () => {
    const { others } = started();
    const [writer, reader] = [others[0].connect(), others[1].connect()];
    writer.create('/a', { data: '1' });
    reader.call('sync', { path: '/' });
    reader.getData('/a', true);
    writer.setData('/a', '2');
    expect(dataAt(writer, '/a')).toBe('2');
    expect(dataAt(reader, '/a')).toBe('2');
    expect(reader.events()).toEqual(['changed /a']);
  });

  test('refused writes come back as refused, with the same codes as from the leader', () => {
    const { leader, others } = started();
    const codes = [leader, others[0]].map((node) => {
      const client = node.connect();
      return [
        client.create('/no/parent').err,
        client.delete('/nothing').err,
        client.setData('/zookeeper', 'x', 7).err,
        client.callRaw(opcodes.setData, new Uint8Array([0, 0])).err,
        client.call('multi', {
          ops: [],
        } as never).err,
      ];
    });
    expect(codes[1]).toEqual(codes[0]);
  });

  test('sync through a follower waits for the leader and shows everything decided before it', () => {
    const { cluster, leader, others } = started();
    const [follower] = others;
    const writer = leader.connect();
    const reader = follower.connect();
    writer.create('/s', { data: '1' });
    cluster.settle();
    follower.isHeld = true;
    writer.setData('/s', '2');
    const sync = reader.submit('sync', { path: '/s' });
    const get = reader.submit('getData', { path: '/s', watch: false });
    cluster.settle();
    expect(reader.replies()).toEqual([]);
    follower.isHeld = false;
    const replies = reader.replies();
    expect(replies.map(({ xid }) => xid)).toEqual([sync, get]);
    expect(textOf(reader.decode('getData', replies[1]).data ?? null)).toBe('2');
  });

  test('a learner gets the answer to its sync before the commit of a write that it has forwarded later', () => {
    const { cluster, leader, others } = started();
    const [asks, writes] = [others[0].connect(), others[0].connect()];
    expect(asks.create('/before').err).toBe(0);
    cluster.settle();
    passPackets(leader, (packet) => packet.type !== packetTypes.ping);
    const came: number[] = [];
    passPackets(others[0], ({ type }) => {
      if (type === packetTypes.sync || type === packetTypes.commit) came.push(type);
      return true;
    });
    const sync = asks.submit('sync', { path: '/before' });
    const write = writes.submit('create', { path: '/behind', data: null, acl: open, flags: 0 });
    cluster.settle();
    expect(came).toEqual([packetTypes.sync, packetTypes.commit]);
    expect(asks.replies().map(({ xid }) => xid)).toEqual([sync]);
    expect(writes.replies().map(({ xid }) => xid)).toEqual([write]);
  });

  test('losing the leader costs nothing that was acknowledged', () => {
    const { cluster, leader, others } = started();
    const client = others[0].connect();
    for (let i = 0; i < 5; i++) expect(client.create(`/n${i}`).err).toBe(0);
    leader.stop();
    const second = cluster.elect();
    expect(second).not.toBe(leader);
    expect(second.connect().create('/later').err).toBe(0);
    leader.start();
    cluster.pass(20 * tickMs);
    expect(digests(cluster).size).toBe(1);
    expect(leader.connect().children('/')).toEqual(['later', 'n0', 'n1', 'n2', 'n3', 'n4', 'zookeeper']);
  });

  test('a session survives the loss of its server and of the leader', () => {
    const { cluster, leader, others } = started();
    const first = leader.connect({ timeoutMs: 20_000 });
    first.create('/e', { flags: 1 });
    const { sessionId, password } = first.welcome!;
    leader.stop();
    cluster.elect();
    const again = others[0].connect({ sessionId, password, timeoutMs: 20_000 });
    expect(again.welcome?.sessionId).toBe(sessionId);
    expect(again.exists('/e').err).toBe(0);
    expect(again.create('/e2', { flags: 1 }).err).toBe(0);
  });

  test('the leader ends a session that nobody hears of, wherever its client was', () => {
    const { cluster, others } = started();
    const gone = others[0].connect({ timeoutMs: 2000 });
    const stays = others[1].connect({ timeoutMs: 2000 });
    gone.create('/gone', { flags: 1 });
    stays.create('/stays', { flags: 1 });
    gone.drop();
    for (let i = 0; i < 20; i++) {
      cluster.pass(300);
      stays.call('sync', { path: '/' });
    }
    expect(stays.exists('/gone').err).toBe(errorCodes.NoNode);
    expect(stays.exists('/stays').err).toBe(0);
  });

  test('a stranger with a wrong password does not cut off the owner of a session, at no server', () => {
    const { leader, others } = started();
    for (const node of [leader, others[0]]) {
      const owner = node.connect();
      const { sessionId } = owner.welcome!;
      for (const door of [leader, ...others])
        expect(door.connect({ sessionId, password: new Uint8Array(16) }).welcome?.timeoutMs).toBe(0);
      expect(owner.isClosed).toBe(false);
      expect(owner.create(`/mine-${node.sid}`, { flags: 1 }).err).toBe(0);
    }
  });

  test('a session whose end a leader has begun, and another has cut off, is ended when the first one leads again', () => {
    const { cluster, leader, others } = started();
    const client = leader.connect({ timeoutMs: 2000 });
    expect(client.create('/e', { flags: 1 }).err).toBe(0);
    client.drop();
    cluster.pass(7 * tickMs);
    for (const other of others) other.isHeld = true;
    const { sessions } = leader.member.pipeline.ctx;
    for (let i = 0; i < 10 && sessions.get(client.session)?.closing !== true; i++) cluster.pass(tickMs / 2);
    expect([leader.peer.state, sessions.get(client.session)?.closing]).toEqual(['leading', true]);
    cluster.cut(leader.sid, others[0].sid);
    cluster.cut(leader.sid, others[1].sid);
    cluster.drop(leader.sid);
    for (const other of others) other.isHeld = false;
    const second = ((): ClusterNode => {
      for (let i = 0; i < 100; i++) {
        cluster.pass(tickMs);
        const found = others.find(({ peer }) => peer.state === 'leading' && peer.isServing);
        if (found !== undefined) return found;
      }
      throw new Error('no other leader was elected');
    })();
    cluster.cuts.clear();
    for (let i = 0; i < 20 && leader.peer.state !== 'following'; i++) cluster.pass(tickMs / 2);
    for (let i = 0; i < 5 && !leader.peer.isServing; i++) cluster.pass(tickMs / 2);
    expect([second.peer.state, leader.peer.role]).toMatchObject(['leading', { kind: 'following', sync: 'TRUNC' }]);
    expect(leader.connect().exists('/e').err).toBe(0);
    second.stop();
    expect(cluster.elect()).toBe(leader);
    cluster.pass(30 * tickMs);
    expect(leader.connect().exists('/e').err).toBe(errorCodes.NoNode);
  });

  test('an input from inside an effect is refused, and the member stops', () => {
    const { cluster, leader } = started();
    leader.requestTurn = () => leader.now({ kind: 'turn' });
    leader.connect();
    cluster.settle();
    expect(leader.halts).toEqual([expect.stringContaining("the host gave 'turn' to the core from inside an effect")]);
  });

  test('a session that moved to another server is refused at the old one', () => {
    const { others } = started();
    const [a, b] = others;
    const before = a.connect();
    before.create('/m', { data: '0' });
    const { sessionId, password } = before.welcome!;
    const after = b.connect({ sessionId, password });
    expect(after.setData('/m', '1').err).toBe(0);
    before.submit('setData', { path: '/m', data: bytesOf('2'), version: -1 });
    expect(before.replies()).toEqual([]);
    expect(before.isClosed).toBe(true);
    expect(dataAt(after, '/m')).toBe('1');
  });

  test('a minority decides nothing and ends its leadership', () => {
    const { cluster, leader, others } = started();
    const client = leader.connect();
    for (const other of others) cluster.cut(leader.sid, other.sid);
    for (const other of others) cluster.drop(other.sid);
    client.submit('create', { path: '/lost', data: null, acl: open, flags: 0 });
    cluster.settle();
    expect(client.replies()).toEqual([]);
    cluster.pass(10 * tickMs);
    expect(leader.peer.state).not.toBe('leading');
    expect(cluster.elect()).not.toBe(leader);
    cluster.cuts.clear();
    cluster.pass(30 * tickMs);
    expect(digests(cluster).size).toBe(1);
    expect(cluster.leader!.connect().exists('/lost').err).toBe(errorCodes.NoNode);
  });

  test('a server that was away for long gets the whole state', () => {
    const cluster = new MemoryCluster(3);
    for (const node of cluster.nodes.values()) node.ensemble = { commitLogCount: 3 };
    cluster.start();
    const leader = cluster.elect();
    const [away, other] = [...cluster.nodes.values()].filter((node) => node !== leader);
    away.stop();
    const client = other.connect();
    for (let i = 0; i < 20; i++) client.create(`/n${i}`, { data: 'x'.repeat(100) });
    away.start();
    cluster.pass(10 * tickMs);
    expect(away.peer.role).toMatchObject({ kind: 'following', sync: 'SNAP' });
    client.create('/after');
    cluster.pass(tickMs);
    expect(digests(cluster).size).toBe(1);
    away.restart();
    cluster.pass(10 * tickMs);
    expect(digests(cluster).size).toBe(1);
  });

  test('an observer follows what is decided and has no vote', () => {
    const { cluster, leader } = started(3, 1);
    const observer = cluster.node(4);
    const client = observer.connect();
    expect(client.create('/o', { data: '1' }).err).toBe(0);
    cluster.pass(tickMs);
    expect([observer.peer.state, digests(cluster).size]).toEqual(['observing', 1]);
    for (const node of cluster.nodes.values()) if (node !== leader && node !== observer) node.stop();
    cluster.pass(10 * tickMs);
    expect(cluster.leader).toBeUndefined();
  });

  test('a leader hands over and keeps out of the next election', () => {
    const { cluster, leader } = started();
    leader.member.handOver({ now: cluster.now, wall: 0 }, 10 * tickMs);
    cluster.settle();
    expect(cluster.elect()).not.toBe(leader);
    cluster.pass(20 * tickMs);
    expect(leader.peer.state).toBe('following');
  });

  test('a leader that hands over answers what is in flight first, and its successor what comes later', () => {
    const { cluster, leader, others } = started();
    const [near, far] = [leader.connect(), others[0].connect()];
    for (const node of others) node.isDiskHeld = true;
    const created = [near, far].map((client, i) =>
      client.submit('create', { path: `/h${i}`, data: null, acl: open, flags: 0 }),
    );
    cluster.settle();
    leader.member.handOver({ now: cluster.now, wall: 0 }, 10 * tickMs);
    created.push(near.submit('create', { path: '/late', data: null, acl: open, flags: 0 }));
    cluster.settle();
    expect([leader.peer.state, leader.member.isMakingWay, near.replies()]).toEqual(['leading', true, []]);
    for (const node of others) node.releaseDisk();
    cluster.settle();
    expect(leader.peer.state).not.toBe('leading');
    expect(cluster.elect()).not.toBe(leader);
    const replies = [...far.replies(), ...near.replies()];
    expect(replies.map(({ err }) => err)).toEqual(created.map(() => 0));
    expect(others[0].connect().children('/')).toEqual(['h0', 'h1', 'late', 'zookeeper']);
  });

  test('a hand-over does not wait for ever for what cannot be decided', () => {
    const { cluster, leader, others } = started();
    const client = leader.connect();
    for (const node of others) node.isDiskHeld = true;
    client.submit('create', { path: '/h', data: null, acl: open, flags: 0 });
    cluster.settle();
    leader.member.handOver({ now: cluster.now, wall: 0 }, 10 * tickMs);
    cluster.pass(4 * tickMs);
    expect(leader.peer.state).toBe('leading');
    cluster.pass(6 * tickMs);
    expect(leader.peer.state).not.toBe('leading');
  });

  test('whoever removes the leader through a follower is answered, and another server leads without an election', () => {
    const cluster = new MemoryCluster(3);
    for (const node of cluster.nodes.values()) {
      node.ensemble = { reconfigEnabled: true };
      node.replica = { reconfigEnabled: true, skipAcl: true };
    }
    cluster.start();
    const leader = cluster.elect();
    const others = [...cluster.nodes.values()].filter((node) => node !== leader);
    const client = others[0].connect();
    const leavingServers = `${leader.sid}`;
    const request = { joiningServers: null, leavingServers, newMembers: null, curConfigId: -1n };
    expect(client.call('reconfig', request).err).toBe(0);
    const next = cluster.elect();
    expect(others).toContain(next);
    cluster.pass(5 * tickMs);
    expect(others.map(({ peer }) => [peer.isServing, peer.stats.elections])).toEqual([
      [true, 1],
      [true, 1],
    ]);
    expect(next.connect().getData('/zookeeper/config').err).toBe(0);
  });

  test('whoever removes the leader through a server with a slow disk is answered when that disk is done', () => {
    const cluster = new MemoryCluster(5);
    for (const node of cluster.nodes.values()) {
      node.ensemble = { reconfigEnabled: true };
      node.replica = { reconfigEnabled: true, skipAcl: true };
    }
    cluster.start();
    const leader = cluster.elect();
    const [slow] = [...cluster.nodes.values()].filter((node) => node !== leader);
    const client = slow.connect();
    slow.isDiskHeld = true;
    const request = { joiningServers: null, leavingServers: `${leader.sid}`, newMembers: null, curConfigId: -1n };
    client.submit('reconfig', request);
    cluster.settle();
    expect(leader.peer.state).not.toBe('leading');
    expect(client.replies()).toEqual([]);
    slow.releaseDisk();
    expect(client.replies().map(({ err }) => err)).toEqual([0]);
  });

  test('an epoch whose counter is used up is followed by the next', () => {
    const cluster = new MemoryCluster(3);
    for (const node of cluster.nodes.values()) node.ensemble = { counterMax: 5 };
    cluster.start();
    let created = 0;
    for (let i = 0; i < 12; i++) {
      const leader = cluster.elect();
      const client = leader.connect();
      if (client.welcome === undefined) continue;
      client.submit('create', { path: `/r${i}`, data: null, acl: open, flags: 0 });
      created += client.replies().filter(({ err }) => err === 0).length;
      cluster.pass(5 * tickMs);
    }
    expect(cluster.elect().peer.epochs.current).toBeGreaterThan(2);
    expect(created).toBeGreaterThan(5);
    cluster.pass(10 * tickMs);
    expect(digests(cluster).size).toBe(1);
  });
});

test('one server alone, as a member, leads itself', () => {
  const { leader } = started(1);
  expect(leader.connect().create('/alone').err).toBe(0);
  leader.restart();
  leader.cluster.pass(5 * tickMs);
  expect(leader.connect().exists('/alone').err).toBe(0);
});
