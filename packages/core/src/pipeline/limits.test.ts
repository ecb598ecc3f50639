// What is accepted must be able to travel: nothing is logged that another server, a later start or Apache could not read.

import { errorCodes, limits, opcodes } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import { MemoryPipelines } from '../testing/memory-pipelines.ts';
import { MemoryReplica, bytesOf, open } from '../testing/memory-replica.ts';
import type { TestClient } from '../testing/memory-replica.ts';
import { multiBody } from '../testing/multi.ts';

const { Ok, BadArguments, AuthFailed } = errorCodes;
const fieldBytesMax = 4096;
const small = { frameBytesMax: 2048, fieldBytesMax };
const authAcl = (count: number) =>
  Array.from({ length: count }, (_, perms) => ({ perms, id: { scheme: 'auth', id: '' } }));

/** Lengths of all payloads in the log: behind a checksum of eight bytes and a length, before a mark of one. */
function payloadLengths(world: MemoryReplica): number[] {
  return world.log.flatMap(({ bytes }) => {
    const lengths: number[] = [];
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += 12 + lengths.at(-1)! + 1) lengths.push(view.getInt32(at + 8));
    return lengths;
  });
}

/** Proves many identities. */
function prove(client: TestClient, count: number): void {
  for (let i = 0; i < count; i++) client.authenticate('digest', `user${i}:p`);
}

describe('a transaction', () => {
  test('that other servers would not read is refused before it is logged, and leaves no trace', () => {
    const world = new MemoryReplica(small);
    const client = world.connect();
    client.create('/n', { data: 'kept' });
    prove(client, 20);
    const before = world.tree.digest;
    // A short request: fifty entries that stand for twenty identities each.
    expect(client.create('/big', { acl: authAcl(50) }).err).toBe(BadArguments);
    expect(client.call('setACL', { path: '/n', acl: authAcl(50), version: -1 }).err).toBe(BadArguments);
    const parts = [
      ['setData', { path: '/n', data: bytesOf('lost'), version: -1 }],
      ['create', { path: '/c', data: null, acl: authAcl(5), flags: 0 }],
      ['create', { path: '/d', data: null, acl: authAcl(5), flags: 0 }],
    ] as const;
    expect(client.callRaw(opcodes.multi, multiBody([...parts])).err).toBe(BadArguments);
    expect(world.tree.digest).toEqual(before);
    expect(world.replica.pipeline.ctx.stats.txnsTooLong).toBeGreaterThan(0);
    expect(Math.max(...payloadLengths(world))).toBeLessThanOrEqual(fieldBytesMax);
    // What follows is checked against a tree without it.
    expect([client.create('/c').err, client.setData('/n', 'x').err]).toEqual([Ok, Ok]);
    expect(client.exists('/n').result.stat).toMatchObject({ version: 1 });
  });

  test('just below the limit is taken, and one byte above it is not', () => {
    const world = new MemoryReplica({ ...small, frameBytesMax: 1 << 20, fieldBytesMax: 1 << 19 });
    const client = world.connect();
    client.create('/n');
    let taken = 0;
    let refused = 1 << 20;
    while (refused - taken > 1) {
      const middle = (taken + refused) >> 1;
      if (client.setData('/n', 'x'.repeat(middle)).err === Ok) taken = middle;
      else refused = middle;
    }
    // Header, digest, path and the fields around the data.
    expect((1 << 19) - taken).toBe(32 + 12 + 4 + 2 + 4 + 4);
  });
});

describe('the end of a session with many ephemerals', () => {
  const paths = Array.from({ length: 300 }, (_, i) => `/p/${'x'.repeat(50)}${i}`);

  test('is one transaction, without the list that other servers would not read', () => {
    const world = new MemoryReplica(small);
    const [owner, other] = [world.connect(), world.connect()];
    other.create('/p');
    for (const path of paths) owner.create(path, { flags: 1 });
    other.create('/p/other', { flags: 1 });
    const transactions = payloadLengths(world).length;
    expect(owner.call('closeSession', {}, 99).err).toBe(Ok);
    expect(other.children('/p')).toEqual(['other']);
    expect(world.tree.ephemeralCount).toBe(1);
    expect(world.state.sessions.get(owner.session)).toBeUndefined();
    const lengths = payloadLengths(world);
    expect(lengths.length).toBe(transactions + 1);
    // No digest either: Apache's servers would take it for the list.
    expect(lengths.at(-1)).toBe(32);
    const state = new MemoryReplica({ closeSessionPaths: false });
    const last = state.connect();
    last.create('/e', { flags: 1 });
    last.call('closeSession', {}, 1);
    expect(payloadLengths(state).at(-1)).toBe(32);
  });

  test('comes to the same tree at the learners, also when it expires', () => {
    for (const how of ['close', 'expire'] as const) {
      const world = new MemoryPipelines(2, small);
      const [here, there] = world.learners;
      const [owner, other] = [here.connect(), there.connect()];
      other.create('/p');
      for (const path of paths) owner.create(path, { flags: 1 });
      if (how === 'close') owner.call('closeSession', {}, 99);
      else {
        owner.drop();
        for (let i = 0; i < 40; i++) {
          world.pass(1000);
          other.exists('/');
        }
      }
      world.settle();
      expect(other.children('/p')).toEqual([]);
      expect([here.digest, there.digest]).toEqual([world.leader.digest, world.leader.digest]);
    }
  });
});

describe('identities', () => {
  test('are limited in number and bytes: the one too many is refused, and others are not touched', () => {
    const world = new MemoryReplica();
    const [greedy, long, honest] = [world.connect(), world.connect(), world.connect()];
    // The address is one, too.
    prove(greedy, limits.identitiesMax - 1);
    expect(greedy.authenticate('digest', 'one too many:p').err).toBe(AuthFailed);
    expect([greedy.isClosed, greedy.create('/mine').err]).toEqual([false, Ok]);
    expect(long.authenticate('digest', `${'n'.repeat(limits.identityBytesMax / 3)}:p`).err).toBe(AuthFailed);
    expect(honest.create('/a', { acl: open }).err).toBe(Ok);
  });
});
