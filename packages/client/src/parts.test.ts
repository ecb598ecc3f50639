// The small parts on their own.

import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { exponentialBackoff } from './backoff.ts';
import { systemClock } from './clock.ts';
import { parseAddress } from './connection-string.ts';
import { EventQueue } from './event-queue.ts';
import { Fifo } from './fifo.ts';
import { FrameSplitter } from './frames.ts';

describe('addresses', () => {
  const hosts = (text: string): string[] => parseAddress(text).endpoints.map(({ host, port }) => `${host} ${port}`);

  it('come as lists with ports, IPv6 and a chroot', () => {
    expect(hosts('a')).toEqual(['a 2181']);
    expect(hosts('a:1, b:2,[::1]:3,::1,[fe80::1]')).toEqual(['a 1', 'b 2', '::1 3', '::1 2181', 'fe80::1 2181']);
    expect(parseAddress('a,b/x/y/').chroot).toBe('/x/y');
    expect(parseAddress(['a:1', 'b']).endpoints).toHaveLength(2);
  });

  it('come as URLs with credentials and TLS', () => {
    expect(parseAddress('zk://u:p%40w@h1,[::1]:5/c?tls=1')).toEqual({
      endpoints: [
        { host: 'h1', port: 2181 },
        { host: '::1', port: 5 },
      ],
      chroot: '/c',
      credentials: 'u:p@w',
      tls: true,
    });
    expect(parseAddress('zks://h').tls).toBe(true);
    expect(parseAddress('zk://h/').chroot).toBe('');
  });

  it('name a service record instead of hosts', () => {
    expect(parseAddress('zk+srv://u:p@example.com/c')).toMatchObject({
      ...{ endpoints: [], service: '_zookeeper._tcp.example.com', chroot: '/c', credentials: 'u:p', tls: false },
    });
    expect(parseAddress('zks+srv://_zk._tcp.example.com')).toMatchObject({
      service: '_zk._tcp.example.com',
      tls: true,
    });
    for (const bad of ['zk+srv://a,b', 'zk+srv://a:1']) expect(() => parseAddress(bad)).toThrow(TypeError);
  });

  it('are refused with the part that is wrong, never with the password', () => {
    for (const bad of ['', ',', 'a:0', 'a:x', 'a:99999', ':1', 'a/x//y'])
      expect(() => parseAddress(bad)).toThrow(TypeError);
    expect(() => parseAddress('zk://u:secret@')).toThrow(/^(?!.*secret)/);
    expect(() => parseAddress('http://h')).toThrow('"http://" is not zk://');
    for (const bad of ['[::1', 'zk://u@h', 'zk://h?tls=yes', 'zk://h?tls=1&x=2', 'zk://h?timeout=5'])
      expect(() => parseAddress(bad)).toThrow(TypeError);
    expect(parseAddress('zk://h?tls=0').tls).toBe(false);
  });

  it('are refused with words when JavaScript hands over something else', () => {
    for (const bad of [undefined, null, 5, {}])
      expect(() => parseAddress(bad as string)).toThrow(/^an address is a string/);
  });
});

describe('the system clock', () => {
  afterEach(() => void vi.unstubAllGlobals());

  it('never calls back before the time is up, although the timers of Node do', () => {
    let now = 100;
    const timers: { readonly fire: () => void; readonly ms: number }[] = [];
    vi.stubGlobal('performance', { now: () => now });
    vi.stubGlobal('setTimeout', (fire: () => void, ms: number) => timers.push({ fire, ms }));
    let calledAt = 0;
    systemClock.after(3.2, () => (calledAt = now));
    now += 3.1;
    timers[0].fire();
    expect([calledAt, timers.map(({ ms }) => ms)]).toEqual([0, [4, 1]]);
    now += 0.5;
    timers[1].fire();
    expect(calledAt).toBe(now);
  });
});

describe('backoff', () => {
  it('doubles up to its cap and spreads from zero', () => {
    const longest = [0, 1, 2, 10, 1000].map((attempt) => exponentialBackoff(attempt, () => 1));
    expect(longest).toEqual([50, 100, 200, 5000, 5000]);
    expect(exponentialBackoff(10, () => 0)).toBe(0);
  });
});

describe('frames', () => {
  it('come out whole however the bytes were cut, and long ones by their head', () => {
    const frames = fc.array(fc.uint8Array({ minLength: 16, maxLength: 60 }), { maxLength: 8 });
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (bodies, cuts) => {
        const limit = 40;
        const splitter = new FrameSplitter(limit);
        const bytes = Uint8Array.from(bodies.flatMap((body) => [0, 0, 0, body.length, ...body]));
        const found: string[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const next = Math.min(bytes.length, at + cuts[i % cuts.length]);
          for (const frame of splitter.push(bytes.subarray(at, next))) {
            found.push(
              frame.kind === 'frame' ? `whole ${frame.bytes.join()}` : `long ${frame.length} ${frame.head.join()}`,
            );
          }
          at = next;
        }
        const expected = bodies.map((body) =>
          body.length <= limit ? `whole ${body.join()}` : `long ${body.length} ${body.subarray(0, 16).join()}`,
        );
        expect(found).toEqual(expected);
      }),
    );
  });
});

describe('queues', () => {
  it('give back what they took, in order', () => {
    const fifo = new Fifo<number>();
    const out: number[] = [];
    for (let i = 0; i < 5000; i++) {
      fifo.push(i);
      if (i % 3 !== 0) out.push(fifo.shift()!);
    }
    out.push(...fifo.drain());
    expect(out).toEqual(Array.from({ length: 5000 }, (_, i) => i));
    expect([fifo.size, fifo.shift()]).toEqual([0, undefined]);
  });

  it('hand events over before the end or the failure', async () => {
    const queue = new EventQueue<number>();
    const first = queue.next();
    queue.push(1);
    queue.push(2);
    queue.fail(new Error('broken'));
    expect(await first).toEqual({ done: false, value: 1 });
    expect(await queue.next()).toEqual({ done: false, value: 2 });
    await expect(queue.next()).rejects.toThrow('broken');
    expect(await queue.next()).toEqual({ done: true, value: undefined });
  });
});
