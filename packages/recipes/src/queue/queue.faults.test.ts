// The fault matrix of the queue: no item is lost, none is there twice, none is acknowledged by two.

import { ZkError } from '@corral/client';
import { expect } from 'vitest';
import { LostError } from '../errors.ts';
import { matrix } from '../testing/matrix.ts';
import type { Stage } from '../testing/stage.ts';
import { queue } from './queue.ts';

const path = '/q';
/** A producer's node stays as long as its session. */
const staying = /^\/q\/producers\//;

/** Everything that can still be taken, in order. */
async function drain({ other }: Stage): Promise<unknown[]> {
  const rest = queue<string>(other, path);
  const values: string[] = [];
  let left = await rest.size();
  if (left === 0) return values;
  for await (const message of rest.consume()) {
    values.push(message.value);
    await message.ack();
    if (--left === 0) break;
  }
  return values;
}

matrix({
  recipe: 'queue',
  staying,
  operation: 'put',
  run: async ({ zk, signal, notes }) => {
    for (const value of ['a', 'b']) {
      await queue(zk, path).put(value, { signal });
      notes.set(value, true);
    }
  },
  mayFailWith: (error, fault) => ZkError.is(error) && error.ambiguous && fault.name.includes('expires'),
  check: async (stage, outcome) => {
    const put = ['a', 'b'].filter((value) => stage.notes.has(value));
    const found = await drain(stage);
    if (outcome === null) expect(found).toEqual(put);
    else expect([put, ['a', 'b'].slice(0, put.length + 1)]).toContainEqual(found);
  },
});

matrix({
  recipe: 'queue',
  staying,
  operation: 'put, beside a consumer that is done with it before the answer',
  run: async (stage) => {
    const got: string[] = [];
    stage.notes.set('got', got);
    const stop = new AbortController();
    const consuming = (async () => {
      for await (const message of queue<string>(stage.other, path).consume({ signal: stop.signal })) {
        await message.ack();
        got.push(message.value);
      }
    })().catch(() => undefined);
    try {
      for (const value of ['a', 'b']) {
        await queue(stage.zk, path).put(value, { signal: stage.signal });
        await stage.eventually(() => got.includes(value));
      }
    } finally {
      await new Promise<void>((resolve) => stage.after(1000, resolve));
      stop.abort();
      await consuming;
    }
  },
  mayFailWith: (error, fault) => ZkError.is(error) && error.ambiguous && fault.name.includes('expires'),
  check: (stage, outcome) => {
    const got = (stage.notes.get('got') ?? []) as string[];
    if (outcome === null) expect(got).toEqual(['a', 'b']);
    else expect([[], ['a'], ['a', 'b']]).toContainEqual(got);
  },
});

matrix({
  recipe: 'queue',
  staying,
  operation: 'put with a key, twice',
  run: async ({ zk, signal, notes }) => {
    notes.set('first', await queue(zk, path).put('a', { key: 'k', signal }));
    notes.set('second', await queue(zk, path).put('b', { key: 'k', signal }));
  },
  mayFailWith: (error, fault) => ZkError.is(error) && error.ambiguous && fault.name.includes('expires'),
  check: async (stage, outcome) => {
    if (outcome === null) expect([stage.notes.get('first'), stage.notes.get('second')]).toEqual([true, false]);
    const found = await drain(stage);
    if (outcome === null) expect(found).toEqual(['a']);
    else expect(found.length).toBeLessThanOrEqual(1);
  },
});

matrix({
  recipe: 'queue',
  staying,
  operation: 'put several at once',
  run: ({ zk, signal }) => queue(zk, path).putAll(['a', 'b', 'c'], { signal }),
  mayFailWith: (error, fault) => ZkError.is(error) && error.ambiguous && fault.name.includes('expires'),
  check: async (stage, outcome) => {
    const found = await drain(stage);
    if (outcome === null) expect(found).toEqual(['a', 'b', 'c']);
    else expect([[], ['a', 'b', 'c']]).toContainEqual(found);
  },
});

matrix({
  recipe: 'queue',
  staying,
  operation: 'take and acknowledge',
  prepare: ({ other }) => queue(other, path).putAll(['a', 'b', 'c']),
  run: async ({ zk, signal, notes }) => {
    const acknowledged: string[] = [];
    notes.set('acknowledged', acknowledged);
    for await (const message of queue<string>(zk, path).consume({ signal })) {
      try {
        await message.ack();
      } catch (error) {
        if (!(error instanceof LostError)) throw error;
        notes.set('doubt', message.value);
        // Done or not: it may never come again.
        if (message.value === 'c') break;
        continue;
      }
      acknowledged.push(message.value);
      if (message.value === 'c') break;
    }
  },
  requestsMax: 60,
  check: async (stage) => {
    const acknowledged = (stage.notes.get('acknowledged') ?? []) as string[];
    const rest = await drain(stage);
    const all = [...acknowledged, ...rest];
    // What was acknowledged never comes again; what was not may have been done in a request whose answer never came.
    expect(new Set(all).size).toBe(all.length);
    const missing = ['a', 'b', 'c'].filter((value) => !all.includes(value));
    expect(missing.length).toBeLessThanOrEqual(1);
    if (missing.length === 1 && !stage.signal.aborted) expect(missing).toEqual([stage.notes.get('doubt')]);
    expect(stage.below(`${path}/taken`)).toEqual([]);
  },
});

matrix({
  recipe: 'queue',
  staying,
  operation: 'give back until it is a dead letter',
  prepare: async ({ other }) => void (await queue(other, path).put('a')),
  run: async (stage) => {
    let count = 0;
    for await (const message of queue(stage.zk, path, { maxAttempts: 2 }).consume({ signal: stage.limited(30_000) })) {
      await message.nack().catch((error: unknown) => {
        if (!(error instanceof LostError)) throw error;
      });
      if (++count === 2) break;
    }
  },
  // A hand-over whose answer was lost counts, and nobody got the item: then the loop waits for one that will not come.
  mayFailWith: (error) => error instanceof DOMException,
  requestsMax: 60,
  check: async (stage) => {
    const rest = queue<string>(stage.other, path, { maxAttempts: 2 });
    const dead = await rest.deadLetters();
    expect(dead.length + (await rest.size())).toBe(1);
    expect(stage.below(`${path}/taken`)).toEqual([]);
  },
});
