// What becomes of a call: answered, refused, repeated, given up.

import { describe, expect, it } from 'vitest';
import type { JuteWriter } from '@corral/protocol';
import { records } from '@corral/protocol';
import { MultiError, ZkError } from './errors.ts';
import { agreeable, frameOf, stat } from './testing/fake-ensemble.ts';
import { rejection, sessionTimeout, setUp } from './testing/setup.ts';

const silent = (): void => undefined;

describe('calls', () => {
  it('answers with bigint zxids and dates', async () => {
    const { client } = await setUp();
    const { data, hasData, stat: found } = await client.get('/x');
    expect(Buffer.from(data).toString()).toBe('hi');
    expect([hasData, found.czxid, found.mtime]).toEqual([true, 1n, new Date(2000)]);
  });

  it('tells null data from empty data, both ways', async () => {
    const { client, ensemble } = await setUp();
    await client.set('/x', null);
    await client.set('/x', '');
    expect(ensemble.link.received.map(({ request }) => request['data'])).toEqual([null, new Uint8Array(0)]);
    ensemble.handler = (received, link) => link.reply(received, 'getData', { data: null, stat: stat() });
    expect(await client.get('/x')).toMatchObject({ data: new Uint8Array(0), hasData: false });
  });

  it('sends version 0 as 0 and only the word any as -1', async () => {
    const { client, ensemble } = await setUp();
    await client.set('/x', 'd', { version: 0 });
    await client.delete('/x', { version: 0 });
    await client.setAcl('/x', 'open', { version: 0 });
    await client.set('/x', 'd');
    await client.set('/x', 'd', { version: 'any' });
    expect(ensemble.link.received.map(({ request }) => request['version'])).toEqual([0, 0, 0, -1, -1]);
    for (const version of [-1, 1.5, Number.NaN])
      expect(await rejection(client.set('/x', '', { version }))).toBeInstanceOf(TypeError);
  });

  it('turns error codes into typed errors with operation and path', async () => {
    const { client, ensemble } = await setUp();
    ensemble.handler = (received, link) => link.refuse(received, -110);
    const error = await rejection(client.create('/x'));
    expect(error).toMatchObject({
      name: 'NodeExistsError',
      code: 'NodeExists',
      op: 'create2',
      path: '/x',
      ambiguous: false,
    });
    expect(ZkError.is(error, 'NodeExists') && !ZkError.is(error, 'NoNode') && ZkError.is(error)).toBe(true);
    ensemble.handler = (received, link) => link.refuse(received, -999);
    expect((await rejection(client.get('/x'))).message).toContain('-999');
  });

  it('answers null for a node that does not exist', async () => {
    const { client, ensemble } = await setUp();
    ensemble.handler = (received, link) => link.refuse(received, -101);
    expect(await client.exists('/x')).toBeNull();
  });

  it('sees the tree from its chroot and scope', async () => {
    const { client, ensemble } = await setUp({ address: 'a:1/app' });
    const scoped = client.scope('/t');
    expect((await scoped.create('/x')).path).toBe('/x');
    await scoped.children('/');
    expect(ensemble.link.received.map(({ request }) => request['path'])).toEqual(['/app/t/x', '/app/t']);
  });

  it('refuses what cannot be sent and names the limit', async () => {
    const { client, ensemble } = await setUp({ maxRequestBytes: 1000 });
    const error = await rejection(client.set('/x', 'y'.repeat(1000)));
    expect(error).toMatchObject({ code: 'TooLarge' });
    expect(error.message).toMatch(/1000.*jute\.maxbuffer/);
    expect(await rejection(client.get('x'))).toBeInstanceOf(TypeError);
    expect(ensemble.link.received).toEqual([]);
  });

  it('lets a reply above the limit fail its own call and nothing else', async () => {
    const { client, ensemble, log } = await setUp({ maxReplyBytes: 1000 });
    ensemble.handler = (received, link) => {
      if (received.request['path'] !== '/big') return agreeable(received, link);
      link.reply(received, 'getData', { data: new Uint8Array(5000), stat: stat() });
    };
    const [big, small] = await Promise.all([rejection(client.get('/big')), client.get('/small')]);
    expect(big).toMatchObject({ code: 'TooLarge' });
    expect(small.hasData).toBe(true);
    expect(log).toEqual(['session null -> 1', 'connected']);
  });

  it('drops a server that answers out of turn', async () => {
    const { client, ensemble, clock, log } = await setUp();
    ensemble.handler = (received, link) => link.raw(received.xid + 5, 0);
    const read = client.get('/x');
    ensemble.handler = agreeable;
    await clock.advance(1000);
    expect(log.slice(2)).toEqual(['suspended', 'connected']);
    expect((await read).hasData).toBe(true);
  });
});

