// Looking at servers: doctor, top, ping, sessions, watchers, ephemerals, trace, four-letter words, bench; and what helps at
// the command line: contexts, completion, cheat sheets, dev.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { connect as connectTo, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from '@corral/client';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { findings } from '../doctor/live.ts';
import { obey } from '../dev/keys.ts';
import { startPlayground } from '../dev/playground.ts';
import { corralBesideServer } from '../testing/corral.ts';

const corral = corralBesideServer({
  '4lw.commands.whitelist': 'srvr,mntr,cons,wchp,ruok',
  'admin.enableServer': true,
  'admin.serverAddress': '127.0.0.1',
  'admin.serverPort': 0,
});
const json = async (...args: string[]): Promise<unknown> => JSON.parse((await corral([...args, '-o', 'json'])).out);
const admin = (): string => new URL(corral.server.adminUrls[0]).host;

describe('corral doctor', () => {
  it('finds nothing wrong with a server that is well', async () => {
    const { code, out } = await corral(['doctor']);
    expect(code).toBe(0);
    expect(out).toContain('✔ 1/1 servers answer');
    expect(out).toMatch(/✔ a write takes \d+ ms/);
    expect(out).toContain('none too large');
    expect(out).toContain('▲ anybody may create and delete nodes at /');
  });

  it('says what is wrong and what to do', () => {
    const member = {
      id: 1,
      address: 'zk1:2181',
      type: 'participant',
      state: 'serving',
      reason: null,
      role: 'leader',
      zxid: '0x1',
      epoch: 1,
      lag: 0,
      clients: 1,
      latencyMs: { min: 0, avg: 50, max: 90 },
      version: '3.9.5',
    } as const;
    const other = { ...member, id: 2, address: 'zk2:2181', role: 'follower', lag: 5000, version: '3.8.0' } as const;
    const found = findings({
      status: { members: [member, other], leader: 1, quorum: null, problems: ['zk3 is unreachable'] },
      tree: {
        nodes: 5,
        complete: false,
        crowded: [{ path: '/c', children: 20_000 }],
        heavy: [{ path: '/h', bytes: 600_000 }],
        worldWritable: false,
      },
      clockAheadMs: 2400,
      writeMs: 400,
    });
    expect(found.map(({ level, text }) => `${level}: ${text}`)).toEqual([
      'ok: 2/2 servers answer, server 1 leads',
      'problem: zk3 is unreachable',
      'warning: zk2:2181 is 5000 transactions behind',
      'warning: servers run different versions: 3.9.5, 3.8.0',
      'warning: zk1:2181 answers after 50 ms on average',
      'warning: zk2:2181 answers after 50 ms on average',
      'warning: the clock here is 2.4 s ahead of the leader’s',
      'warning: a write takes 400 ms',
      'warning: /c has 20000 children',
      'warning: /h holds 600 kB',
    ]);
  });

  it('ends with 3 when there is no server', async () => {
    const { code, out, err } = await corral(['doctor', '-s', '127.0.0.1:2']);
    expect(code).toBe(3);
    expect(out).toContain('✖ the server at 127.0.0.1:2 is unreachable');
    expect(out).not.toContain('✔');
    expect(err).toContain('no server serves clients');
    expect((await corral(['doctor', '--repair'])).code).toBe(2);
  });

  it('looks at the tree also when the servers may not tell of themselves', async () => {
    const relay = createServer((client) => {
      client.once('data', (first: Buffer) => {
        if (first.toString() === 'srvr') return void client.destroy();
        const server = connectTo(corral.port, '127.0.0.1');
        server.write(first);
        client.pipe(server).pipe(client);
        server.on('error', () => client.destroy());
        client.on('error', () => server.destroy());
      });
    });
    await once(relay.listen(0, '127.0.0.1'), 'listening');
    const { port } = relay.address() as AddressInfo;
    const { code, out } = await corral(['doctor', '-s', `127.0.0.1:${port}`]);
    relay.close();
    expect(code).toBe(1);
    expect(out).toContain('without an answer');
    expect(out).toContain('none too large');
    expect(out).not.toContain('far behind');
  });
});

