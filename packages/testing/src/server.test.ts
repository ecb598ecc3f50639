// A server without ports: clients, lives, faults, leaks. Time is real here; virtual time has a file of its own.

import { connect } from '@corral/client';
import type { Client } from '@corral/client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startServer } from './index.ts';
import type { LeakReport, TestEvent, TestServer } from './index.ts';

let server: TestServer;
let zk: Client;

beforeEach(async () => {
  server = await startServer();
  zk = await server.connect();
});
afterEach(async () => {
  await zk.close();
  await server[Symbol.asyncDispose]();
});

/** The code of the error that a promise rejects with. */
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: unknown) => (error as { code: string }).code,
  );

describe('a server in memory', () => {
  it('serves a client without any port', async () => {
    await zk.create('/a', 'one');
    await zk.set('/a', 'two', { version: 0 });
    expect(await zk.getText('/a')).toBe('two');
    expect(() => server.connectString).toThrow(/no port/);
  });

  it('serves clients that bring the transport along', async () => {
    await using other = await connect(server.address, { ...server.clientOptions });
    await other.create('/a', 'one');
    expect(await zk.getText('/a')).toBe('one');
  });

  it('serves clients with a TCP port when asked', async () => {
    await using other = await connect(await server.listen());
    await other.create('/a', 'over the wire');
    expect(await zk.getText('/a')).toBe('over the wire');
    expect(server.connectString).toMatch(/^127\.0\.0\.1:\d+$/);
  });

  it('keeps its data, sessions and port when it stops and starts', async () => {
    const address = await server.listen();
    const { id } = zk.session!;
    await zk.create('/a', 'kept');
    await zk.create('/e', '', { mode: 'ephemeral' });
    await server.stop();
    await server.start();
    expect(await zk.getText('/a')).toBe('kept');
    expect(zk.session!.id).toBe(id);
    expect(server.connectString).toBe(address);
    expect(server.sessions()).toMatchObject([{ id, ephemerals: ['/e'] }]);
  });

  it('keeps what it acknowledged when it is killed', async () => {
    for (let i = 0; i < 100; i++) await zk.create(`/n${i}`);
    await server.kill();
    await server.start();
    expect((await zk.children('/')).children).toHaveLength(101);
  });

  it('begins anew when it is wiped', async () => {
    await zk.create('/a');
    await server.restart({ wipe: true });
    expect(server.dump()).toEqual({});
  });

  it('answers nothing while it is paused, and everything afterwards', async () => {
    server.pause();
    const answer = zk.create('/a');
    const opening = server.createClient();
    expect(await codeOf(zk.get('/', { timeout: 20 }))).toBe('OperationTimeout');
    expect(opening.state).toBe('connecting');
    server.resume();
    await answer;
    await opening.connect();
    await opening.close();
  });
});

describe('sessions and connections', () => {
  it('expire on demand: ephemerals go, and the client begins a new session', async () => {
    await zk.create('/e', '', { mode: 'ephemeral' });
    const { id } = zk.session!;
    const renewed = new Promise<bigint | null>((resolve) => zk.on('session', (change) => resolve(change.old)));
    server.expireSession(zk);
    expect(await renewed).toBe(id);
    expect(await zk.exists('/e')).toBeNull();
    expect(() => server.expireSession(id)).toThrow(/no server can expire/);
  });

  it('survive a broken connection', async () => {
    const { id } = zk.session!;
    const states: string[] = [];
    zk.on('state', (state) => states.push(state));
    server.dropConnection(zk);
    await new Promise<void>((resolve) => zk.on('state', (state) => state === 'connected' && resolve()));
    await zk.create('/a');
    expect(states).toEqual(['suspended', 'connected']);
    expect(zk.session!.id).toBe(id);
  });

  it('hear nothing while the network is cut, in either direction, until it heals', async () => {
    server.cutOff(zk);
    const answer = zk.create('/a');
    await using other = await server.connect();
    await other.create('/b');
    expect(await other.exists('/a')).toBeNull();
    server.heal();
    await answer;
    expect(await other.exists('/a')).not.toBeNull();
  });
});

