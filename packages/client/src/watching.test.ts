// Watches: fired once or for long, set again after every reconnect, removed when nobody listens.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agreeable } from './testing/fake-ensemble.ts';
import { rejection, setUp } from './testing/setup.ts';
import type { Setup } from './testing/setup.ts';
import type { WatchEvent } from './watches.ts';

const created = 1;
const deleted = 2;
const changed = 3;
const childrenChanged = 4;

async function reconnect({ ensemble, clock }: Setup): Promise<void> {
  ensemble.link.fail();
  await clock.advance(2000);
}

describe('one-shot watches', () => {
  it('fire once, with the path the caller used', async () => {
    const { client, ensemble } = await setUp({ address: 'a/app' });
    const events: WatchEvent[] = [];
    await client.get('/x', { watch: (event) => events.push(event) });
    ensemble.link.event(changed, '/app/x');
    ensemble.link.event(changed, '/app/x');
    expect(events).toEqual([{ type: 'changed', path: '/x', zxid: 100n }]);
  });

  it('wait for a missing node only through exists', async () => {
    const { client, ensemble } = await setUp();
    ensemble.handler = (received, link) => link.refuse(received, -101);
    const events: string[] = [];
    await client.exists('/x', { watch: ({ type }) => events.push(`exists ${type}`) });
    await client.get('/x', { watch: ({ type }) => events.push(`get ${type}`) }).catch(() => undefined);
    ensemble.link.event(created, '/x');
    expect(events).toEqual(['exists created']);
  });

  it('are set again with the zxid seen last, by their kinds', async () => {
    const setup = await setUp();
    const { client, ensemble } = setup;
    const watch = (): void => undefined;
    await client.get('/data', { watch });
    await client.children('/child', { watch });
    ensemble.handler = (received, link) => link.refuse(received, -101);
    await client.exists('/missing', { watch });
    ensemble.handler = agreeable;
    await reconnect(setup);
    expect(ensemble.link.received.map(({ op, request }) => ({ op, ...request }))).toEqual([
      { op: 'setWatches', relativeZxid: 100n, data: ['/data'], exist: ['/missing'], child: ['/child'] },
    ]);
  });

  it('survive a new session, too', async () => {
    const setup = await setUp();
    const { client, ensemble } = setup;
    const events: string[] = [];
    await client.get('/x', { watch: ({ type }) => events.push(type) });
    ensemble.expired.add(1n);
    await reconnect(setup);
    ensemble.link.event(deleted, '/x');
    expect(events).toEqual(['deleted']);
  });

  it('fire each callback once however often the link breaks and the watch is set', async () => {
    const steps = fc.array(fc.constantFrom('break', 'watch', 'expire'), { maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const setup = await setUp();
        let count = 0;
        const watch = (): void => void count++;
        await setup.client.get('/x', { watch });
        for (const step of script) {
          if (step === 'watch') await setup.client.get('/x', { watch });
          if (step === 'expire') setup.ensemble.expired.add(setup.client.session!.id);
          if (step !== 'watch') await reconnect(setup);
        }
        setup.ensemble.link.event(changed, '/x');
        expect(count).toBe(1);
        expect(setup.client.stats().watches).toBe(0);
      }),
      { numRuns: 25 },
    );
  });

  it('are removed on both sides when their signal aborts', async () => {
    const { client, ensemble, clock } = await setUp();
    const controller = new AbortController();
    let count = 0;
    await client.get('/x', { watch: () => count++, signal: controller.signal });
    await client.children('/x', { watch: () => count++ });
    controller.abort();
    await clock.settle();
    expect(ensemble.link.received.at(-1)).toMatchObject({ op: 'removeWatches', request: { path: '/x', type: 2 } });
    ensemble.link.event(changed, '/x');
    expect([count, client.stats().watches]).toEqual([0, 1]);
  });

  it('leave nothing on the server when their read is given up under way', async () => {
    const { client, ensemble, clock } = await setUp();
    ensemble.handler = () => undefined;
    const controller = new AbortController();
    const given = rejection(client.get('/x', { watch: () => undefined, signal: controller.signal }));
    await clock.settle();
    controller.abort(new Error('enough'));
    expect((await given).message).toBe('enough');
    await clock.settle();
    expect(ensemble.link.ops).toEqual(['getData', 'removeWatches']);
  });

  it('are not taken from a read that is under way when another one ends', async () => {
    const { client, ensemble, clock } = await setUp();
    const controller = new AbortController();
    const events: string[] = [];
    await client.get('/x', { watch: () => events.push('first'), signal: controller.signal });
    const second = client.get('/x', { watch: () => events.push('second') });
    controller.abort();
    await second;
    await clock.settle();
    expect(ensemble.link.ops).not.toContain('removeWatches');
    ensemble.link.event(changed, '/x');
    expect(events).toEqual(['second']);
  });

  it('are set again in batches that fit a frame', async () => {
    const setup = await setUp();
    const name = 'n'.repeat(1000);
    await Promise.all(
      Array.from({ length: 300 }, (_, i) => setup.client.get(`/${name}${i}`, { watch: () => undefined })),
    );
    await reconnect(setup);
    const batches = setup.ensemble.link.received.map(({ request }) => (request['data'] as string[]).length);
    expect(batches.length).toBe(3);
    expect(batches.reduce((sum, size) => sum + size)).toBe(300);
  });
});

