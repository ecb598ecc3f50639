import { once } from 'node:events';
import { connect } from 'node:net';
import { hostname } from 'node:os';

import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';

import { fakeFacts, fakeSession } from './testing/fake-facts.ts';
import type { ServerFacts } from './facts.ts';
import { buildAdminApp, buildMetricsApp, startAdminServer, startMetricsServer } from './http.ts';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const thing of opened.splice(0)) await thing.close();
});

async function adminApp(
  facts: ServerFacts = fakeFacts(),
  onError?: (error: unknown) => void,
): Promise<FastifyInstance> {
  const app = await buildAdminApp(facts, onError === undefined ? {} : { onError });
  opened.push(app);
  return app;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly type: string;
  readonly headers: Readonly<Record<string, unknown>>;
}

async function ask(app: FastifyInstance, url: string, options: InjectOptions = {}): Promise<Answer> {
  const { statusCode, payload, headers } = await app.inject({ method: 'GET', url, ...options });
  return { status: statusCode, text: payload, type: String(headers['content-type']), headers };
}

const json = async (app: FastifyInstance, name: string): Promise<Record<string, unknown>> =>
  JSON.parse((await ask(app, `/commands/${name}`)).text) as Record<string, unknown>;

const superUser = { authorization: 'digest super:secret' };

describe('commands', () => {
  it('print JSON as Apache does, with command and error last', async () => {
    const answer = await ask(await adminApp(), '/commands/ruok');
    expect(answer).toMatchObject({ status: 200, text: '{\n  "command" : "ruok",\n  "error" : null\n}' });
    expect(answer.type).toMatch(/^application\/json/);
    expect(answer.headers).toMatchObject({ 'x-content-type-options': 'nosniff' });
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });

  const keys: readonly (readonly [string, string])[] = [
    [
      'conf',
      'client_port data_dir data_log_dir tick_time max_client_cnxns min_session_timeout max_session_timeout server_id client_port_listen_backlog',
    ],
    ['cons', 'connections secure_connections'],
    ['dump', 'expiry_time_to_session_ids session_id_to_ephemeral_paths'],
    ['gtmk', 'tracemask'],
    ['hash', 'digests'],
    ['icfg', 'initial_configuration'],
    ['isro', 'read_only'],
    ['lsnp', 'zxid timestamp'],
    ['obsr', 'synced_observers observers'],
    ['srvr', 'version read_only server_stats client_response node_count'],
    ['stat', 'version read_only server_stats client_response node_count connections secure_connections'],
    ['voting_view', 'current_config'],
    ['wchs', 'num_connections num_paths num_total_watches'],
    ['wchc', 'session_id_to_watched_paths'],
    ['wchp', 'path_to_session_ids'],
    [
      'zabstate',
      'myid is_leader quorum_address election_address client_address voting last_zxid zab_epoch zab_counter zabstate',
    ],
  ];
  for (const [name, expected] of keys) {
    it(`answer ${name} with the keys of the documentation, in their order`, async () => {
      expect(Object.keys(await json(await adminApp(), name))).toEqual([...expected.split(' '), 'command', 'error']);
    });
  }

  it('keep 64-bit numbers exact', async () => {
    const { text } = await ask(await adminApp(), '/commands/connections');
    expect(text).toContain(`"session_id" : ${fakeSession}`);
    expect((await ask(await adminApp(), '/commands/hash')).text).toContain('"digest" : 5472917460123456789');
    expect((await ask(await adminApp(), '/commands/dump')).text).toContain(', -2 ]');
  });

  it('answer unknown names, and a server that does not serve, with status 200', async () => {
    expect((await ask(await adminApp(), '/commands/nope%0a')).text).toContain('"error" : "Unknown command: nope\\n"');
    const loading = fakeFacts([], { serving: () => ({ serving: false, reason: 'loading' }) });
    const answer = await ask(await adminApp(loading), '/commands/mntr');
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('"error" : "This ZooKeeper instance is not currently serving requests"');
    expect((await json(await adminApp(loading), 'envi'))['zookeeper.version']).toContain('3.9.5');
  });

  it('put an error of their own first', async () => {
    expect((await ask(await adminApp(), '/commands/lead')).text).toBe(
      '{\n  "error" : "server is not initialized",\n  "command" : "leader"\n}',
    );
  });

  it('show every metric as a number', async () => {
    const { version, server_state: state, command, error, ...metrics } = await json(await adminApp(), 'monitor');
    expect([state, command, error]).toEqual(['standalone', 'monitor', null]);
    expect(version).toContain('3.9.5');
    expect(Object.values(metrics).every((value) => typeof value === 'number')).toBe(true);
    expect(metrics).toMatchObject({ znode_count: 5, p99_readlatency: 0, shop_quota_count_usage_per_namespace: 3 });
  });

  it('are listed at the base, and nothing is outside of it', async () => {
    const app = await adminApp();
    for (const url of ['/commands', '/commands/']) {
      const { text, type } = await ask(app, url);
      expect(type).toMatch(/^text\/html/);
      expect(text).toContain('<a href="/commands/configuration">configuration</a>\n<br/>\n');
    }
    expect((await ask(app, '/')).text).toContain('<a href="/commands">');
    expect((await ask(app, '/commands/ruok/x')).status).toBe(404);
  });

  it('change the trace mask, when it is a number', async () => {
    const app = await adminApp();
    const by = { method: 'POST', headers: superUser } as const;
    expect((await ask(app, '/commands/stmk?traceMask=498', by)).text).toContain('"tracemask" : 498');
    expect((await ask(app, '/commands/stmk?traceMask=x', by)).text).toContain(
      '"error" : "traceMask: expected a number"',
    );
  });

  it('never show a secret', async () => {
    const facts = fakeFacts(['-Dzookeeper.DigestAuthenticationProvider.superDigest=super:SENTINEL']);
    const app = await adminApp(facts);
    expect((await json(app, 'sysp'))['zookeeper.DigestAuthenticationProvider.superDigest']).toBe('[secret]');
    for (const name of ['conf', 'icfg', 'sysp', 'envi', 'mntr', 'srvr', 'stat']) {
      expect((await ask(app, `/commands/${name}`)).text).not.toContain('SENTINEL');
    }
  });
});