describe('faults', () => {
  it('break the connection before a write is applied', async () => {
    const fault = server.faults.inject({ op: 'create', when: 'beforeApply', do: 'disconnect' });
    expect(await codeOf(zk.create('/a'))).toBe('ConnectionLoss');
    expect(await zk.exists('/a')).toBeNull();
    expect(fault.hits).toMatchObject([{ op: 'create2', paths: ['/a'], server: 1 }]);
  });

  it('break the connection when a write is applied and its answer is not there yet', async () => {
    server.faults.inject({ op: 'create', when: 'afterApply', do: 'disconnect' });
    expect(await codeOf(zk.create('/a'))).toBe('ConnectionLoss');
    expect(await zk.exists('/a')).not.toBeNull();
  });

  it('strike the nth write that fits its path, and only so many', async () => {
    const fault = server.faults.inject({ op: 'write', path: '/q/*', nth: 2, do: { error: 'NoAuth' } });
    await zk.create('/q');
    await zk.create('/q/1');
    expect(await codeOf(zk.create('/q/2'))).toBe('NoAuth');
    await zk.create('/q/3');
    expect((await zk.children('/q')).children.toSorted()).toEqual(['1', '3']);
    expect(fault.hits).toHaveLength(1);
  });

  it('find the parts of a transaction by their names', async () => {
    server.faults.inject({ op: 'create', path: '/b', when: 'afterApply', do: 'disconnect' });
    expect(await codeOf(zk.multi().create('/a', '').create('/b', '').commit())).toBe('ConnectionLoss');
    expect(Object.keys(server.dump())).toEqual(['/a', '/b']);
  });

  it('are refused at once when they name nothing that can be done', async () => {
    await using server = await startServer();
    for (const bad of [undefined, null, 'explode', {}]) {
      expect(() => server.faults.inject({ op: 'get', do: bad as never })).toThrow('a fault cannot do');
    }
  });

  it('expire the session in the middle of a write', async () => {
    server.faults.inject({ op: 'create', when: 'afterApply', do: 'expire' });
    expect(await codeOf(zk.create('/e', '', { mode: 'ephemeral' }))).toMatch(/ConnectionLoss|SessionExpired/);
    expect(await zk.exists('/e')).toBeNull();
  });

  it('hold a request until it is released, and let others pass', async () => {
    const fault = server.faults.inject({ op: 'set', do: 'hold' });
    await zk.create('/a', 'one');
    const answer = zk.set('/a', 'two');
    await fault.struck;
    await using other = await server.connect();
    expect(await other.getText('/a')).toBe('one');
    fault.release();
    await answer;
    expect(await other.getText('/a')).toBe('two');
  });

  it('call a function in between, and answer behind it', async () => {
    const order: string[] = [];
    await using other = await server.connect();
    const spoil = async (): Promise<void> => {
      await other.create('/a', 'mine');
      order.push('other');
    };
    server.faults.inject({ op: 'create', session: zk.session!.id, do: spoil });
    expect(await codeOf(zk.create('/a', 'too late'))).toBe('NodeExists');
    order.push('answer');
    expect(order).toEqual(['other', 'answer']);
  });

  it('answer with an error in the order of requests, and do not apply', async () => {
    server.faults.inject({ op: 'set', do: { error: 'SessionMoved' } });
    await zk.create('/a', 'one');
    const answers = [codeOf(zk.create('/b')), codeOf(zk.set('/a', 'two')), codeOf(zk.create('/c'))];
    expect(await Promise.all(answers)).toEqual(['none', 'SessionMoved', 'none']);
    expect(await zk.getText('/a')).toBe('one');
  });

  it('lose a session that a connection has just got', async () => {
    const fault = server.faults.inject({ op: 'connect', when: 'afterApply', do: 'disconnect' });
    await using other = await server.connect();
    expect(fault.hits).toHaveLength(1);
    expect(server.sessions()).toHaveLength(3);
    expect(server.sessions().filter(({ isConnected }) => isConnected)).toHaveLength(2);
    for (const { id, isConnected } of server.sessions()) if (!isConnected) server.expireSession(id);
    expect(await other.exists('/')).not.toBeNull();
  });

  it('lose an event of a watch', async () => {
    const seen: string[] = [];
    await zk.exists('/a', { watch: ({ type }) => seen.push(type) });
    const fault = server.faults.inject({ op: 'watchEvent', path: '/a', do: 'disconnect' });
    await using other = await server.connect();
    await other.create('/a');
    await fault.struck;
    await zk.sync();
    expect(seen).toEqual(['created']); // the client sets its watches again, and the server notices
  });
});