describe('corral top, ping and four-letter words', () => {
  it('show what servers do', async () => {
    const { out } = await corral(['top', '--count', '2', '--every', '50ms', '-o', 'ndjson']);
    const rows = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as object);
    expect(rows[0]).toMatchObject({ role: 'standalone', received: null });
    expect(rows[1]).toMatchObject({ received: expect.any(Number) as number, nodes: expect.any(Number) as number });
    const top = await corral(['top', '-s', '127.0.0.1:2']);
    expect(top).toMatchObject({ code: 3, out: expect.stringContaining('unreachable') as string });
    expect(await json('ping', '--count', '3')).toMatchObject([{ problem: null, avgMs: expect.any(Number) as number }]);
    expect((await corral(['ping', '-s', '127.0.0.1:2'])).code).toBe(1);
    expect((await corral(['ruok'])).out).toBe('imok\n');
    const server = `127.0.0.1:${corral.port}`;
    expect(await json('ruok')).toEqual([{ server, lines: ['imok'] }]);
    expect(await json('srvr', '-s', `${server},${server}`)).toMatchObject([{ Mode: 'standalone' }, { server }]);
    expect(await json('mntr')).toMatchObject([{ server, zk_server_state: 'standalone' }]);
  });

  it('show who leads a playground', async () => {
    const { connectString, stop } = await startPlayground({ nodes: 3, port: 0, persist: undefined });
    const rows = (await json('top', '-s', connectString)) as { role: string; nodes: number }[];
    await stop();
    expect(rows.map(({ role }) => role).toSorted()).toEqual(['follower', 'follower', 'leader']);
    expect(rows.every(({ nodes }) => nodes >= 4)).toBe(true);
  });

  it('show what some servers say when others are silent, and end with 3', async () => {
    const here = `127.0.0.1:${corral.port}`;
    const { code, out, err } = await corral(['ruok', '-s', `127.0.0.1:1,${here},127.0.0.1:2`]);
    expect({ code, out }).toEqual({ code: 3, out: `# ${here}\nimok\n` });
    expect(err).toMatch(/^corral: 127.0.0.1:1: .*\ncorral: 127.0.0.1:2: .*/);
    const sessions = await corral(['sessions', '-s', `127.0.0.1:1,${here}`]);
    expect(sessions).toMatchObject({ code: 3, out: expect.stringContaining(here) as string });
  });

  it('say how to be allowed to ask', async () => {
    expect((await corral(['conf'])).err).toContain('--admin 127.0.0.1:8080');
    expect(await json('conf', '--admin', admin())).toHaveProperty('0.client_port');
    expect((await corral(['srvr', '-s', '127.0.0.1:2'])).code).toBe(3);
  });
});

describe('corral sessions, watchers, ephemerals, trace', () => {
  it('show who is connected and what that means', async () => {
    await using zk = await connect(`127.0.0.1:${corral.port}`);
    await zk.create('/eph', '', { mode: 'ephemeral' });
    await zk.get('/eph', { watch: () => undefined });
    const session = `0x${zk.session!.id.toString(16)}`;
    const connections = expect.arrayContaining([expect.objectContaining({ session })]) as object[];
    expect(await json('sessions')).toEqual(connections);
    expect(await json('sessions', '--admin', admin())).toEqual(connections);
    const watched = [expect.objectContaining({ path: '/eph', sessions: [session] })];
    expect(await json('watchers')).toEqual(watched);
    expect(await json('watchers', '--admin', admin())).toEqual(watched);
    expect((await corral(['ephemerals'])).out).toBe(`${session}  /eph\n`);
    expect((await corral(['ephemerals', '--session', '0x1'])).out).toBe('');
    expect((await corral(['ephemerals', '--session', session.slice(2).toUpperCase()])).out).toContain('/eph');
    expect((await corral(['ephemerals', '--session', 'mine'])).code).toBe(2);
    expect(await corral(['trace', '/eph', '--admin', admin()])).toMatchObject({
      code: 0,
      out: expect.stringContaining('version 0') as string,
    });
    const unknown = await corral(['trace', '/eph', '--admin', '127.0.0.1:2']);
    expect(unknown).toMatchObject({ code: 1, err: expect.stringContaining('--admin host:port') as string });
    expect(unknown.out).toContain('127.0.0.1:2: nothing listens there');
  });
});

