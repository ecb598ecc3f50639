import { errorCodes, opcodes } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import { MemoryReplica, bytesOf, encodeRequest, frameOf, greetingFrame, open } from '../testing/memory-replica.ts';
import type { TestClient } from '../testing/memory-replica.ts';
import { multiBody } from '../testing/multi.ts';

const { Ok, MarshallingError, Unimplemented } = errorCodes;

const join = (parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const request = (xid: number, opcode: number, body: Uint8Array): Uint8Array => frameOf(xid, opcode, body);

/** A conversation with every way to answer in it: reads, writes, errors, events, an auth packet, an unknown operation. */
const conversation = join([
  greetingFrame({}),
  request(1, opcodes.exists, encodeRequest('exists', { path: '/ä', watch: true })),
  request(2, opcodes.create, encodeRequest('create', { path: '/ä', data: bytesOf('x'), acl: open, flags: 1 })),
  request(-2, opcodes.ping, new Uint8Array(0)),
  request(-4, opcodes.auth, encodeRequest('auth', { type: 0, scheme: 'digest', auth: bytesOf('u:p') })),
  request(3, opcodes.setData, Uint8Array.of(0)),
  request(4, opcodes.multi, multiBody([['setData', { path: '/ä', data: null, version: 0 }]])),
  request(5, opcodes.getData, encodeRequest('getData', { path: '/ä', watch: false })),
  request(6, 999, new Uint8Array(0)),
]);

/** Everything that a client receives when its bytes arrive cut at these places. */
function receivedWhenCutAt(...cuts: number[]): Uint8Array {
  const world = new MemoryReplica();
  const client = world.open();
  const places = [0, ...cuts, conversation.length];
  world.isLogHeld = true;
  for (const [i, start] of places.slice(0, -1).entries()) {
    client.send(conversation.slice(start, places[i + 1]));
    world.settle();
  }
  world.releaseLog();
  expect(client.isClosed).toBe(true);
  return client.link.arrived.toBytes();
}

describe('frames', () => {
  test('may be split and joined at every byte', () => {
    const whole = receivedWhenCutAt();
    for (let cut = 1; cut < conversation.length; cut++) {
      expect(receivedWhenCutAt(cut)).toEqual(whole);
      expect(receivedWhenCutAt(cut, Math.min(cut + 1, conversation.length))).toEqual(whole);
    }
    const everywhere = Array.from({ length: conversation.length - 1 }, (_, i) => i + 1);
    expect(receivedWhenCutAt(...everywhere)).toEqual(whole);
  });

  test.each([0, -1, -0x80000000, 0x7fffffff, 1_048_576])('of length %i close the connection at once', (length) => {
    const client = new MemoryReplica().connect();
    client.send(Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length));
    expect(client.take()).toEqual([]);
    expect(client.isClosed).toBe(true);
  });

  test('of the largest length are taken', () => {
    const client = new MemoryReplica({ frameBytesMax: 1000 }).connect();
    const overhead = encodeRequest('setData', { path: '/', data: new Uint8Array(0), version: -1 }).length + 8;
    const set = (size: number) => ({ path: '/', data: new Uint8Array(size - overhead), version: -1 });
    expect(client.call('setData', set(1000)).err).toBe(Ok);
    client.submit('setData', set(1001));
    expect(client.take()).toEqual([]);
    expect(client.isClosed).toBe(true);
  });

  test('of too large a length do not keep what was answered before from leaving', () => {
    const client = new MemoryReplica().connect();
    client.send(join([request(7, opcodes.exists, encodeRequest('exists', { path: '/', watch: false })), Uint8Array.of(0xff, 0, 0, 0)])); // prettier-ignore
    expect(client.take()).toMatchObject([{ xid: 7, err: Ok }]);
    expect(client.isClosed).toBe(true);
  });

  test.each([1, 7])('of %i bytes are too short for a header and close the connection', (length) => {
    const client = new MemoryReplica().connect();
    client.send(Uint8Array.of(0, 0, 0, length, ...new Uint8Array(length)));
    expect(client.take()).toEqual([]);
    expect(client.isClosed).toBe(true);
  });
});