describe('a look inside', () => {
  it('shows nodes, sessions and watchers', async () => {
    await server.seed({ '/app/config': 'x', '/app-2': '' });
    await zk.create('/app/me', 'here', { mode: 'ephemeral' });
    await zk.create('/app/box', '', { mode: 'container' });
    await zk.children('/app', { watch: () => undefined });
    expect(server.tree()).toBe(
      ['/', '  app', '    box (container)', '    config = x', '    me = here (ephemeral)', '  app-2'].join('\n'),
    );
    expect(server.dump()['/app/config']).toEqual({ data: 'x', version: 0, cversion: 0 });
    expect(server.watchers('/app')).toEqual([{ path: '/app', session: zk.session!.id, kinds: ['children'] }]);
  });

  it('tells what happens, to listeners and in a loop', async () => {
    const seen: TestEvent[] = [];
    const stop = server.on((event) => seen.push(event));
    const loop = server.events();
    await zk.create('/a');
    stop();
    await zk.create('/b');
    const request = { type: 'request', server: 1, session: zk.session!.id, op: 'create2', paths: ['/a'] };
    expect(seen).toEqual([request]);
    expect((await loop.next()).value).toEqual(request);
    await loop.return?.();
    expect(await loop.next()).toEqual({ done: true, value: undefined });
  });
});

describe('sequence numbers', () => {
  it('can be set, to see them end', async () => {
    await zk.create('/q');
    const next = async (): Promise<string> => (await zk.create('/q/n', '', { mode: 'persistentSequential' })).path;
    server.setSequence('/q', 2_147_483_646);
    expect([await next(), await next()]).toEqual(['/q/n2147483646', '/q/n2147483647']);
    // The counter stands still, as that of ZooKeeper does.
    expect(await codeOf(next())).toBe('NodeExists');
    server.setSequence('/q', -1);
    expect([await next(), await next()]).toEqual(['/q/n-000000001', '/q/n0000000000']);
    expect(() => server.setSequence('/none', 1)).toThrow('/none is not there');
  });
});

describe('the end of a test', () => {
  it('leaves nothing behind of a scope', async () => {
    const scope = await server.scope();
    const inside = await scope.connect();
    await inside.create('/a/b', 'x', { parents: 'container' });
    expect(Object.keys(server.dump())).toEqual([scope.path, `${scope.path}/a`, `${scope.path}/a/b`]);
    await scope[Symbol.asyncDispose]();
    expect(server.dump()).toEqual({});
    expect(inside.state).toBe('closed');
  });

  it('reports sessions, ephemerals and watches that are left', async () => {
    const reports: LeakReport[] = [];
    const leaky = await startServer({ leaks: (report) => reports.push(report) });
    const client = await leaky.connect();
    await client.create('/e', '', { mode: 'ephemeral' });
    await client.get('/e', { watch: () => undefined });
    const session = client.session!.id;
    await leaky[Symbol.asyncDispose]();
    expect(reports).toMatchObject([
      { sessions: [{ id: session, ephemerals: ['/e'] }], watchers: [{ path: '/e', session, kinds: ['data'] }] },
    ]);
    expect(client.state).toBe('closed');
  });

  it('gives out no client when it is closed', async () => {
    const server = await startServer({ clock: 'virtual' });
    await server.close();
    await expect(server.connect({ timeout: 100 })).rejects.toThrow('closed');
    expect(() => server.createClient()).toThrow('closed');
  });

  it('can be made to fail for them', async () => {
    const leaky = await startServer({ leaks: 'throw' });
    await leaky.connect();
    await expect(leaky[Symbol.asyncDispose]()).rejects.toThrow(/1 open session/);
  });
});
