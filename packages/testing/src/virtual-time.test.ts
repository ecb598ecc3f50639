// Time that the test moves: sessions, times to live and back-offs without a single sleep.

import type { Client } from '@corral/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { VirtualClock, startServer } from './index.ts';
import type { TestServer } from './index.ts';

let server: TestServer;
let zk: Client;

beforeEach(async () => {
  server = await startServer({ clock: new VirtualClock({ startAt: new Date('2030-01-01T00:00:00Z') }) });
  zk = await server.connect({ sessionTimeout: 10_000 });
});
afterEach(async () => {
  await zk.close();
  await server[Symbol.asyncDispose]();
});

describe('virtual time', () => {
  it('stands still until it is moved', async () => {
    const { stat } = await zk.create('/a');
    expect(stat.ctime).toEqual(new Date('2030-01-01T00:00:00Z'));
    await server.clock.advance('90m');
    expect((await zk.set('/a', 'x')).mtime).toEqual(new Date('2030-01-01T01:30:00Z'));
  });

  it('does not go back, and is not lost to a number that is none', async () => {
    for (const bad of [NaN, -5]) await expect(async () => server.clock.advance(bad)).rejects.toThrow('not negative');
    await server.clock.advance(0);
    expect((await zk.create('/a')).stat.ctime).toEqual(new Date('2030-01-01T00:00:00Z'));
  });

  it('keeps sessions alive through hours by the pings of their clients', async () => {
    const { id } = zk.session!;
    let pings = 0;
    server.on((event) => event.type === 'request' && event.op === 'ping' && pings++);
    await server.clock.advance('1h');
    expect([zk.state, zk.session!.id]).toEqual(['connected', id]);
    expect(pings).toBeGreaterThan(360);
  });

  it('expires a session whose client is cut off, and the client knows first', async () => {
    await zk.create('/e', '', { mode: 'ephemeral' });
    const order: string[] = [];
    zk.on('state', (state) => order.push(state));
    server.on(({ type }) => type === 'expired' && order.push('expired'));
    server.cutOff(zk);
    await server.clock.advance('9s');
    expect(order).toEqual(['suspended']);
    await server.clock.advance('6s');
    expect(order).toEqual(['suspended', 'lost', 'expired']);
    server.heal();
    await server.clock.until(() => zk.state === 'connected');
    expect(await zk.exists('/e')).toBeNull();
  });

  it('ends nodes with a time to live', async () => {
    await zk.create('/t', '', { mode: 'ttl', ttl: 60_000 });
    await server.clock.advance('55s');
    expect(await zk.exists('/t')).not.toBeNull();
    await server.clock.advance('2m');
    expect(await zk.exists('/t')).toBeNull();
  });

  it('delays a request by a fault', async () => {
    server.faults.inject({ op: 'create', do: { delay: '3s' } });
    const before = server.clock.now();
    await server.clock.until(zk.create('/a'));
    expect(server.clock.now() - before).toBe(3000);
  });

  it('passes until a promise is settled or a condition holds, and not without end', async () => {
    server.clock.after(5000, () => void zk.create('/late'));
    await server.clock.until(() => server.dump()['/late'] !== undefined);
    expect(server.clock.now()).toBe(5000);
    await expect(server.clock.until(() => false, '10s', 'nothing')).rejects.toThrow('nothing: not within 10s');
  });

  it('jumps over everything that was due, as a process does that stood still', async () => {
    const late: number[] = [];
    const cancel = server.clock.after(100, () => late.push(server.clock.now()));
    server.clock.jump('20s');
    expect(late).toEqual([]);
    await server.clock.advance(0);
    expect(late).toEqual([20_000]);
    cancel();
  });

  it('times out a call that is never answered', async () => {
    server.pause();
    const answer = zk.get('/', { timeout: 7000 }).catch((error: unknown) => (error as { code: string }).code);
    expect(await server.clock.until(answer)).toMatch(/OperationTimeout|ConnectionLoss/);
    server.resume();
  });

  it('is the same for several servers that share a clock', async () => {
    await using other = await startServer({ clock: server.clock });
    await using client = await other.connect();
    await server.clock.advance('1m');
    expect(client.state).toBe('connected');
    expect(other.clock.now()).toBe(60_000);
  });

  it('is refused by name where time is real', async () => {
    await using real = await startServer();
    expect(() => real.clock).toThrow(/clock: 'virtual'/);
  });
});
