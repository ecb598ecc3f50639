// A server as a whole, inside this process: sessions and data over a restart, limits, and failures of the disk.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errorCodes } from '@corral/protocol';
import { startServer } from '../src/start-server.ts';
import type { FlatSettings } from '../src/embedded.ts';
import type { RunningServer } from '../src/start-server.ts';
import { WireClient, openAcl } from './wire.ts';

let dataDir: string;
let running: RunningServer[] = [];

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'corral-server-'));
});

afterEach(async () => {
  await Promise.all(running.map((server) => server.stop()));
  running = [];
  rmSync(dataDir, { recursive: true, force: true });
});

async function start(settings: FlatSettings = {}): Promise<RunningServer> {
  const server = await startServer({ clientPort: 0, dataDir, tickTime: 500, ...settings });
  running.push(server);
  return server;
}

describe('a server', () => {
  it('keeps data, sessions and ephemerals over a restart', async () => {
    const first = await start();
    const client = await WireClient.open(first.port);
    expect(await client.create('/kept', 'value')).toMatchObject({ err: 0 });
    expect(await client.create('/mine', '', 1)).toMatchObject({ err: 0 });
    await first.stop();
    const second = await start();
    const again = await WireClient.open(second.port, client);
    expect(again.sessionId).toBe(client.sessionId);
    expect(await again.text('/kept')).toBe('value');
    const { response } = await again.call('exists', { path: '/mine', watch: false });
    expect(response?.stat.ephemeralOwner).toBe(client.sessionId);
    again.socket.destroy();
  });

  it('takes snapshots by count, and starts from the newest with the log behind it', async () => {
    const first = await start({ snapCount: 40 });
    const client = await WireClient.open(first.port);
    for (let i = 0; i < 200; i++) await client.create(`/n${i}`, String(i));
    await first.stop();
    const files = readdirSync(join(dataDir, 'version-2'));
    expect(files.filter((name) => name.startsWith('snapshot.')).length).toBeGreaterThan(2);
    const second = await start();
    const again = await WireClient.open(second.port);
    for (let i = 0; i < 200; i += 17) expect(await again.text(`/n${i}`)).toBe(String(i));
    again.socket.destroy();
  });

  it('refuses a data directory that another server uses', async () => {
    await start();
    await expect(start()).rejects.toThrow(/in use by another server/);
  });

  it('refuses connections beyond maxClientCnxns and serves the others', async () => {
    const server = await start({ maxClientCnxns: 2 });
    const clients = [await WireClient.open(server.port), await WireClient.open(server.port)];
    await expect(WireClient.open(server.port)).rejects.toThrow();
    expect(await clients[0].create('/a', '')).toMatchObject({ err: 0 });
    for (const client of clients) client.socket.destroy();
  });

  it('stops without acknowledging anything when the log cannot be written', async () => {
    const server = await start();
    const client = await WireClient.open(server.port);
    await client.create('/before', 'x');
    // The next log file cannot be created: its directory is gone.
    rmSync(join(dataDir, 'version-2'), { recursive: true });
    server.server.host.rollLog();
    await expect(client.create('/after', 'x')).rejects.toThrow(/closed/);
    expect(await server.server.ended).toMatch(/cannot be written|failed/);
  });

  it('answers a multi of 100,000 parts and goes on serving others', async () => {
    const server = await start();
    const [one, other] = [await WireClient.open(server.port), await WireClient.open(server.port)];
    const big = one.exchange((w) => {
      w.int(1);
      w.int(14);
      for (let i = 0; i < 50_000; i++) {
        w.int(13);
        w.bool(false);
        w.int(-1);
        w.text('/');
        w.int(-1);
      }
      w.int(-1);
      w.bool(true);
      w.int(-1);
    });
    expect(await other.create('/meanwhile', '')).toMatchObject({ err: 0 });
    const reply = await big;
    expect(new DataView(reply.buffer).getInt32(12)).toBe(0);
    for (const client of [one, other]) client.socket.destroy();
  });

  it('answers an unknown session with no session', async () => {
    const server = await start();
    const client = await WireClient.open(server.port, { sessionId: 12345n, password: new Uint8Array(16) });
    expect(client.sessionId).toBe(0n);
    expect(client.timeoutMs).toBe(0);
  });

  it('refuses what the root does not allow for a name like __proto__, as for any other', async () => {
    const server = await start();
    const client = await WireClient.open(server.port);
    expect(await client.create('/__proto__', 'p')).toMatchObject({ err: 0 });
    expect(await client.create('/constructor', 'c')).toMatchObject({ err: 0 });
    expect(await client.text('/__proto__')).toBe('p');
    const acl = [{ perms: 31, id: { scheme: '__proto__', id: 'x' } }];
    const refused = await client.call('setACL', { path: '/constructor', acl, version: -1 });
    expect(refused.err).toBe(errorCodes.InvalidAcl);
    client.socket.destroy();
  });

  it('keeps nodes with a time to live when it is started without such nodes', async () => {
    const first = await start({ extendedTypesEnabled: true });
    const client = await WireClient.open(first.port);
    const request = { path: '/ttl', data: null, acl: openAcl, flags: 5, ttl: 60_000 };
    expect(await client.call('createTTL', request)).toMatchObject({ err: 0 });
    await first.stop();
    const second = await start();
    const again = await WireClient.open(second.port);
    expect((await again.call('exists', { path: '/ttl', watch: false })).err).toBe(0);
    again.socket.destroy();
  });

  it('gives out a snapshot over HTTP and takes it back, also over a restart', async () => {
    const settings = { 'admin.enableServer': true, 'admin.serverPort': 0 };
    const first = await start(settings);
    const client = await WireClient.open(first.port);
    await client.create('/then', 'old');
    const authorization = 'ip';
    const commands = `${first.adminUrls[0]}/commands`;
    const snapshot = await fetch(`${commands}/snapshot`, { headers: { authorization } });
    expect(snapshot.status).toBe(200);
    const body = await snapshot.arrayBuffer();
    await client.create('/since', 'new');
    const headers = { authorization, 'content-type': 'application/octet-stream' };
    const restored = await fetch(`${commands}/restore`, { method: 'POST', headers, body });
    expect(await restored.json()).toMatchObject({ command: 'restore', error: null });
    const after = await WireClient.open(first.port);
    expect(await after.text('/then')).toBe('old');
    expect(await after.text('/since')).toBeUndefined();
    await after.create('/later', 'kept');
    await first.stop();
    const second = await start();
    const again = await WireClient.open(second.port);
    expect(await again.text('/then')).toBe('old');
    expect(await again.text('/since')).toBeUndefined();
    expect(await again.text('/later')).toBe('kept');
    again.socket.destroy();
  });

  it('gives nothing to an invented user, whatever the root allows to everyone', async () => {
    const { adminUrls } = await start({ 'admin.enableServer': true, 'admin.serverPort': 0, skipACL: 'yes' });
    const headers = { authorization: 'digest any:body' };
    expect((await fetch(`${adminUrls[0]}/commands/snapshot`, { headers })).status).toBe(403);
    expect((await fetch(`${adminUrls[0]}/commands/stat_reset`, { headers, method: 'POST' })).status).toBe(403);
  });

  it('refuses a log directory that another server uses', async () => {
    const dataLogDir = join(dataDir, 'logs');
    await start({ dataDir: join(dataDir, 'a'), dataLogDir });
    await expect(start({ dataDir: join(dataDir, 'b'), dataLogDir })).rejects.toThrow(/in use by another server/);
  });

  it('refuses a damaged snapshot over HTTP and goes on with the tree it has', async () => {
    const first = await start({ 'admin.enableServer': true, 'admin.serverPort': 0 });
    const client = await WireClient.open(first.port);
    await client.create('/here', 'still');
    const headers = { authorization: 'ip', 'content-type': 'application/octet-stream' };
    const body = Buffer.from('this is no snapshot, but long enough to be looked at');
    const refused = await fetch(`${first.adminUrls[0]}/commands/restore`, { method: 'POST', headers, body });
    expect(refused.status).toBe(500);
    expect(await client.text('/here')).toBe('still');
    client.socket.destroy();
  });
});