describe('persistent watches', () => {
  it('see the state before the events of a connection, and a reset after a reconnect', async () => {
    const setup = await setUp();
    const { client, ensemble, log } = setup;
    const listener = ({ type, path }: WatchEvent): void => void log.push(`${type} ${path}`);
    await client.addWatch('/a', { mode: 'persistentRecursive', listener });
    await client.addWatch('/a', { mode: 'persistent', listener: () => undefined });
    ensemble.link.event(created, '/a/b');
    ensemble.link.event(changed, '/a/b/c');
    ensemble.link.event(changed, '/ab');
    ensemble.link.event(childrenChanged, '/a');
    await reconnect(setup);
    expect(log.slice(2)).toEqual(['created /a/b', 'changed /a/b/c', 'suspended', 'connected', 'reset /a']);
    expect(ensemble.link.received[0]).toMatchObject({
      op: 'setWatches2',
      request: { persistent: ['/a'], persistentRecursive: ['/a'] },
    });
  });

  it('cover the whole tree from the root', async () => {
    const { client, ensemble } = await setUp();
    const paths: string[] = [];
    await client.addWatch('/', { mode: 'persistentRecursive', listener: ({ path }) => paths.push(path) });
    for (const path of ['/', '/a', '/a/b']) ensemble.link.event(changed, path);
    expect(paths).toEqual(['/', '/a', '/a/b']);
  });

  it('stream events until the loop ends, then leave the server', async () => {
    const { client, ensemble, clock } = await setUp();
    const stream = client.watch('/a');
    await stream.ready;
    ensemble.link.event(changed, '/a');
    ensemble.link.event(changed, '/a');
    ensemble.link.event(deleted, '/a');
    const seen: string[] = [];
    for await (const { type } of stream) {
      seen.push(type);
      if (type === 'deleted') break;
    }
    expect(seen).toEqual(['deleted']);
    await clock.settle();
    expect(ensemble.link.ops).toEqual(['addWatch', 'removeWatches']);
    expect(client.stats().watches).toBe(0);
  });

  it('collapse into a reset when nobody keeps up, and say so', async () => {
    const { client, ensemble } = await setUp();
    const controller = new AbortController();
    const slow: unknown[] = [];
    client.on('slow', (stream) => slow.push(stream));
    const stream = client.watch('/a', { recursive: true, bufferMax: 3, signal: controller.signal });
    await stream.ready;
    for (const name of ['1', '2', '3', '3', '4', '5']) ensemble.link.event(created, `/a/${name}`);
    controller.abort();
    const seen: string[] = [];
    for await (const { type, path } of stream) seen.push(`${type} ${path}`);
    expect(seen).toEqual(['reset /a', 'created /a/5']);
    expect(slow).toEqual([{ path: '/a', dropped: 4 }]);
  });

  it('show when the connection is away and when to look again', async () => {
    const setup = await setUp({ address: 'a/app' });
    const { client, log } = setup;
    const stream = client.watch('/a');
    await stream.ready;
    const loop = (async () => {
      for await (const { type, path } of stream) log.push(`${type} ${path}`);
    })();
    await reconnect(setup);
    setup.ensemble.expired.add(1n);
    await reconnect(setup);
    expect(log.slice(2)).toEqual([
      ...['suspended', 'suspended /a', 'connected', 'reset /a'],
      ...['suspended', 'suspended /a', 'lost', 'session 1 -> 2', 'connected', 'reset /a'],
    ]);
    await client.close();
    await loop;
  });

  it('deliver every event when told not to coalesce', async () => {
    const { client, ensemble } = await setUp();
    const stream = client.watch('/a', { coalesce: false });
    await stream.ready;
    for (const type of [created, changed, changed, childrenChanged, deleted]) ensemble.link.event(type, '/a');
    const seen: string[] = [];
    for await (const { type } of stream) if (seen.push(type) === 5) break;
    expect(seen).toEqual(['created', 'changed', 'changed', 'children', 'deleted']);
  });

  it('tell the loop when the server refuses', async () => {
    const { client, ensemble } = await setUp();
    ensemble.handler = (received, link) => link.refuse(received, -5);
    await expect(async () => {
      for await (const event of client.watch('/a')) expect(event).toBeUndefined();
    }).rejects.toMatchObject({ code: 'MarshallingError' });
    expect(client.stats().watches).toBe(0);
  });

  it('end with the client', async () => {
    const { client } = await setUp();
    const stream = client.watch('/a');
    await stream.ready;
    const loop = (async () => {
      for await (const event of stream) expect(event).toBeUndefined();
    })();
    await client.close();
    await loop;
  });
});

describe('the next change of a node', () => {
  it('is a promise that outlives the connection', async () => {
    const setup = await setUp();
    const next = setup.client.changed('/x');
    await reconnect(setup);
    setup.ensemble.link.event(deleted, '/x');
    expect(await next).toMatchObject({ type: 'deleted', path: '/x' });
    expect(setup.client.stats().watches).toBe(0);
  });

  it('is given up with its signal, its time limit and its client', async () => {
    const { client, clock, ensemble } = await setUp();
    const controller = new AbortController();
    const aborted = rejection(client.changed('/x', { signal: controller.signal }));
    const late = rejection(client.changed('/x', { timeout: 100 }));
    const closed = rejection(client.changed('/x'));
    await clock.settle();
    controller.abort(new Error('enough'));
    await clock.advance(100);
    expect((await aborted).message).toBe('enough');
    expect(await late).toMatchObject({ code: 'OperationTimeout' });
    expect(client.stats().watches).toBe(1);
    expect(ensemble.link.ops).not.toContain('removeWatches');
    await client.close();
    expect(await closed).toMatchObject({ code: 'Closing' });
  });
});
