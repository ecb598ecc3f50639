// Getting a session, keeping it, losing it.

import { describe, expect, it } from 'vitest';
import { ConnectError, SessionExpiredError } from './errors.ts';
import { FakeEnsemble } from './testing/fake-ensemble.ts';
import { rejection, sessionTimeout, setUp, start } from './testing/setup.ts';

describe('connecting', () => {
  it('announces the session before the state', async () => {
    const { log, client } = await setUp();
    expect(log).toEqual(['session null -> 1', 'connected']);
    expect(client.session?.timeoutMs).toBe(sessionTimeout);
  });

  it('rejects with the cause at every address, names that do not resolve included', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.names.set('nowhere', null).set('b', ['10.0.0.1', '10.0.0.2']);
    ensemble.manners
      .set('a', 'refuses')
      .set('10.0.0.1', 'accepts and closes')
      .set('10.0.0.2', 'accepts and says nothing');
    const { client, clock } = start(ensemble, 'a:1,b:2,nowhere:3', { attemptTimeout: 500 });
    const verdict = rejection(client.connect({ timeout: 5000 }));
    await clock.advance(5000);
    const error = await verdict;
    if (!(error instanceof ConnectError)) throw error;
    const causes = Object.fromEntries(error.attempts.map(({ endpoint, cause }) => [endpoint, cause.message]));
    expect(Object.keys(causes).sort()).toEqual(['a:1', 'b:2', 'nowhere:3']);
    expect(causes['a:1']).toBe('connection refused');
    expect(causes['nowhere:3']).toBe('nowhere does not resolve');
  });

  it('leaves a server that accepts and never speaks, and tries the next address', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.manners.set('mute', 'accepts and says nothing');
    const { clock, client, log } = start(ensemble, 'mute,good', { attemptTimeout: 1000 });
    await clock.advance(3000);
    expect(client.state).toBe('connected');
    expect(log).toEqual(['session null -> 1', 'connected']);
  });

  it('resolves the name again for every attempt', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.names.set('h', ['old']);
    ensemble.manners.set('old', 'refuses');
    const { clock, client } = start(ensemble, 'h');
    await clock.advance(100);
    ensemble.names.set('h', ['new']);
    await clock.advance(1000);
    expect(client.state).toBe('connected');
    expect(ensemble.dialled.at(-1)).toBe('new:2181');
  });

  it('backs off: ten seconds of refusals are a handful of attempts', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.manners.set('a', 'refuses');
    const { clock } = start(ensemble, 'a');
    await clock.advance(10_000);
    expect(ensemble.dialled.length).toBeLessThan(14);
  });

  it('backs off from a server that greets and hangs up', async () => {
    const { ensemble, clock } = await setUp();
    const before = ensemble.dialled.length;
    ensemble.manners.set('a', 'greets and closes');
    ensemble.link.fail();
    await clock.advance(10_000);
    expect(ensemble.dialled.length - before).toBeLessThan(14);
  });

  it('gives up when its retry function says so', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.manners.set('a', 'refuses').set('b', 'refuses');
    const { clock, client } = start(ensemble, 'a,b', { retry: () => null });
    const verdict = rejection(client.connect());
    await clock.settle();
    expect(await verdict).toMatchObject({ code: 'ConnectFailed', attempts: [{}, {}] });
    expect(client.state).toBe('closed');
  });

  it('rejects connect when an identity is refused', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.refusedSchemes.add('digest');
    const { clock, client } = start(ensemble, 'zk://u:wrong@a');
    const verdict = rejection(client.connect());
    await clock.settle();
    expect(await verdict).toMatchObject({ code: 'AuthFailed' });
  });
});

