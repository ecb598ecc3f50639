import { errorCodes } from '@corral/protocol';
import { describe, expect, test } from 'vitest';
import type { ReplicaOptions } from './options.ts';
import { Reaper } from './reaper.ts';
import { MemoryReplica, open, plainOptions } from './testing/memory-replica.ts';
import type { TestClient } from './testing/memory-replica.ts';

const { Ok, NoNode } = errorCodes;
const container = (client: TestClient, path: string) =>
  client.call('createContainer', { path, data: null, acl: open, flags: 0 });
const ttl = (client: TestClient, path: string, ms: number) =>
  client.call('createTTL', { path, data: null, acl: open, flags: 5, ttl: ms });

const start = (options: Partial<ReplicaOptions> = {}) => {
  const world = new MemoryReplica({ containerCheckMs: 1000, extendedTypes: true, ...options });
  const client = world.connect({ timeoutMs: 20_000 });
  const isThere = (path: string): boolean => client.exists(path).err === Ok;
  return { world, client, isThere };
};

describe('containers', () => {
  test('go once they lost their last child, by a transaction of the server', () => {
    const { world, client, isThere } = start();
    container(client, '/box');
    client.create('/box/c');
    world.pass(5000);
    expect(isThere('/box')).toBe(true);
    client.delete('/box/c');
    const zxid = world.tree.lastZxid;
    world.pass(2000);
    expect(isThere('/box')).toBe(false);
    expect(world.tree.lastZxid).toBe(zxid + 1);
    expect(world.tree.containers.size).toBe(0);
  });

  test('that never had a child stay, or go after the time that is set for them', () => {
    const never = start();
    container(never.client, '/box');
    never.world.pass(15_000);
    expect(never.isThere('/box')).toBe(true);
    const some = start({ containerNeverUsedMs: 3000 });
    container(some.client, '/box');
    some.world.pass(2500);
    expect(some.isThere('/box')).toBe(true);
    some.world.pass(2500);
    expect(some.isThere('/box')).toBe(false);
  });

  test('stay when a child is in flight at the moment of the check', () => {
    const { world, client, isThere } = start();
    container(client, '/box');
    client.create('/box/c');
    client.delete('/box/c');
    world.isLogHeld = true;
    client.submit('create', { path: '/box/d', data: null, acl: open, flags: 0 });
    world.settle();
    world.pass(3000);
    world.releaseLog();
    client.replies();
    expect(isThere('/box')).toBe(true);
  });

  test('go once, even when the disk is slower than the checks', () => {
    const { world, client, isThere } = start();
    container(client, '/box');
    client.create('/box/c');
    client.delete('/box/c');
    const zxid = world.tree.lastZxid;
    world.isLogHeld = true;
    world.pass(5000);
    world.releaseLog();
    expect(world.tree.lastZxid).toBe(zxid + 1);
    expect(isThere('/box')).toBe(false);
  });

  test('that have children take no turn from those that have none', () => {
    const { world, client, isThere } = start({ containersPerMinuteMax: 60 });
    for (const path of ['/full', '/empty']) {
      container(client, path);
      client.create(`${path}/c`);
    }
    client.delete('/empty/c');
    world.pass(2000);
    expect([isThere('/full'), isThere('/empty')]).toEqual([true, false]);
  });

  test('go as fast as the limit allows, however short the interval and rare the ticks', () => {
    const options = { ...plainOptions, containerCheckMs: 1, containersPerMinuteMax: 600 };
    const { world, client } = start();
    for (let i = 0; i < 40; i++) {
      container(client, `/box${i}`);
      client.create(`/box${i}/c`);
      client.delete(`/box${i}/c`);
    }
    for (const everyMs of [20, 100, 1000]) {
      const reaper = new Reaper(world.tree, options);
      let count = 0;
      for (let now = 0; now <= 3000; now += everyMs) count += reaper.due(now, now).length;
      expect(count).toBeGreaterThanOrEqual(28);
      expect(count).toBeLessThanOrEqual(31);
    }
  });

  test('go no faster than allowed', () => {
    const { world, client } = start({ containersPerMinuteMax: 120 });
    for (let i = 0; i < 6; i++) {
      container(client, `/box${i}`);
      client.create(`/box${i}/c`);
      client.delete(`/box${i}/c`);
    }
    const left: number[] = [];
    for (let i = 0; i < 6; i++) {
      world.pass(1000);
      client.call('ping', {});
      left.push(world.tree.containers.size);
    }
    expect(left.filter((count, i) => i > 0 && left[i - 1] - count > 2)).toEqual([]);
    expect(left.at(-1)).toBe(0);
  });
});

describe('nodes with a time to live', () => {
  test('go when nobody touched them for so long; setData renews, children do not but keep them', () => {
    const { world, client, isThere } = start();
    for (const path of ['/short', '/renewed', '/parent']) ttl(client, path, 3000);
    client.create('/parent/c');
    world.pass(2000);
    client.setData('/renewed', 'x');
    world.pass(2500);
    expect(['/short', '/renewed', '/parent'].map(isThere)).toEqual([false, true, true]);
    world.pass(2500);
    expect(['/renewed', '/parent'].map(isThere)).toEqual([false, true]);
    client.delete('/parent/c');
    world.pass(2000);
    expect(client.exists('/parent').err).toBe(NoNode);
    expect(world.tree.ttls.size).toBe(0);
  });

  test('keep the largest TTL exactly', () => {
    const { world, client } = start();
    ttl(client, '/t', 0xffffffffff);
    const node = world.tree.find('/t');
    expect(world.tree.ttlMs(node)).toBe(0xffffffffff);
    expect(world.tree.kind(node)).toBe('ttl');
  });
});
