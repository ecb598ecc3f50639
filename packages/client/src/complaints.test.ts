// What users complain about in other clients, and what this one does instead: one test for each.

import { readFileSync, readdirSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectError } from './errors.ts';
import { FakeEnsemble, stat } from './testing/fake-ensemble.ts';
import { FakeTree } from './testing/fake-tree.ts';
import { rejection, sessionTimeout, setUp, start } from './testing/setup.ts';
import type { WatchEvent } from './watches.ts';

const silent = (): void => undefined;
const here = new URL('.', import.meta.url);

describe('complaints', () => {
  it('A2 #1 a server that accepts and never speaks, or falls silent later, is left by the clock', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.manners.set('mute', 'accepts and says nothing').set('deaf', 'greets and says nothing');
    const mute = start(ensemble, 'mute', { attemptTimeout: 1000, retry: () => 1000 });
    const verdict = rejection(mute.client.connect({ timeout: 1500 }));
    await mute.clock.advance(1500);
    expect(await verdict).toMatchObject({ attempts: [{ cause: { message: expect.stringContaining('1000 ms') } }] });

    const deaf = start(ensemble, 'deaf');
    const read = rejection(deaf.client.set('/x', ''));
    await deaf.clock.advance(sessionTimeout / 3 + 1);
    expect(ensemble.link.ops).toEqual(['setData', 'ping']);
    await deaf.clock.advance(sessionTimeout / 3);
    expect(deaf.log).toContain('suspended');
    expect(await read).toMatchObject({ code: 'ConnectionLoss', ambiguous: true });
  });

  it('A2 #2 version 0 is version 0 everywhere, also in transactions', async () => {
    const { client, ensemble } = await setUp();
    const tree = new FakeTree();
    ensemble.handler = tree.handler;
    tree.write('/x', 'first');
    tree.write('/x', 'second');
    const wrong = [
      client.set('/x', '', { version: 0 }),
      client.delete('/x', { version: 0 }),
      client.multi().set('/x', '', { version: 0 }).commit(),
      client.multi().check('/x', 0).commit(),
      client.multi().delete('/x', { version: 0 }).commit(),
    ];
    for (const write of wrong) expect(await rejection(write)).toMatchObject({ code: 'BadVersion' });
    // No default that a falsy value would fall into.
    const sources = readdirSync(here).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
    for (const name of sources) expect(readFileSync(new URL(name, here), 'utf8'), name).not.toMatch(/[vV]ersion \|\|/);
  });

  it('A2 #3 identities go out before everything that waited for the connection', async () => {
    const { client, ensemble, clock } = await setUp({ auth: [{ scheme: 'digest', id: 'u:p' }] });
    await client.get('/x', { watch: silent });
    ensemble.link.fail();
    const waiting = [client.get('/y'), client.addAuth('ip', ''), client.set('/z', '')];
    await clock.advance(1000);
    await Promise.all(waiting);
    expect(ensemble.link.ops).toEqual(['auth', 'auth', 'setWatches', 'getData', 'setData']);
  });

  it('A2 #4 an expired session is followed by a new one, and said so', async () => {
    const { client, ensemble, clock, log } = await setUp();
    ensemble.expired.add(1n);
    ensemble.link.fail();
    await clock.advance(1000);
    expect(log.slice(2)).toEqual(['suspended', 'lost', 'session 1 -> 2', 'connected']);
    expect((await client.get('/x')).hasData).toBe(true);
  });

  it('A2 #5 connect ends, and says what happened at every address', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.names.set('nowhere', null);
    ensemble.manners.set('a', 'refuses').set('mute', 'accepts and says nothing');
    const { client, clock } = start(ensemble, 'a,mute:5,nowhere', { attemptTimeout: 100 });
    const verdict = rejection(client.connect({ timeout: 2000 }));
    await clock.advance(2000);
    const error = await verdict;
    if (!(error instanceof ConnectError)) throw error;
    const endpoints = error.attempts.map(({ endpoint }) => endpoint).sort();
    expect(endpoints).toEqual(['a:2181', 'mute:5', 'nowhere:2181']);
    const other = start(ensemble, 'mute');
    const hasty = rejection(other.client.connect({ timeout: 10 }));
    await other.clock.advance(10);
    expect((await hasty).message).toContain('mute:2181: no answer yet');
    const controller = new AbortController();
    const given = rejection(client.connect({ signal: controller.signal }));
    controller.abort(new Error('enough'));
    expect((await given).message).toBe('enough');
  });

  it('A2 #6 losing everything costs no tight loop, and a large reply fails its own call', async () => {
    const { client, ensemble, clock, log } = await setUp({ maxReplyBytes: 1000 });
    ensemble.handler = (received, link) =>
      link.reply(received, 'getData', { data: new Uint8Array(5000), stat: stat() });
    expect(await rejection(client.get('/big'))).toMatchObject({ code: 'TooLarge' });
    expect(log).toEqual(['session null -> 1', 'connected']);
    ensemble.manners.set('a', 'refuses');
    ensemble.link.fail();
    await clock.advance(60_000);
    expect(ensemble.dialled.length).toBeLessThan(40);
  });

  it('A2 #7 there is no native code to crash the process', () => {
    const manifest = readFileSync(new URL('../package.json', here), 'utf8');
    expect(manifest).not.toMatch(/gyp|node-addon|prebuild|nan"/);
    const files = readdirSync(new URL('..', here), { recursive: true }).map(String);
    expect(files.filter((name) => !name.includes('node_modules') && /\.(node|gyp|cc|c|so|dll)$/.test(name))).toEqual(
      [],
    );
  });

  it('A2 #8 nothing is run at installation', () => {
    const manifest = JSON.parse(readFileSync(new URL('../package.json', here), 'utf8')) as { scripts?: object };
    const scripts = Object.keys(manifest.scripts ?? {});
    expect(scripts.filter((name) => /install|^prepare/.test(name))).toEqual([]);
  });

  it('A2 #9 watches go away with their signal, here and on the server', async () => {
    const { client, ensemble, clock } = await setUp();
    const controller = new AbortController();
    const { signal } = controller;
    await client.get('/x', { watch: silent, signal });
    await client.children('/x', { watch: silent, signal });
    await client.addWatch('/x', { mode: 'persistent', listener: silent, signal });
    await client.watch('/x', { recursive: true, signal }).ready;
    expect(client.stats().watches).toBe(4);
    controller.abort();
    await clock.settle();
    expect(client.stats().watches).toBe(0);
    expect(ensemble.link.ops.filter((op) => op === 'removeWatches')).toHaveLength(4);
  });

  it('A2 #10 no reconnect doubles a callback', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('break', 'watch', 'expire'), { maxLength: 6 }), async (script) => {
        const { client, ensemble, clock } = await setUp();
        let calls = 0;
        const watch = (): void => void calls++;
        await client.get('/x', { watch });
        await client.addWatch('/p', { mode: 'persistent', listener: ({ type }) => void (type !== 'reset' && calls++) });
        for (const step of script) {
          if (step === 'watch') await client.get('/x', { watch });
          if (step === 'expire') ensemble.expired.add(client.session!.id);
          if (step === 'watch') continue;
          ensemble.link.fail();
          await clock.advance(2000);
        }
        ensemble.link.event(3, '/x');
        ensemble.link.event(3, '/x');
        ensemble.link.event(3, '/p');
        expect(calls).toBe(2);
      }),
      { numRuns: 15 },
    );
  });

  it('A2 #11 a storm of events neither grows without bounds nor hides', async () => {
    const { client, ensemble } = await setUp();
    const slow: number[] = [];
    client.on('slow', ({ dropped }) => slow.push(dropped));
    const flapping = client.watch('/leader');
    const many = client.watch('/many', { recursive: true, bufferMax: 50 });
    await Promise.all([flapping.ready, many.ready]);
    for (let i = 0; i < 1000; i++) {
      ensemble.link.event(i % 2 === 0 ? 2 : 1, '/leader');
      ensemble.link.event(1, `/many/${i}`);
    }
    const first = async (stream: AsyncIterable<{ type: string }>): Promise<string> => {
      for await (const { type } of stream) return type;
      return 'nothing';
    };
    expect([await first(flapping), await first(many)]).toEqual(['created', 'reset']);
    expect(slow.length).toBeGreaterThan(10);
  });

  it('A2 #12 bytes, text and null are data everywhere', async () => {
    const { client, ensemble } = await setUp();
    const foreign = runInNewContext('new Uint8Array([1])') as Uint8Array;
    for (const data of [foreign, 'ü', '', null]) {
      await client.set('/x', data);
      await client.create('/x', data);
    }
    const sent = ensemble.link.received.map(({ request }) => request['data']);
    const expected = [new Uint8Array([1]), new Uint8Array([0xc3, 0xbc]), new Uint8Array(0), null];
    expect(sent).toEqual(expected.flatMap((data) => [data, data]));
    expect(foreign).not.toBeInstanceOf(Uint8Array);
  });

  it('A2 #13 the size limits are options both ways, and their errors name them', async () => {
    const { client, ensemble } = await setUp({ maxRequestBytes: 3 << 20, maxReplyBytes: 100 });
    await client.set('/x', 'x'.repeat(2 << 20));
    const out = await rejection(client.set('/x', 'x'.repeat(4 << 20)));
    expect(out.message).toMatch(/maxRequestBytes 3145728.*jute\.maxbuffer/);
    ensemble.handler = (received, link) => link.reply(received, 'getData', { data: new Uint8Array(200), stat: stat() });
    expect((await rejection(client.get('/x'))).message).toMatch(/maxReplyBytes 100/);
  });

  it('A2 #14 times are dates', async () => {
    const { client } = await setUp();
    const found = await client.exists('/x');
    expect([found?.ctime, found?.mtime]).toEqual([new Date(1000), new Date(2000)]);
    expect(found).toMatchObject({ ctimeMs: 1000, mtimeMs: 2000, ephemeral: false });
  });

  it('A2 #15 the end of a session is told before what its end did to the nodes', async () => {
    const { client, ensemble, clock, log } = await setUp();
    await client.get('/mine', { watch: ({ type }) => void log.push(type) });
    ensemble.expired.add(1n);
    ensemble.link.fail();
    const seen = afterRearm(ensemble, (link) => link.event(2, '/mine'));
    await clock.advance(1000);
    await seen;
    expect(log.slice(2)).toEqual(['suspended', 'lost', 'session 1 -> 2', 'connected', 'deleted']);
  });

  it('A2 #16 isolation is visible on every iterator, and what it hid is announced', async () => {
    const setup = await setUp();
    const { client, ensemble, clock } = setup;
    const stream = client.watch('/x');
    await stream.ready;
    const events: string[] = [];
    const loop = (async () => {
      for await (const { type } of stream) events.push(type);
    })();
    const oneShot: WatchEvent[] = [];
    await client.get('/y', { watch: (event) => void oneShot.push(event) });
    ensemble.link.fail();
    await clock.settle();
    expect(events).toEqual(['suspended']);
    await clock.advance(1000);
    expect(events).toEqual(['suspended', 'reset']);
    // One-shot watches are set again with the last transaction seen: the server tells what happened meanwhile.
    expect(ensemble.link.received[0]).toMatchObject({
      op: 'setWatches2',
      request: { data: ['/y'], relativeZxid: 100n },
    });
    ensemble.link.event(3, '/y');
    expect(oneShot).toHaveLength(1);
    await client.close();
    await loop;
  });
});

/** Lets the next server speak as soon as it has been given the watches. */
async function afterRearm(ensemble: FakeEnsemble, speak: (link: FakeEnsemble['link']) => void): Promise<void> {
  const before = ensemble.links.length;
  for (let turn = 0; turn < 1000; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
    const link = ensemble.links.length > before ? ensemble.link : undefined;
    if (link?.ops.includes('setWatches') === true) return speak(link);
  }
}