describe('snapshot and restore', () => {
  const post = (headers: Record<string, string>): InjectOptions => ({
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream', ...headers },
    payload: Buffer.alloc(100_000),
  });

  it('need an identity that may do everything with the root', async () => {
    const cases: readonly (readonly [Record<string, string>, number, string])[] = [
      [{}, 401, 'Auth info is missing for the command'],
      [{ authorization: '' }, 401, 'Auth info is missing for the command'],
      [{ authorization: 'digest super:wrong' }, 401, 'Not authenticated'],
      [{ authorization: '__proto__ x' }, 401, 'Not authenticated'],
      [{ authorization: 'digest reader:secret' }, 403, 'Not authorized'],
    ];
    for (const [headers, status, error] of cases) {
      const facts = fakeFacts();
      const app = await adminApp(facts);
      const snapshot = await ask(app, '/commands/snapshot', { headers });
      const restore = await ask(app, '/commands/restore', post(headers));
      for (const answer of [snapshot, restore]) {
        expect(answer.status).toBe(status);
        expect(answer.text).toContain(`"error" : "${error}"`);
      }
      expect(facts.calls.filter((call) => call.startsWith('restore'))).toEqual([]);
    }
  });

  it('send and take the bytes', async () => {
    const facts = fakeFacts();
    const app = await adminApp(facts);
    const answer = await ask(app, '/commands/snapshot', { headers: superUser });
    expect(answer).toMatchObject({
      status: 200,
      type: 'application/octet-stream',
      text: '\u0001\u0002\u0003\u0004\u0005\u0006',
    });
    expect(answer.headers).toMatchObject({ last_zxid: '0x2b', snapshot_size: '6' });
    const restored = await ask(app, '/commands/restore', post(superUser));
    expect(restored.text).toContain('"last_zxid" : 43');
    expect(facts.calls).toContain('restore 100000');
  });

  it('are limited in their rate, each on its own', async () => {
    const facts = fakeFacts();
    const app = await adminApp(facts);
    const options = { headers: superUser };
    expect((await ask(app, '/commands/snapshot?streaming=false', options)).type).toMatch(/^application\/json/);
    expect((await ask(app, '/commands/snap', options)).status).toBe(429);
    expect((await ask(app, '/commands/restore', post(superUser))).status).toBe(200);
    expect(facts.metrics.counter('snapshot_rate_limited_count').value).toBe(1);
  });

  it('can be switched off, and insist on their method', async () => {
    const off = await adminApp(fakeFacts(['-Dadmin.snapshot.enabled=false', '-Dadmin.restore.enabled=false']));
    expect((await ask(off, '/commands/snapshot', { headers: superUser })).status).toBe(503);
    expect((await ask(off, '/commands/restore', post(superUser))).status).toBe(503);
    const app = await adminApp();
    expect((await ask(app, '/commands/restore', { headers: superUser })).status).toBe(500);
    expect((await ask(app, '/commands/ruok', { method: 'POST' })).status).toBe(500);
    expect((await ask(app, '/commands/restore', { method: 'POST', headers: superUser })).status).toBe(400);
  });

  it('tell the reason of a failure to the log and not to the caller', async () => {
    const errors: unknown[] = [];
    const facts = fakeFacts([], { takeSnapshot: () => Promise.reject(new Error('disk SENTINEL')) });
    const answer = await ask(await adminApp(facts, (error) => errors.push(error)), '/commands/snap', {
      headers: superUser,
    });
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('SENTINEL');
    expect(String(errors[0])).toContain('SENTINEL');
    expect(facts.metrics.counter('snapshot_error_count').value).toBe(1);
  });

  it('know the caller by its socket; by the last forwarded address only when told so', async () => {
    const forged = {
      authorization: 'ip',
      'x-forwarded-for': '10.0.0.1, 10.0.0.2',
      forwarded: 'for=10.0.0.3',
      'x-real-ip': '10.0.0.4',
    };
    const seen = async (
      argv: readonly string[],
      headers: Record<string, string>,
      remoteAddress: string,
    ): Promise<string> => {
      const facts = fakeFacts(argv);
      await ask(await adminApp(facts), '/commands/snapshot', { headers, remoteAddress });
      return facts.calls[0] ?? '';
    };
    const trusting = ['-Dzookeeper.IPAuthenticationProvider.usexforwardedfor=true'];
    expect(await seen([], forged, '192.0.2.1')).toBe('authorize ip  192.0.2.1');
    expect(await seen([], forged, '::ffff:192.0.2.1')).toBe('authorize ip  192.0.2.1');
    expect(await seen(trusting, forged, '192.0.2.1')).toBe('authorize ip  10.0.0.2');
    expect(await seen(trusting, { ...forged, 'x-forwarded-for': '10.0.0.1, nonsense' }, '192.0.2.1')).toBe(
      'authorize ip  192.0.2.1',
    );
  });
});

