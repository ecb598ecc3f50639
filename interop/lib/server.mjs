// One real server process under test, Corral's or Apache's: the same zoo.cfg for both, started, killed and started
// again on the same port and data directory.

import { mkdirSync, mkdtempSync, openSync, closeSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { apacheClasspath, ensureApache } from '../apache.mjs';
import { start, stop } from './process.mjs';
import { fourLetter } from './wire.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

/** Settings that count only as properties on the command line (-D), not in zoo.cfg. */
const jvmOnly = ['znode.container.checkIntervalMs', 'znode.container.maxNeverUsedIntervalMs', 'jute.maxbuffer'];

const defaults = {
  tickTime: 500,
  minSessionTimeout: 1000,
  maxSessionTimeout: 40000,
  maxClientCnxns: 0,
  '4lw.commands.whitelist': '*',
  extendedTypesEnabled: true,
  preAllocSize: 1024,
  'znode.container.checkIntervalMs': 1000,
};

export class Server {
  child = null;

  constructor(kind, dir, settings = {}) {
    this.kind = kind;
    this.dir = dir;
    this.dataDir = join(dir, 'data');
    this.settings = { ...defaults, ...settings };
    this.logFile = join(dir, 'server.log');
  }

  /** Prepares a fresh directory and free ports, and starts a server in it. */
  static async fresh(kind, settings = {}) {
    if (kind === 'apache') await ensureApache();
    else if (!existsSync(join(root, 'packages/cli/dist/main.js'))) {
      throw new Error('Corral is not built: run `npm run build` first');
    }
    const server = new this(kind, mkdtempSync(join(tmpdir(), 'corral-interop-')), settings);
    mkdirSync(server.dataDir);
    server.port = await freePort();
    server.adminPort = await freePort();
    await server.start();
    return server;
  }

  get pid() {
    return this.child.pid;
  }

  get connectString() {
    return `127.0.0.1:${this.port}`;
  }

  async start() {
    const config = this.writeConfig();
    const log = openSync(this.logFile, 'a');
    const [command, args] = this.command(config);
    this.child = start(command, args, { cwd: this.dir, stdio: ['ignore', log, log] });
    closeSync(log);
    await this.ready();
  }

  writeConfig() {
    const all = {
      clientPort: this.port,
      clientPortAddress: '127.0.0.1',
      dataDir: this.dataDir,
      'admin.serverAddress': '127.0.0.1',
      'admin.serverPort': this.adminPort,
      ...this.settings,
    };
    const entries = Object.entries(all).filter(([key]) => !jvmOnly.includes(key));
    const lines = entries.map(([key, value]) => `${key}=${value}\n`);
    const file = join(this.dir, 'zoo.cfg');
    writeFileSync(file, lines.join(''));
    return file;
  }

  command(config) {
    const properties = jvmOnly.filter((key) => key in this.settings).map((key) => `-D${key}=${this.settings[key]}`);
    if (this.kind === 'corral') {
      return [process.execPath, [join(root, 'packages/cli/bin/corral.js'), 'server', ...properties, config]];
    }
    const small = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
    const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
    return ['java', [...small, ...properties, '-cp', apacheClasspath(), main, config]];
  }

  /** Waits until the server answers 'srvr' as a serving server does. */
  async ready(timeoutMs = 30_000) {
    const deadline = Date.now() + timeoutMs;
    while (Date.now() < deadline) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) break;
      const text = await fourLetter(this.port, 'srvr').catch(() => '');
      if (text.includes('Mode:')) return;
      await sleep(25);
    }
    throw new Error(`${this.kind} server did not come up:\n${this.logTail()}`);
  }

  alive() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async stop(signal = 'SIGTERM') {
    if (this.child) await stop(this.child, signal);
  }

  /** Stops with the signal and starts again on the same port and data. */
  async restart(signal = 'SIGTERM') {
    await this.stop(signal);
    await this.start();
  }

  /** Stops for good; the directory stays when asked, so that a failure can be looked at. */
  async close({ keep = false } = {}) {
    await this.stop('SIGKILL');
    if (!keep) rmSync(this.dir, { recursive: true, force: true });
  }

  logTail() {
    try {
      return readFileSync(this.logFile, 'utf8').slice(-2000);
    } catch {
      return '';
    }
  }

  /** Resident memory in bytes and number of open handles, as the kernel sees them. */
  async usage() {
    const { readdir, readFile } = await import('node:fs/promises');
    const status = await readFile(`/proc/${this.pid}/status`, 'utf8');
    const handles = await readdir(`/proc/${this.pid}/fd`);
    return { rss: Number(/VmRSS:\s+(\d+)/.exec(status)[1]) * 1024, handles: handles.length };
  }
}

const given = new Set();

/**
 * A port nobody listens on, below those that the system gives to outgoing connections: one of these would otherwise take it
 * before its server starts.
 */
export async function freePort() {
  for (;;) {
    const port = 11_000 + Math.floor(Math.random() * 21_000);
    if (given.has(port) || !(await isFree(port))) continue;
    given.add(port);
    return port;
  }
}

function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
