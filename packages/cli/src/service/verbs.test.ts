// A server in the background: started, asked, stopped, with the words and codes of zkServer.sh.

import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { startServer } from '@corral/server';
import { parseZkServer } from './zk-server.ts';

const bin = fileURLToPath(new URL('../../bin/corral.js', import.meta.url));
let folder = '';
let port = 0;
beforeEach(async () => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'corral-service-'));
  port = await freePort();
  const settings = { clientPort: port, clientPortAddress: '127.0.0.1', dataDir: path.join(folder, 'data') };
  const lines = Object.entries({ ...settings, 'admin.enableServer': false }).map(([key, value]) => `${key}=${value}\n`);
  fs.writeFileSync(path.join(folder, 'zoo.cfg'), lines.join(''));
  fs.symlinkSync(bin, path.join(folder, 'zkServer.sh'));
});
afterEach(async () => {
  await zkServer('stop');
  fs.rmSync(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const taken = (probe.address() as AddressInfo).port;
  await new Promise((resolve) => probe.close(resolve));
  return taken;
}

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function zkServer(...words: string[]): Promise<Said> {
  const line = [path.join(folder, 'zkServer.sh'), '--config', folder, ...words];
  return new Promise((resolve) => {
    execFile(process.execPath, line, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });
}
const pidFile = (): string => path.join(folder, 'data/zookeeper_server.pid');

test('a server is started, asked, restarted and stopped', async () => {
  expect(await zkServer('status')).toMatchObject({
    code: 1,
    out: expect.stringContaining('Error contacting service') as string,
  });
  const log = path.join(folder, `data/corral-server-${hostname()}.out`);
  expect(await zkServer('start')).toEqual({
    code: 0,
    out: 'Starting zookeeper ... STARTED\n',
    err: `Using config: ${path.join(folder, 'zoo.cfg')}\nlog: ${log}\n`,
  });
  const first = fs.readFileSync(pidFile(), 'utf8').trim();
  expect((await zkServer('status')).out).toBe(
    `Client port found: ${port}. Client address: 127.0.0.1. Client SSL: false.\nMode: standalone\n`,
  );
  expect(await zkServer('start')).toMatchObject({
    code: 1,
    out: `Starting zookeeper ... already running as process ${first}.\n`,
  });
  expect((await zkServer('restart')).out).toBe('Stopping zookeeper ... STOPPED\nStarting zookeeper ... STARTED\n');
  expect(fs.readFileSync(pidFile(), 'utf8').trim()).not.toBe(first);
  expect(await zkServer('stop')).toMatchObject({ code: 0, out: 'Stopping zookeeper ... STOPPED\n' });
  expect(await zkServer('stop')).toMatchObject({
    code: 0,
    out: expect.stringContaining('no zookeeper to stop') as string,
  });
  expect(fs.existsSync(pidFile())).toBe(false);
});

test('a process that an old pid file names by chance is left alone', async () => {
  fs.mkdirSync(path.join(folder, 'data'));
  fs.writeFileSync(pidFile(), `${process.pid}\n`);
  expect(await zkServer('stop')).toMatchObject({
    code: 0,
    out: expect.stringContaining(`process ${process.pid}, which that file names, is no server of it`) as string,
  });
  expect(fs.existsSync(pidFile())).toBe(false);
});

/** As systemd and containers run it. */
async function inForeground(): Promise<ChildProcess> {
  const server = spawn(process.execPath, [bin, 'server', path.join(folder, 'zoo.cfg')], {
    cwd: folder,
    stdio: 'ignore',
  });
  onTestFinished(() => void server.kill('SIGKILL'));
  await vi.waitUntil(async () => (await zkServer('status')).code === 0, { timeout: 120_000 });
  return server;
}

test('the server of the directory is stopped, whether the pid file is lost or names a stranger', async () => {
  const stranger = spawn('sleep', ['600']);
  onTestFinished(() => void stranger.kill('SIGKILL'));
  for (const content of [undefined, `${stranger.pid}\n`, '1\n', 'nonsense', '-1\n']) {
    const server = await inForeground();
    const ended = once(server, 'exit');
    if (content !== undefined) fs.writeFileSync(pidFile(), content);
    expect(await zkServer('start')).toMatchObject({
      code: 1,
      out: `Starting zookeeper ... already running as process ${server.pid}.\n`,
    });
    expect(await zkServer('stop'), content).toMatchObject({ code: 0, out: 'Stopping zookeeper ... STOPPED\n' });
    expect(await ended).toEqual([0, null]);
    expect([stranger.exitCode, stranger.signalCode]).toEqual([null, null]);
  }
});

test('a program that runs a server among other things is not ended, nor one that does not say who it is', async () => {
  const own = await startServer({ clientPort: 0, dataDir: path.join(folder, 'data') });
  fs.writeFileSync(pidFile(), `${process.pid}\n`);
  expect(await zkServer('stop')).toMatchObject({
    code: 1,
    err: expect.stringContaining(`process ${process.pid} runs a server`) as string,
  });
  await own.stop();
  const silent = createServer((caller) => caller.end()).listen(path.join(folder, 'data/corral-lock.0123456789abcdef'));
  await once(silent, 'listening');
  expect(await zkServer('stop')).toMatchObject({
    code: 1,
    err: expect.stringContaining('does not say as which process') as string,
  });
  silent.close();
  await once(silent, 'close');
});

test('a server that cannot start says why', async () => {
  const other = await startServer({ clientPort: port, dataDir: path.join(folder, 'other') });
  const { code, out, err } = await zkServer('start');
  expect({ code, out }).toEqual({ code: 1, out: 'Starting zookeeper ... FAILED TO START\n' });
  expect(err).toContain(`another server answers on port ${port}`);
  await other.stop();
  const log = path.join(folder, 'data/version-2/log.1');
  fs.mkdirSync(path.dirname(log), { recursive: true });
  fs.writeFileSync(log, 'no log at all, but longer than a header');
  expect(await zkServer('start')).toMatchObject({ code: 1, err: expect.stringContaining('log.1') as string });
  expect(fs.existsSync(pidFile())).toBe(false);
});

test('the command line is the one of zkServer.sh', async () => {
  const env = { ZOOCFGDIR: '/etc/zookeeper' };
  expect(parseZkServer(['start'], env)).toEqual({ verb: 'start', argv: ['/etc/zookeeper/zoo.cfg'] });
  expect(parseZkServer(['--config', '/conf', 'stop', 'other.cfg'], env)).toEqual({
    verb: 'stop',
    argv: ['/conf/other.cfg'],
  });
  expect(parseZkServer(['status', path.join(folder, 'zoo.cfg')], env)?.argv).toEqual([path.join(folder, 'zoo.cfg')]);
  expect(parseZkServer(['start'], {})).toEqual({ verb: 'start', argv: [] });
  expect(parseZkServer(['begin'], env)).toBeUndefined();
  expect(parseZkServer(['--config'], env)).toBeUndefined();
  expect(await zkServer('begin')).toMatchObject({ code: 1, err: expect.stringContaining('Usage: zkServer') as string });
  expect((await zkServer('print-cmd')).out).toContain('corral.js server');
  expect((await zkServer('version')).out).toMatch(/^Corral, version \d/);
});