describe('who is answered', () => {
  it('what changes the server needs POST and an identity, also from this machine', async () => {
    for (const name of ['stat_reset', 'connection_stat_reset', 'observer_connection_stat_reset', 'set_trace_mask']) {
      const facts = fakeFacts();
      const app = await adminApp(facts);
      expect((await ask(app, `/commands/${name}?traceMask=1`, { headers: superUser })).status, name).toBe(500);
      expect((await ask(app, `/commands/${name}?traceMask=1`, { method: 'POST' })).status, name).toBe(401);
      expect(facts.calls).toEqual([]);
      expect(facts.traceMask()).toBe(306n);
      const allowed = await ask(app, `/commands/${name}?traceMask=1`, { method: 'POST', headers: superUser });
      expect(allowed.status, name).toBe(200);
    }
  });

  it('sessions and their clients are shown to this machine, and to others with an identity', async () => {
    const app = await adminApp();
    for (const name of ['connections', 'cons', 'dump', 'watches', 'wchp']) {
      const stranger = await ask(app, `/commands/${name}`, { remoteAddress: '192.0.2.1' });
      expect([stranger.status, stranger.text.includes(String(fakeSession))], name).toEqual([401, false]);
      const proxied = await ask(app, `/commands/${name}`, { headers: { 'x-forwarded-for': '192.0.2.1' } });
      expect(proxied.status, name).toBe(401);
      expect((await ask(app, `/commands/${name}`)).status, name).toBe(200);
      const known = await ask(app, `/commands/${name}`, { remoteAddress: '192.0.2.1', headers: superUser });
      expect(known.status, name).toBe(200);
    }
  });

  it('a hand-over is not repeated within seconds', async () => {
    let done = 0;
    const handOver = (): Promise<void> => Promise.resolve(void done++);
    const app = await adminApp(fakeFacts([], { mode: () => 'leader', handOver }));
    const by = { method: 'POST', headers: superUser } as const;
    const statuses = [];
    for (let i = 0; i < 3; i++) statuses.push((await ask(app, '/commands/hand_over', by)).status);
    expect([statuses, done]).toEqual([[200, 429, 429], 1]);
  });

  it('a member refuses a restore before the body is read', async () => {
    const facts = fakeFacts([], { ensemble: () => ({ config: { members: new Map() } }) as never });
    const answer = await ask(await adminApp(facts), '/commands/restore', {
      method: 'POST',
      headers: { ...superUser, 'content-type': 'application/octet-stream' },
      payload: Buffer.alloc(100_000),
    });
    expect([answer.status, answer.headers['connection']]).toEqual([409, 'close']);
    expect(answer.text).toContain('takes its state from the leader');
    expect(facts.calls.filter((call) => call.startsWith('restore'))).toEqual([]);
  });

  it('on every address only by a name of its own', async () => {
    const open = ['--admin-address', '0.0.0.0', '-Dzookeeper.admin.allowedHosts=zk.example'];
    const app = await adminApp(fakeFacts(open));
    for (const host of ['evil.example', 'zk.example.evil.example:8080', '127.0.0.1.evil.example'])
      expect((await ask(app, '/livez', { headers: { host } })).status, host).toBe(403);
    for (const host of ['10.1.2.3:8080', '[2001:db8::1]:8080', 'localhost', hostname(), 'ZK.example:8080'])
      expect((await ask(app, '/livez', { headers: { host } })).status, host).toBe(200);
  });
});