describe('keeping a session', () => {
  it('pings after a third of the timeout and leaves a server that is silent for two thirds', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.manners.set('a', 'greets and says nothing');
    const { clock, log } = start(ensemble, 'a');
    await clock.advance(sessionTimeout / 3 - 1);
    expect(ensemble.link.ops).toEqual([]);
    await clock.advance(2);
    expect(ensemble.link.ops).toEqual(['ping']);
    await clock.advance(sessionTimeout / 3 - 2);
    expect(log.at(-1)).toBe('connected');
    await clock.advance(2);
    expect(log).toContain('suspended');
  });

  it('stays connected while pings are answered', async () => {
    const { clock, log, ensemble } = await setUp();
    await clock.advance(sessionTimeout * 5);
    expect(log).toEqual(['session null -> 1', 'connected']);
    expect(ensemble.links).toHaveLength(1);
  });

  it('reads before it judges when this process was stopped', async () => {
    const { clock, log } = await setUp();
    clock.freeze(sessionTimeout);
    await clock.advance(1);
    await clock.advance(sessionTimeout);
    expect(log).toEqual(['session null -> 1', 'connected']);
  });

  it('keeps the session over a reconnect', async () => {
    const { clock, log, ensemble, client } = await setUp();
    ensemble.link.fail();
    await clock.advance(1000);
    expect(log).toEqual(['session null -> 1', 'connected', 'suspended', 'connected']);
    expect(client.session?.id).toBe(1n);
  });

  it('decides by its own clock that the session is lost, counted from the last request that was answered', async () => {
    const { clock, log, ensemble, client } = await setUp();
    await clock.advance(2000);
    await client.get('/x');
    ensemble.manners.set('a', 'refuses');
    ensemble.link.fail(new Error('cable'));
    await clock.advance(sessionTimeout - 1);
    expect(log.at(-1)).toBe('suspended');
    await clock.advance(1);
    expect(log.at(-1)).toBe('lost');
    ensemble.manners.set('a', 'serves');
    await clock.advance(10_000);
    expect(log.slice(2)).toEqual(['suspended', 'lost', 'session 1 -> 2', 'connected']);
  });

  it('goes on with a new session when the server has forgotten the old one', async () => {
    const { clock, log, ensemble } = await setUp();
    ensemble.expired.add(1n);
    ensemble.link.fail();
    await clock.advance(1000);
    expect(log.slice(2)).toEqual(['suspended', 'lost', 'session 1 -> 2', 'connected']);
  });

  it('closes instead when told to fail', async () => {
    const { clock, client, log, ensemble } = await setUp({ sessionRecovery: 'fail' });
    ensemble.expired.add(1n);
    ensemble.link.fail();
    const read = rejection(client.get('/x'));
    await clock.advance(1000);
    expect(log.slice(2)).toEqual(['suspended', 'lost', 'closed']);
    expect((await read).cause).toBeInstanceOf(SessionExpiredError);
  });
});

describe('closing', () => {
  it('is idempotent, ends the session and refuses later calls', async () => {
    const { client, ensemble, log } = await setUp();
    await Promise.all([client.close(), client.close()]);
    await client.close();
    expect(ensemble.link.ops).toEqual(['closeSession']);
    expect(log.at(-1)).toBe('closed');
    expect(await rejection(client.get('/x'))).toMatchObject({ code: 'Closing' });
    expect(await rejection(client.addAuth('digest', 'u:p'))).toMatchObject({ code: 'Closing' });
  });

  it('does not wait for a server that has fallen silent', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.manners.set('a', 'greets and says nothing');
    const { client, clock } = start(ensemble, 'a');
    await clock.settle();
    const closed = client.close();
    await clock.advance(1000);
    await closed;
    expect(client.state).toBe('closed');
  });

  it('ends the status loop', async () => {
    const { client, clock, ensemble } = await setUp();
    const seen: string[] = [];
    const loop = (async () => {
      for await (const { type } of client.status()) seen.push(type);
    })();
    ensemble.link.fail();
    await clock.advance(1000);
    await client.close();
    await loop;
    expect(seen).toEqual(['connected', 'suspended', 'reconnecting', 'connected', 'closed']);
  });

  it('waits for what is under way when asked to drain, connection or not', async () => {
    const { client, clock, ensemble, log } = await setUp();
    ensemble.link.fail();
    const write = client.set('/x', '');
    const closing = client.close({ drain: true }).then(() => log.push('closed for good'));
    await clock.advance(1000);
    await Promise.all([write, closing]);
    expect(ensemble.link.ops).toEqual(['setData', 'closeSession']);
    expect(log.slice(-2)).toEqual(['closed', 'closed for good']);
  });

  it('drains no longer than its time limit', async () => {
    const { client, clock, ensemble } = await setUp();
    ensemble.manners.set('a', 'refuses');
    ensemble.link.fail();
    const write = rejection(client.set('/x', ''));
    const closing = client.close({ drain: true, timeout: 200 });
    await clock.advance(200);
    await closing;
    expect(await write).toMatchObject({ code: 'Closing', ambiguous: false });
  });
});
