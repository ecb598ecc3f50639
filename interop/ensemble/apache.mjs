// The Apache servers of the ensemble checks: 3.9.x as everywhere else, and 3.8.0 as Debian packages it (from Maven where
// Debian's package cannot be had). Both log, because only their log says how a learner was brought up to date.

import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apacheClasspath, apacheVersion, ensureApache } from '../apache.mjs';
import { store } from '../lib/install.mjs';
import { run } from '../lib/process.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const extras = join(store, 'apache-extras');
const old = join(store, 'apache-3.8.0');
const debianPackage = 'libzookeeper-java=3.8.0*';

/** The kinds of Apache server, and how a check calls each. */
export const peers = { apache: apacheVersion(), apache38: '3.8.0' };

/**
 * What goes after `java -cp`. 3.8.0 runs with the libraries of 3.9.x; they come first, because the manifest of Debian's
 * jar names whatever is installed on the machine.
 */
export function peerClasspath(kind) {
  const logger = join(extras, 'slf4j-simple-2.0.13.jar');
  if (kind === 'apache') return `${logger}:${apacheClasspath()}`;
  const lib = dirname(apacheClasspath());
  const libraries = readdirSync(lib).filter((name) => !name.startsWith('zookeeper'));
  const jars = ['zookeeper.jar', 'zookeeper-jute.jar'].map((name) => join(old, name));
  return [logger, ...libraries.map((name) => join(lib, name)), ...jars].join(':');
}

export async function ensurePeers() {
  await ensureApache();
  if (!existsSync(join(extras, 'slf4j-simple-2.0.13.jar'))) {
    const goal = [
      '-B',
      '-q',
      '-f',
      join(here, 'pom.xml'),
      'dependency:copy-dependencies',
      `-DoutputDirectory=${extras}`,
    ];
    await run('mvn', goal, { timeoutMs: 300_000 });
  }
  if (existsSync(join(old, 'zookeeper.jar'))) return;
  const jars = (await fromDebian().catch(() => null)) ?? fromMaven();
  mkdirSync(old, { recursive: true });
  copyFileSync(jars.jute, join(old, 'zookeeper-jute.jar'));
  copyFileSync(jars.server, join(old, 'zookeeper.jar'));
  console.log(`       (Apache 3.8.0 comes from ${jars.from})`);
  jars.clean?.();
}

/** Downloads the package and unpacks it beside, without installing anything. */
async function fromDebian() {
  const dir = mkdtempSync(join(tmpdir(), 'corral-deb-'));
  await run('apt-get', ['download', '-q', debianPackage], { cwd: dir });
  const file = readdirSync(dir).find((name) => name.endsWith('.deb'));
  await run('dpkg', ['-x', file, '.'], { cwd: dir });
  const jars = join(dir, 'usr', 'share', 'java');
  return {
    from: `Debian's ${file}`,
    server: join(jars, 'zookeeper.jar'),
    jute: join(jars, 'zookeeper-jute.jar'),
    clean: () => rmSync(dir, { recursive: true, force: true }),
  };
}

function fromMaven() {
  const named = (name) => join(extras, `${name}-3.8.0.jar`);
  return { from: 'Maven', server: named('zookeeper'), jute: named('zookeeper-jute') };
}