describe('corral watch --exec', () => {
  it('runs a command for every change, and goes on when it fails', async () => {
    await corral(['create', '/exec', 'x']);
    const controller = new AbortController();
    const onErr = (text: string): void => {
      if (text === 'watching /exec\n') void corral(['set', '/exec', 'y']);
      if (text.includes('ended with 3')) controller.abort();
    };
    const script = 'read line; [ "$line" = y ] && [ "$CORRAL_EVENT $CORRAL_PATH" = "changed /exec" ] && exit 3';
    const { err } = await corral(['watch', '/exec', '--exec', script], { interrupted: controller.signal, onErr });
    expect(err).toContain('after changed /exec');
  });
});

describe('corral context', () => {
  it('keeps connections without their passwords, for the owner alone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'corral-contexts-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const CORRAL_CONFIG = join(folder, 'contexts.json');
    const env = { CORRAL_CONFIG };
    const here = `127.0.0.1:${corral.port}`;
    expect((await corral(['context', 'add', 'x', 'zk://u:p@h'], { env })).code).toBe(2);
    expect((await corral(['context', 'add', 'x', here, '--user', 'gil'], { env })).code).toBe(2);
    await corral(['context', 'add', 'here', here, '--user', 'gil', '--password-command', 'echo pw'], { env });
    await corral(['context', 'add', 'env', here, '--user', 'gil', '--password-env', 'PW'], { env });
    expect((await stat(CORRAL_CONFIG)).mode & 0o777).toBe(0o600);
    expect(await readFile(CORRAL_CONFIG, 'utf8')).not.toContain('"pw"');
    expect((await corral(['context', 'ls'], { env })).out).toContain(`* env  ${here}  as gil`);
    expect((await corral(['context', 'use', 'here'], { env })).code).toBe(0);
    await corral(['create', '/ctx', 'secret', '--acl', 'creatorAll', '--context', 'here'], { env });
    expect((await corral(['get', '/ctx'], { env })).code).toBe(4);
    expect((await corral(['get', '/ctx', '--context', 'env'], { env: { ...env, PW: 'pw' } })).out).toBe('secret');
    expect((await corral(['get', '/ctx', '--context', 'env'], { env })).err).toContain('PW, which is not set');
    expect((await corral(['get', '/ctx', '--context', 'none'], { env })).code).toBe(2);
    expect((await corral(['get', '/ctx'], { env: { ...env, CORRAL_CONTEXT: '', CORRAL_AUTH: '' } })).code).toBe(4);
    await corral(['context', 'add', 'dumb', here, '--user', 'gil', '--password-command', 'echo locked >&2; exit 3'], {
      env,
    });
    const dumb = await corral(['get', '/ctx', '--context', 'dumb'], { env });
    expect(dumb).toMatchObject({
      code: 2,
      err: expect.stringMatching(/password of gil failed: .*\nlocked\n/) as string,
    });
    const inUse = { env: { ...env, CORRAL_CONTEXT: 'dumb' } };
    expect((await corral(['explain', 'NoAuth'], inUse)).code).toBe(0);
    expect((await corral(['context', 'rm', 'dumb'], inUse)).code).toBe(0);
    expect((await corral(['context', 'rm', 'here'], { env })).code).toBe(0);
    expect((await corral(['complete', '--', 'context', 'use', ''], { env })).out).toBe('env\n');
  });
});