describe('what a browser may be made to send', () => {
  it('is refused: other methods, hosts, origins and sites', async () => {
    const app = await adminApp();
    const refused: readonly (readonly [InjectOptions, number])[] = [
      [{ method: 'OPTIONS' }, 405],
      [{ method: 'PUT' }, 405],
      [{ method: 'HEAD' }, 405],
      [{ headers: { host: 'evil.example' } }, 403],
      [{ headers: { host: '127.0.0.1.evil.example:8080' } }, 403],
      [{ headers: { host: 'localhost:8080', origin: 'http://evil.example' } }, 403],
      [{ headers: { host: 'localhost:8080', 'sec-fetch-site': 'cross-site' } }, 403],
      [{ headers: { host: 'localhost:8080', origin: 'null' } }, 403],
    ];
    for (const [options, status] of refused) {
      expect((await ask(app, '/commands/ruok', options)).status, JSON.stringify(options)).toBe(status);
    }
    for (const host of ['localhost:8080', '127.0.0.1', '[::1]:8080']) {
      expect((await ask(app, '/commands/ruok', { headers: { host, origin: `http://${host}` } })).status).toBe(200);
    }
  });

  it('is not a body that a form can have, nor a large one', async () => {
    const app = await adminApp();
    const form = { method: 'POST', headers: { 'content-type': 'text/plain' }, payload: 'x' } as const;
    expect((await ask(app, '/commands/restore', form)).status).toBe(415);
  });
});

describe('probes and metrics', () => {
  it('tell life from readiness', async () => {
    const loading = await adminApp(
      fakeFacts([], { serving: () => ({ serving: false, reason: 'loading the snapshot' }) }),
    );
    expect(await ask(loading, '/livez')).toMatchObject({ status: 200, text: 'ok\n' });
    expect(await ask(loading, '/readyz')).toMatchObject({ status: 503, text: 'loading the snapshot\n' });
    expect(await ask(await adminApp(), '/readyz')).toMatchObject({ status: 200, text: 'ok\n' });
  });

  it('give metrics on both ports, and commands on one', async () => {
    const metricsApp = await buildMetricsApp(fakeFacts());
    opened.push(metricsApp);
    for (const app of [await adminApp(), metricsApp]) {
      const answer = await ask(app, '/metrics');
      expect(answer.type).toContain('version=0.0.4');
      expect(answer.text).toContain('\nznode_count 5\n');
    }
    expect((await ask(metricsApp, '/commands/ruok')).status).toBe(404);
  });
});

describe('a real listener', () => {
  it('is bound to loopback, refuses TRACE, and ends', async () => {
    const server = await startAdminServer(fakeFacts(['--admin-port', '0']));
    if (server === undefined) throw new Error('the admin server is on by default');
    opened.push(server);
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const response = await fetch(`${server.url}/commands/ruok`);
    expect(await response.text()).toContain('"error" : null');
    expect(await raw(server.url, 'TRACE /commands/ruok HTTP/1.1\r\nHost: localhost\r\n\r\n')).toMatch(
      /^HTTP\/1.1 403 /,
    );
    const manyHeaders = Array.from({ length: 2000 }, (_, at) => `x-${at}: aaaaaaaaaaaaaaaa\r\n`).join('');
    expect(await raw(server.url, `GET /livez HTTP/1.1\r\nHost: localhost\r\n${manyHeaders}\r\n`)).toMatch(
      /^HTTP\/1.1 431 /,
    );
  });

  it('answers a probe although strangers hold every connection with half a request', async () => {
    const server = await startAdminServer(fakeFacts(['--admin-port', '0']));
    if (server === undefined) throw new Error('the admin server is on by default');
    opened.push(server);
    const slow = Array.from({ length: 128 }, () => {
      const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
      socket.on('error', () => undefined);
      socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n');
      return socket;
    });
    await Promise.all(slow.map((socket) => once(socket, 'connect')));
    for (const path of ['/livez', '/readyz', '/metrics'])
      expect(await raw(server.url, `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`)).toMatch(/^HTTP\/1.1 200 /);
    for (const socket of slow) socket.destroy();
  });

  it('exists only where it is asked for', async () => {
    expect(await startAdminServer(fakeFacts(['--admin', 'false']))).toBeUndefined();
    expect(await startMetricsServer(fakeFacts())).toBeUndefined();
  });
});

/** Sends bytes that no HTTP client would, and reads until the server closes or has answered. */
function raw(url: string, request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let answer = '';
    socket.on('error', (error) => (answer === '' ? reject(error) : resolve(answer)));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      socket.end();
    });
    socket.on('close', () => {
      resolve(answer);
    });
    socket.write(request);
  });
}