describe('a broken link', () => {
  it('repeats reads on the next connection and rejects sent writes as ambiguous', async () => {
    const { client, ensemble, clock } = await setUp();
    ensemble.handler = silent;
    const read = client.get('/r');
    const write = rejection(client.set('/w', 'x'));
    ensemble.link.fail(new Error('cable'));
    const error = await write;
    expect(error).toMatchObject({ code: 'ConnectionLoss', ambiguous: true, retryable: true });
    expect((error.cause as Error).message).toBe('cable');
    ensemble.handler = agreeable;
    await clock.advance(1000);
    expect((await read).hasData).toBe(true);
    expect(ensemble.link.ops).toEqual(['getData']);
  });

  it('sends writes that had not left when the same session is back', async () => {
    const { client, ensemble, clock } = await setUp();
    ensemble.link.fail();
    const write = client.set('/w', 'x');
    const read = client.get('/r');
    await clock.advance(1000);
    await Promise.all([write, read]);
    expect(ensemble.link.ops).toEqual(['setData', 'getData']);
  });

  it('never runs a write of one session under the next', async () => {
    const { client, ensemble, clock } = await setUp();
    ensemble.expired.add(1n);
    ensemble.link.fail();
    const write = rejection(client.create('/e', '', { mode: 'ephemeral' }));
    const read = client.get('/r');
    await clock.advance(1000);
    expect(await write).toMatchObject({ code: 'SessionExpired', ambiguous: false });
    await read;
    expect(ensemble.link.ops).toEqual(['getData']);
  });

  it('limits what waits for a connection', async () => {
    const { client, ensemble } = await setUp({ offlineQueue: { calls: 2 } });
    ensemble.link.fail();
    const waiting = [client.get('/1'), client.get('/2')];
    expect(await rejection(client.get('/3'))).toMatchObject({ code: 'QueueFull', ambiguous: false });
    expect(client.stats().waiting).toBe(2);
    for (const read of waiting) read.catch(silent);
    await client.close();
  });

  it('limits the bytes that wait for a connection', async () => {
    const { client, ensemble } = await setUp({ offlineQueue: { bytes: 2000 } });
    ensemble.link.fail();
    const controller = new AbortController();
    const waiting = rejection(client.set('/1', 'x'.repeat(1500), { signal: controller.signal }));
    expect(await rejection(client.set('/2', 'x'.repeat(1500)))).toMatchObject({ code: 'QueueFull' });
    controller.abort(new Error('enough'));
    await waiting;
    // Calls that were given up make room.
    const other = rejection(client.set('/2', 'x'.repeat(1500)));
    await client.close();
    expect(await other).toMatchObject({ code: 'Closing' });
  });

  it('refuses to wait when told so, but finishes what it has begun', async () => {
    const { client, ensemble, clock } = await setUp({ offlineQueue: false });
    ensemble.handler = silent;
    const begun = client.set('/x', '', { idempotent: true });
    ensemble.link.fail();
    expect(await rejection(client.get('/x'))).toMatchObject({ code: 'ConnectionLoss', ambiguous: false });
    ensemble.handler = agreeable;
    await clock.advance(1000);
    expect((await begun).version).toBe(1);
  });

  it('sends identities first, then watches, then what waited', async () => {
    const { client, ensemble, clock } = await setUp({ auth: [{ scheme: 'digest', id: 'u:p' }] });
    await client.addAuth('ip', '');
    await client.get('/x', { watch: silent });
    ensemble.link.fail();
    const read = client.get('/y');
    await clock.advance(1000);
    await read;
    expect(ensemble.link.ops).toEqual(['auth', 'auth', 'setWatches', 'getData']);
  });

  it('drops an identity that the server refuses and goes on', async () => {
    const { client, ensemble, clock, log } = await setUp();
    ensemble.refusedSchemes.add('bad');
    expect(await rejection(client.addAuth('bad', 'x'))).toMatchObject({ code: 'AuthFailed' });
    await clock.advance(1000);
    expect(log.at(-1)).toBe('connected');
    expect(ensemble.link.ops).toEqual([]);
  });
});

