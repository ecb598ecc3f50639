// Corral's own client against the servers that are out there: Corral, Apache 3.9.x, 3.8.0 as Debian packages it, and the
// last of the 3.4 line, where it has to fall back. Apache's servers speak SASL and may be cut off from their majority.

import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensurePeers, peerClasspath } from '../ensemble/apache.mjs';
import { drive } from '../lib/driver.mjs';
import { store } from '../lib/install.mjs';
import { run } from '../lib/process.mjs';
import { Server, freePort } from '../lib/server.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const oldest = join(store, 'apache-3.4.14');

/** Kinds of server, and the release that each is. */
const releases = { apache: '3.9', apache38: '3.8', apache34: '3.4' };

export async function ensureReleases() {
  await ensurePeers();
  if (existsSync(join(oldest, 'zookeeper-3.4.14.jar'))) return;
  const goal = ['-B', '-q', '-f', join(here, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${oldest}`];
  await run('mvn', goal, { timeoutMs: 300_000 });
}

class Release extends Server {
  properties = ['znode.container.checkIntervalMs=1000'];

  static async start(kind, { settings = {}, properties = [], id } = {}) {
    const dir = mkdtempSync(join(tmpdir(), 'corral-client-'));
    const server = new Release(kind, dir, settings);
    server.properties.push(...properties);
    mkdirSync(server.dataDir);
    if (id !== undefined) writeFileSync(join(server.dataDir, 'myid'), `${id}\n`);
    server.port = await freePort();
    server.adminPort = await freePort();
    await server.start();
    return server;
  }

  command(config) {
    const properties = this.properties.map((property) => `-D${property}`);
    const classpath = this.kind === 'apache34' ? join(oldest, '*') : peerClasspath(this.kind);
    const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
    return ['java', ['-Xmx256m', '-XX:TieredStopAtLevel=1', ...properties, '-cp', classpath, main, config]];
  }
}

export async function corralClient({ checks }) {
  await suite(await Server.fresh('corral'), 'corral', '3.9', checks);
  for (const [kind, release] of Object.entries(releases)) {
    await suite(await Release.start(kind), kind, release, checks);
    await proofs(kind, release, checks);
  }
  await readOnly(checks);
}

async function suite(server, name, release, checks) {
  const args = [join(here, 'client.mjs'), server.connectString, release];
  await around(server, checks, () =>
    drive({ server, checks }, `client on ${name}`, process.execPath, args, { expected: 16 }),
  );
}

async function proofs(kind, release, checks) {
  const server = await Release.start(kind, {
    settings: { 'authProvider.1': 'org.apache.zookeeper.server.auth.SASLAuthenticationProvider' },
    properties: [`java.security.auth.login.config=${join(here, 'jaas.conf')}`],
  });
  const args = [join(here, 'sasl.mjs'), server.connectString, release];
  await around(server, checks, () =>
    drive({ server, checks }, `client on ${kind}`, process.execPath, args, { expected: 3 }),
  );
}

/** One of two members, alone: it serves who is content with reading. Then the other comes up. */
async function readOnly(checks) {
  const ports = [];
  for (let i = 0; i < 4; i++) ports.push(await freePort());
  const settings = {
    'server.1': `127.0.0.1:${ports[0]}:${ports[1]}`,
    'server.2': `127.0.0.1:${ports[2]}:${ports[3]}`,
    ...{ initLimit: 20, syncLimit: 10, localSessionsEnabled: true, localSessionsUpgradingEnabled: true },
  };
  const member = (id) => Release.start('apache', { settings, properties: ['readonlymode.enabled=true'], id });
  const first = await member(1);
  const others = [];
  const control = { stop: async () => undefined, start: async () => void others.push(await member(2)) };
  const args = [join(here, 'read-only.mjs'), first.connectString];
  await around(first, checks, () =>
    drive({ server: control, checks }, 'client on apache', process.execPath, args, { expected: 2 }),
  );
  for (const other of others) await other.close();
}

async function around(server, checks, body) {
  const before = checks.failed;
  try {
    await body();
  } finally {
    await server.close({ keep: checks.failed > before });
  }
}
