// Fetches Apache ZooKeeper (server, zkCli and Java client) with Maven into .interop/apache-<version>/lib, once.
//
// A lock directory keeps two scripts that want it at the same time from downloading into the same place.

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from './lib/process.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const store = join(here, '..', '.interop');

/** The version the pom pins: the one place where it is written. */
export function apacheVersion() {
  const pom = readFileSync(join(here, 'java', 'pom.xml'), 'utf8');
  return /<artifactId>zookeeper<\/artifactId>\s*<version>([^<]+)</.exec(pom)[1];
}

export function apacheHome() {
  return join(store, `apache-${apacheVersion()}`);
}

/** What goes after `java -cp`. */
export function apacheClasspath() {
  return join(apacheHome(), 'lib', '*');
}

export async function ensureApache() {
  const home = apacheHome();
  const stamp = join(home, 'lib', `zookeeper-${apacheVersion()}.jar`);
  const done = join(home, 'interop-complete');
  if (existsSync(stamp) && existsSync(done)) return home;
  const unlock = await lock(join(store, 'apache.lock'));
  try {
    if (existsSync(stamp) && existsSync(done)) return home;
    const target = `-DoutputDirectory=${join(home, 'lib')}`;
    await run('mvn', ['-B', '-q', '-f', join(here, 'java', 'pom.xml'), 'dependency:copy-dependencies', target], {
      timeoutMs: 300_000,
    });
    if (!existsSync(stamp)) throw new Error(`Maven ended well but ${stamp} is not there`);
    writeFileSync(done, '');
  } finally {
    unlock();
  }
  return home;
}

async function lock(dir) {
  mkdirSync(dirname(dir), { recursive: true });
  const deadline = Date.now() + 300_000;
  for (;;) {
    try {
      mkdirSync(dir);
      return () => rmdirSync(dir);
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (Date.now() > deadline) throw new Error(`${dir} is held by somebody else; remove it if nobody is downloading`);
      await sleep(500);
    }
  }
}
