// Apache ZooKeeper, to compare with and to test against: fetched once by Maven into `.interop/` at the root of the
// repository, which git ignores. The version stands in pom.xml beside the sources and nowhere else.

import { execFile } from 'node:child_process';
import { access, mkdir, readFile, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

// Sources and build output lie equally deep.
const pomFile = fileURLToPath(new URL('../pom.xml', import.meta.url));
export const cacheDir = resolve(dirname(pomFile), '..', '.interop');
const run = promisify(execFile);
const pollMs = 250;
/** A lock older than this was left by a process that died. */
const lockStaleMs = 10 * 60_000;

/** The version that is compared with, for example 3.9.5. */
export async function apacheVersion(): Promise<string> {
  const version = /<zookeeper\.version>([^<]+)</.exec(await readFile(pomFile, 'utf8'))?.[1];
  if (version === undefined) throw new Error(`${pomFile} names no zookeeper.version`);
  return version;
}

/** A Java class path with Apache ZooKeeper and all it needs; downloads it on the first call. Needs `mvn`. */
export async function apacheClasspath(): Promise<string> {
  const directory = join(cacheDir, `apache-server-${await apacheVersion()}`);
  const lock = `${directory}.lock`;
  await mkdir(cacheDir, { recursive: true });
  while (!(await exists(directory))) {
    if (await takeLock(lock)) await download(directory).finally(() => rmdir(lock));
    else await new Promise((wake) => setTimeout(wake, pollMs));
  }
  return join(directory, '*');
}

async function download(directory: string): Promise<void> {
  if (await exists(directory)) return;
  // The directory appears under its name only when it is complete.
  const partial = `${directory}.partial`;
  await rm(partial, { recursive: true, force: true });
  const goal = ['-q', '-B', '-f', pomFile, 'dependency:copy-dependencies'];
  await run('mvn', [...goal, '-DincludeScope=runtime', `-DoutputDirectory=${partial}`]);
  await rename(partial, directory);
}

async function takeLock(lock: string): Promise<boolean> {
  try {
    await mkdir(lock);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  const age = await stat(lock).then(
    (found) => Date.now() - found.mtimeMs,
    () => 0,
  );
  if (age > lockStaleMs) await rm(lock, { recursive: true, force: true });
  return false;
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);