describe('bodies', () => {
  const bodies: readonly [op: string, opcode: number, body: Uint8Array][] = [
    ['create', opcodes.create, encodeRequest('create', { path: '/a', data: bytesOf('x'), acl: open, flags: 0 })],
    ['createTTL', opcodes.createTTL, encodeRequest('createTTL', { path: '/a', data: null, acl: open, flags: 5, ttl: 5 })],
    ['delete', opcodes.delete, encodeRequest('delete', { path: '/a', version: 0 })],
    ['setData', opcodes.setData, encodeRequest('setData', { path: '/a', data: bytesOf('x'), version: 0 })],
    ['setACL', opcodes.setACL, encodeRequest('setACL', { path: '/a', acl: open, version: 0 })],
    ['exists', opcodes.exists, encodeRequest('exists', { path: '/a', watch: true })],
    ['getChildren2', opcodes.getChildren2, encodeRequest('getChildren2', { path: '/', watch: true })],
    ['getACL', opcodes.getACL, encodeRequest('getACL', { path: '/' })],
    ['sync', opcodes.sync, encodeRequest('sync', { path: '/' })],
    ['addWatch', opcodes.addWatch, encodeRequest('addWatch', { path: '/a', mode: 1 })],
    ['removeWatches', opcodes.removeWatches, encodeRequest('removeWatches', { path: '/a', type: 3 })],
    ['setWatches', opcodes.setWatches, encodeRequest('setWatches', { relativeZxid: 0n, data: ['/x'], exist: [], child: [] })],
    ['getEphemerals', opcodes.getEphemerals, encodeRequest('getEphemerals', { prefixPath: '/' })],
    ['getAllChildrenNumber', opcodes.getAllChildrenNumber, encodeRequest('getAllChildrenNumber', { path: '/' })],
    ['reconfig', opcodes.reconfig, encodeRequest('reconfig', { joiningServers: null, leavingServers: null, newMembers: null, curConfigId: -1n })],
    ['deleteContainer', opcodes.deleteContainer, encodeRequest('deleteContainer', { path: '/a' })],
  ]; // prettier-ignore

  test.each(bodies)('of %s that are cut short answer -5, change nothing and keep the connection', (_, opcode, body) => {
    const world = new MemoryReplica({ extendedTypes: true });
    const client = world.connect();
    for (let length = 0; length < body.length; length++) {
      const reply = client.callRaw(opcode, body.slice(0, length));
      expect([length, reply.err, reply.zxid, reply.body.length]).toEqual([length, MarshallingError, 1, 0]);
    }
    expect(client.events()).toEqual([]);
    expect(client.isClosed).toBe(false);
    expect(world.tree.lastZxid).toBe(1);
    expect(world.replica.pipeline.ctx.watches.count).toBe(0);
  });

  test('may be followed by bytes that newer clients add', () => {
    const client = new MemoryReplica().connect();
    for (const [op, opcode, body] of bodies.slice(0, 1)) {
      expect([op, client.callRaw(opcode, join([body, Uint8Array.of(1, 2, 3)])).err]).toEqual([op, Ok]);
    }
  });

  test('with hostile lengths are undecodable', () => {
    const client = new MemoryReplica().connect();
    for (const length of [-2, 0x7fffffff, 1 << 30, 200])
      expect(
        client.callRaw(opcodes.exists, Uint8Array.of(length >>> 24, length >>> 16, length >>> 8, length, 1)).err,
      ).toBe(MarshallingError);
    // An ACL of -2 entries is an empty one, and that is invalid.
    const create = encodeRequest('create', { path: '/a', data: null, acl: [], flags: 0 });
    create.set([0xff, 0xff, 0xff, 0xfe], create.length - 8);
    expect(client.callRaw(opcodes.create, create).err).toBe(errorCodes.InvalidAcl);
    create.set([0x7f, 0xff, 0xff, 0xff], create.length - 8);
    expect(client.callRaw(opcodes.create, create).err).toBe(MarshallingError);
  });
});

describe('operations that clients must not ask for', () => {
  test.each([0, -1, 10, 13, 20, 23, -10, -12, 99, 108, 0x7fffffff])('%i is answered with -6, and the end', (opcode) => {
    const world = new MemoryReplica();
    const client = world.connect();
    client.create('/box');
    const reply = client.callRaw(opcode, Uint8Array.of(0, 0, 0, 4, 0x2f, 0x62, 0x6f, 0x78, 0, 0, 0, 0), 41);
    expect(reply).toMatchObject({ xid: 41, zxid: -1, err: Unimplemented });
    expect(reply.body).toHaveLength(0);
    expect(client.isClosed).toBe(true);
    expect(world.connect().exists('/box').err).toBe(Ok);
  });

  test('wait their turn behind writes', () => {
    const world = new MemoryReplica();
    const client = world.connect();
    client.submit('create', { path: '/a', data: null, acl: open, flags: 0 }, 1);
    client.submitRaw(opcodes.check, encodeRequest('check', { path: '/', version: 0 }), 2);
    client.submit('create', { path: '/b', data: null, acl: open, flags: 0 }, 3);
    expect(client.take()).toMatchObject([
      { xid: 1, err: Ok },
      { xid: 2, err: Unimplemented, zxid: -1 },
    ]);
    expect(client.isClosed).toBe(true);
  });
});

describe('reply headers', () => {
  let client: TestClient;
  test('carry the zxid of the write, failed ones too, and the last applied one for everything else', () => {
    const world = new MemoryReplica();
    client = world.connect();
    expect(client.create('/a').zxid).toBe(2);
    expect(client.create('/a')).toMatchObject({ zxid: 3, err: errorCodes.NodeExists });
    expect(client.exists('/a').zxid).toBe(3);
    expect(client.exists('/missing').zxid).toBe(3);
    expect(client.call('ping', {}, 1234)).toMatchObject({ xid: -2, zxid: 3 });
    expect(client.call('sync', { path: null })).toMatchObject({ zxid: 3, result: { path: null } });
    expect(client.callRaw(opcodes.reconfig, encodeRequest('reconfig', { joiningServers: null, leavingServers: null, newMembers: null, curConfigId: -1n }))).toMatchObject({ zxid: 4, err: errorCodes.ReconfigDisabled }); // prettier-ignore
  });

  test('echo any xid any number of times', () => {
    for (const xid of [0, 0, -3, 0x7fffffff, -0x80000000, 5, 5]) expect(client.call('whoAmI', {}, xid).xid).toBe(xid);
  });

  test('of errors have no body', () => {
    expect(client.getData('/missing').body).toHaveLength(0);
    expect(client.create('/a').body).toHaveLength(0);
  });
});