describe('corral complete', () => {
  const offered = async (...words: string[]): Promise<string[]> =>
    (await corral(['complete', '--', ...words])).out.split('\n').filter((line) => line !== '');

  it('offers commands, options, their values, and paths', async () => {
    expect(await offered('ge')).toEqual(['get']);
    expect(await offered('explain', 'NoA')).toEqual(['NoAuth']);
    expect(await offered('queue', '')).toEqual(['dead', 'peek', 'put', 'revive', 'size', 'take']);
    expect(await offered('tree', '--st')).toEqual(['--stat']);
    expect(await offered('get', '-o', 'n')).toEqual(['ndjson']);
    expect(await offered('completion', '')).toEqual(['bash', 'fish', 'zsh']);
    expect(await offered('get', '/zoo')).toEqual(['/zookeeper']);
    expect(await offered('ls', '-s', `127.0.0.1:${corral.port}`, '/zookeeper/c')).toEqual(['/zookeeper/config']);
    expect(await offered('ls', '-s', '127.0.0.1:2', '/')).toEqual([]);
    expect((await corral(['completion', 'bash'])).out).toContain('complete -o default -F _corral corral');
    expect((await corral(['completion', 'csh'])).code).toBe(2);
    expect((await corral(['cheat', 'move'])).out).toContain('corral export');
    expect((await corral(['cheat', 'none'])).code).toBe(2);
  });
});

describe('corral bench', () => {
  it('measures, and leaves nothing behind', async () => {
    const line = ['bench', '--duration', '300ms', '--clients', '2', '--nodes', '5', '--mix', 'r1w1'];
    const found = await json(...line);
    expect(found).toMatchObject({ failed: 0, read: { p50Ms: expect.any(Number) as number } });
    expect((await corral(['stat', '/corral-bench'])).code).toBe(5);
    expect((await corral(['bench', '--mix', 'all'])).code).toBe(2);
    expect((await corral(['bench', '--clients', '0'])).code).toBe(2);
  });
});

describe('corral dev', () => {
  it('starts a server with data, and ends when told', async () => {
    const controller = new AbortController();
    const files = { seed: 'corral: 1\nnodes:\n  - path: /a\n    data: one\n  - path: /a/b\n' };
    let connectString = '';
    const onOut = (text: string): void => {
      connectString = text.trim();
    };
    const running = corral(['dev', '--port', '0', '--seed', 'seed'], { interrupted: controller.signal, files, onOut });
    await vi.waitUntil(() => connectString !== '', { timeout: 300_000 });
    expect((await corral(['get', '/a', '-s', connectString])).out).toBe('one');
    controller.abort();
    expect((await running).code).toBe(0);
    expect((await corral(['get', '/a', '-s', connectString])).code).toBe(3);
  });

  it('serves an ensemble until it is told to stop, also without a terminal', async () => {
    const bin = fileURLToPath(new URL('../../bin/corral.js', import.meta.url));
    const dev = spawn(process.execPath, [bin, 'dev', '--nodes', '3'], { stdio: ['ignore', 'pipe', 'ignore'] });
    const connectString = String((await once(dev.stdout, 'data'))[0]).trim();
    expect((await corral(['create', '/dev', 'x', '-s', connectString])).code).toBe(0);
    dev.kill('SIGINT');
    expect((await once(dev, 'exit'))[0]).toBe(0);
  });

  it('knows a port when it sees one', async () => {
    expect((await corral(['dev', '--port', '99999'])).err).toContain('99999 is no port');
    expect((await corral(['dev', '--nodes', '3', '--port', '2300'])).code).toBe(2);
  });

  it('lets an ensemble be mistreated by keys', async () => {
    const playground = await startPlayground({ nodes: 3, port: 0, persist: undefined });
    try {
      expect(await obey('s', playground)).toMatch(/leading/);
      expect(await obey('k1', playground)).toBe('server 1 is dead');
      expect(await obey('s', playground)).toContain('1 down');
      expect(await obey('r1', playground)).toBe('server 1 is up again');
      expect(await obey('p 2', playground)).toBe('server 2 is cut off from the others');
      expect(await obey('h', playground)).toBe('the network is whole');
      expect(await obey('k9', playground)).toContain('k1 kill server 1');
      expect(await obey('q', playground)).toBeNull();
      expect((await corral(['create', '/dev', 'x', '-s', playground.connectString])).code).toBe(0);
    } finally {
      await playground.stop();
    }
  });
});