describe('giving up', () => {
  it('rejects a read with the reason of its signal', async () => {
    const { client, ensemble } = await setUp();
    ensemble.handler = silent;
    const controller = new AbortController();
    const read = rejection(client.get('/x', { signal: controller.signal }));
    controller.abort(new Error('enough'));
    expect((await read).message).toBe('enough');
    expect((await rejection(client.get('/x', { signal: controller.signal }))).message).toBe('enough');
  });

  it('says that an aborted write is ambiguous once it has left, and certain before', async () => {
    const { client, ensemble } = await setUp();
    ensemble.handler = silent;
    const controller = new AbortController();
    const sent = rejection(client.set('/x', '', { signal: controller.signal }));
    ensemble.link.fail();
    expect(await sent).toMatchObject({ code: 'ConnectionLoss' });
    const waiting = rejection(client.set('/x', '', { signal: controller.signal }));
    controller.abort(new Error('enough'));
    expect((await waiting).message).toBe('enough');
    const other = await setUp();
    other.ensemble.handler = silent;
    const late = new AbortController();
    const left = rejection(other.client.set('/x', '', { signal: late.signal }));
    late.abort(new Error('enough'));
    expect(await left).toMatchObject({ code: 'Aborted', ambiguous: true, cause: { message: 'enough' } });
  });

  it('times out, and takes the late answer without harm', async () => {
    const { client, ensemble, clock, log } = await setUp();
    ensemble.handler = silent;
    const read = rejection(client.get('/x', { timeout: 100 }));
    const write = rejection(client.set('/x', '', { timeout: 100 }));
    await clock.advance(100);
    expect(await read).toMatchObject({ code: 'OperationTimeout', ambiguous: false });
    expect(await write).toMatchObject({ code: 'OperationTimeout', ambiguous: true });
    for (const received of ensemble.link.received) agreeable(received, ensemble.link);
    ensemble.handler = agreeable;
    await client.get('/x');
    expect(log).toEqual(['session null -> 1', 'connected']);
  });
});

describe('several operations at once', () => {
  const header = (to: JuteWriter, type: number, done: boolean, err: number): void =>
    records.multiHeader.write(to, { type, done, err });

  it('rejects with the index of the operation to blame', async () => {
    const { client, ensemble } = await setUp();
    ensemble.handler = (received, link) =>
      link.raw(received.xid, 0, (to) => {
        for (const code of [0, -103, -2]) {
          header(to, -1, false, code);
          to.int(code);
        }
        header(to, -1, true, -1);
      });
    const error = await rejection(client.multi().create('/a').check('/b', 0).delete('/c').commit());
    expect(error).toBeInstanceOf(MultiError);
    expect(error).toMatchObject({ code: 'BadVersion', index: 1, path: '/b', ambiguous: false });
  });

  it('answers an empty multi with nothing', async () => {
    const { client, ensemble } = await setUp();
    ensemble.handler = (received, link) => link.raw(received.xid, 0, (to) => header(to, -1, true, -1));
    expect(await client.multi().commit()).toEqual([]);
  });

  it('lets the entries of a read fail one by one', async () => {
    const { client, ensemble } = await setUp();
    ensemble.handler = (received, link) =>
      link.raw(received.xid, 0, (to) => {
        header(to, 4, false, 0);
        records.dataResponse.write(to, { data: new Uint8Array([1]), stat: stat() });
        header(to, -1, false, -101);
        to.int(-101);
        header(to, -1, true, -1);
      });
    const [found, missing] = await client.read().get('/a').children('/b').commit();
    expect(found).toMatchObject({ ok: true, value: { data: new Uint8Array([1]) } });
    expect(missing).toMatchObject({ ok: false, error: { code: 'NoNode', path: '/b' } });
  });
});

describe('order', () => {
  it('runs the code that awaits a reply before it delivers an event that came after it', async () => {
    const { client, ensemble, clock } = await setUp();
    ensemble.handler = silent;
    const log: string[] = [];
    const reader = (async () => {
      await client.getText('/x', { watch: ({ type }) => log.push(type) });
      log.push('read');
    })();
    const { xid } = ensemble.link.received[0];
    ensemble.link.deliver(
      frameOf(xid, 7n, 0, (to) => records.dataResponse.write(to, { data: null, stat: stat() })),
      frameOf(-1, 8n, 0, (to) => records.watcherEvent.write(to, { type: 3, state: 3, path: '/x' })),
    );
    await reader;
    await clock.settle();
    expect(log).toEqual(['read', 'changed']);
    expect(client.lastZxid).toBe(8n);
  });

  it('answers in the order of the calls', async () => {
    const { client, clock } = await setUp();
    const order: number[] = [];
    await Promise.all(Array.from({ length: 50 }, async (_, i) => order.push(await client.get('/x').then(() => i))));
    expect(order).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(client.sessionDeadline).toBe(clock.now() + sessionTimeout);
  });
});
