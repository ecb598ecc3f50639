// What a queue promises: order, delays, keys, limits, dead letters.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { text } from '@corral/client';
import type { Codec } from '@corral/client';
import { QueueFullError } from '../errors.ts';
import { semaphore } from '../semaphore.ts';
import { Stage } from '../testing/stage.ts';
import { queue } from './queue.ts';
import type { Queue } from './queue.ts';

let stage: Stage;
beforeEach(async () => void (stage = await Stage.open()));
afterEach(() => stage[Symbol.asyncDispose]());

/** The next so many values, acknowledged. */
async function take(from: Queue<string>, count: number): Promise<string[]> {
  const values: string[] = [];
  for await (const message of from.consume({ signal: stage.limited(60_000) })) {
    values.push(message.value);
    await message.ack();
    if (values.length === count) break;
  }
  return values;
}

describe('a queue', () => {
  it('hands out by priority, and within one in the order of arrival', async () => {
    const jobs = queue<string>(stage.zk, '/q');
    await jobs.putAll(['c', 'd']);
    await jobs.put('a', { priority: 1 });
    await jobs.put('b', { priority: 1 });
    await jobs.put('e', { priority: 999 });
    expect(await take(jobs, 5)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(await jobs.size()).toBe(0);
    await expect(jobs.put('x', { priority: 1000 })).rejects.toBeInstanceOf(RangeError);
  });

  it.each([2147483644, -2])('keeps the order of arrival to the largest number and over zero: from %d', async (next) => {
    const jobs = queue<string>(stage.zk, '/q');
    await jobs.put('first');
    expect(await take(jobs, 1)).toEqual(['first']);
    stage.server.setSequence('/q/items', next);
    for (const value of ['a', 'b', 'c', 'd']) await jobs.put(value);
    expect(await take(jobs, 4)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('hands out a delayed item when it is due by the clock of the servers', async () => {
    const jobs = queue<string>(stage.zk, '/q');
    await jobs.put('late', { delay: 5000 });
    await jobs.put('now');
    const begin = stage.server.clock.now();
    expect(await stage.until(take(jobs, 2))).toEqual(['now', 'late']);
    expect(stage.server.clock.now() - begin).toBeGreaterThanOrEqual(5000);
    expect(stage.server.clock.now() - begin).toBeLessThan(5100);
  });

  it('shows what waits in the order of its going, and takes nothing', async () => {
    const jobs = queue<string>(stage.zk, '/q');
    await jobs.putAll(['b', 'c']);
    await jobs.put('late', { delay: 5000 });
    await jobs.put('a', { priority: 1 });
    const consuming = jobs.consume({ signal: stage.limited(60_000) });
    const first = await consuming.next();
    expect(first.value).toMatchObject({ value: 'a' });
    const seen = await jobs.peek({ limit: 3 });
    expect(seen).toMatchObject([
      { value: 'a', attempts: 1, priority: 1, due: null, taken: true },
      { value: 'b', attempts: 0, priority: 100, due: null, taken: false },
      { value: 'c', taken: false },
    ]);
    expect((await jobs.peek()).at(-1)?.due?.getTime()).toBeGreaterThan(stage.server.clock.now() + 4000);
    await consuming.return();
    expect(await take(jobs, 3)).toEqual(['a', 'b', 'c']);
  });

  it('is not made by looking at it', async () => {
    const jobs = queue<string>(stage.zk, '/none');
    expect([await jobs.size(), await jobs.peek(), await jobs.deadLetters()]).toEqual([0, [], []]);
    expect(await stage.zk.exists('/none')).toBeNull();
  });

  it('keeps equal items out as long as one is there', async () => {
    const jobs = queue<string>(stage.zk, '/q');
    expect(await jobs.put('one', { key: 'a/b?' })).toBe(true);
    expect(await jobs.put('two', { key: 'a/b?' })).toBe(false);
    expect(await take(jobs, 1)).toEqual(['one']);
    expect(await jobs.put('three', { key: 'a/b?' })).toBe(true);
  });

  it('is full at its limit, and says so', async () => {
    const jobs = queue<string>(stage.zk, '/q', { maxItems: 2 });
    await jobs.putAll(['a', 'b']);
    await expect(jobs.put('c')).rejects.toBeInstanceOf(QueueFullError);
    await take(jobs, 1);
    await jobs.put('c');
  });

  it('gives an item back when the loop is left by an error, and buries it after its attempts', async () => {
    const jobs = queue<string>(stage.zk, '/q', { maxAttempts: 2 });
    await jobs.put('bad', { key: 'k' });
    for (const attempt of [1, 2]) {
      const failing = (async () => {
        for await (const message of jobs.consume()) {
          expect(message.attempts).toBe(attempt);
          throw new Error('cannot');
        }
      })();
      await expect(failing).rejects.toThrow('cannot');
    }
    const [letter] = await jobs.deadLetters();
    expect(letter).toMatchObject({ value: 'bad', attempts: 2 });
    // Its key is free again.
    expect(await jobs.put('good', { key: 'k' })).toBe(true);
    await jobs.revive(letter.name);
    expect((await take(jobs, 2)).sort()).toEqual(['bad', 'good']);
  });

  it('makes a dead letter of what nobody can read, and shows it, whatever it is', async () => {
    const numbers: Codec<number> = {
      encode: (value) => text.encode(String(value)),
      decode(data) {
        const value = Number(text.decode(data));
        if (Number.isNaN(value)) throw new Error('no number');
        return value;
      },
    };
    const readers = queue<number>(stage.zk, '/q', { codec: numbers, maxAttempts: 2 });
    const jobs = queue<string>(stage.other, '/q', { codec: text });
    await jobs.putAll(['bad', 'overwritten', '3']);
    const [, { name }] = await jobs.peek();
    await stage.other.set(`/q/items/${name}`, 'by another tool');
    expect((await readers.peek()).map(({ value }) => value)).toEqual([null, null, 3]);
    const got: number[] = [];
    for await (const message of readers.consume({ signal: stage.limited(60_000) })) {
      got.push(message.value);
      await message.ack();
      if ((await readers.size()) === 0) break;
    }
    expect(got).toEqual([3]);
    expect((await readers.deadLetters()).map(({ value, attempts }) => [value, attempts])).toEqual([
      [null, 2],
      [null, 2],
    ]);
  });

  it('refuses numbers with which it would wait for ever', async () => {
    for (const options of [{ shards: 0 }, { maxAttempts: 0 }, { maxItems: 1.5 }]) {
      expect(() => queue(stage.zk, '/q', options)).toThrow(RangeError);
    }
    expect(() => queue(stage.zk, '/q').consume({ concurrency: 0 })).toThrow('concurrency is a whole');
    const permits = semaphore(stage.zk, '/s', { permits: 2 });
    for (const bad of [-1, 0, 1.5]) await expect(permits.acquire({ permits: bad })).rejects.toThrow(RangeError);
  });

  it('hands out again later what is given back with a delay', async () => {
    const jobs = queue<string>(stage.zk, '/q');
    await jobs.put('a');
    for await (const message of jobs.consume()) {
      await message.nack({ delay: 3000 });
      break;
    }
    const begin = stage.server.clock.now();
    expect(await stage.until(take(jobs, 1))).toEqual(['a']);
    expect(stage.server.clock.now() - begin).toBeGreaterThanOrEqual(2900);
  });

  it('hands an item whose consumer vanished to another one', async () => {
    const jobs = queue<string>(stage.zk, '/q');
    await jobs.put('a');
    const { value: message } = await jobs.consume()[Symbol.asyncIterator]().next();
    stage.server.expireSession(stage.zk);
    expect(await stage.until(take(queue<string>(stage.other, '/q'), 1))).toEqual(['a']);
    await expect(stage.until(message!.ack())).rejects.toMatchObject({ name: 'LostError' });
  });

  it('works on as many as it may at the same time', async () => {
    const jobs = queue<number>(stage.zk, '/q');
    await jobs.putAll([1, 2, 3, 4, 5]);
    const stop = new AbortController();
    let [now, most, done] = [0, 0, 0];
    const working = jobs.process(
      async () => {
        most = Math.max(most, ++now);
        await new Promise<void>((resolve) => stage.after(1000, resolve));
        now--;
        done++;
      },
      { concurrency: 2, signal: stop.signal },
    );
    stage.after(10_000, () => stop.abort(new Error('over')));
    await stage.until(working);
    expect([most, done, await jobs.size()]).toEqual([2, 5, 0]);
  });

  it('spreads its items over shards, and takes from all of them', async () => {
    const jobs = queue<string>(stage.zk, '/q', { shards: 3 });
    for (let n = 0; n < 12; n++) await jobs.put(String(n));
    const used = new Set(
      stage
        .below('/q')
        .filter((name) => /^items-\d\/./.test(name))
        .map((name) => name.split('/')[0]),
    );
    expect(used.size).toBeGreaterThan(1);
    expect((await take(jobs, 12)).length).toBe(12);
  });
});
