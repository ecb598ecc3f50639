// Brings in what a foreign client needs, into .interop/, and builds it. Everything here may run twice without harm.

import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apacheClasspath, ensureApache } from '../apache.mjs';
import { run } from './process.mjs';

export const source = join(dirname(fileURLToPath(import.meta.url)), '..');
export const store = join(source, '..', '.interop');

/** Does the work only when one of the files it depends on has changed, or its product is missing. */
export async function once(name, product, files, work) {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file));
  const stamp = join(store, `${name}.stamp`);
  const wanted = hash.digest('hex');
  mkdirSync(store, { recursive: true });
  if (existsSync(product) && existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  await work();
  writeFileSync(stamp, wanted);
}

export const paths = {
  python: join(store, 'python', 'bin', 'python'),
  go: join(store, 'go-client'),
  node: join(store, 'node'),
  c: join(store, 'c-client'),
  javaClasses: join(store, 'java-classes'),
  cliMt: '/usr/lib/zookeeper/bin/cli_mt',
};

export async function installJava() {
  await ensureApache();
  const program = join(source, 'java', 'JavaClient.java');
  const product = join(paths.javaClasses, 'JavaClient.class');
  await once('java', product, [program, join(source, 'java', 'pom.xml')], async () => {
    mkdirSync(paths.javaClasses, { recursive: true });
    await run('javac', ['-proc:none', '-nowarn', '-d', paths.javaClasses, '-cp', apacheClasspath(), program]);
  });
}

export async function installPython() {
  const requirements = join(source, 'python', 'requirements.txt');
  await once('python', paths.python, [requirements], async () => {
    await run('python3', ['-m', 'venv', join(store, 'python')]);
    await run(paths.python, ['-m', 'pip', 'install', '-q', '-r', requirements], { timeoutMs: 240_000 });
  });
}

export async function installGo() {
  const folder = join(source, 'go');
  const files = ['main.go', 'go.mod', 'go.sum'].map((name) => join(folder, name));
  await once('go', paths.go, files, () =>
    run('go', ['build', '-o', paths.go, '.'], { cwd: folder, timeoutMs: 240_000 }),
  );
}

export async function installNode() {
  const manifest = join(source, 'node', 'package.json');
  await once('node', join(paths.node, 'node_modules', 'node-zookeeper-client'), [manifest], async () => {
    mkdirSync(paths.node, { recursive: true });
    copyFileSync(manifest, join(paths.node, 'package.json'));
    await run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock'], { cwd: paths.node });
  });
}

export async function installC() {
  const program = join(source, 'c', 'client.c');
  const missing = [
    [paths.cliMt, 'zookeeper-bin'],
    ['/usr/include/zookeeper/zookeeper.h', 'libzookeeper-mt-dev'],
    ['/usr/bin/gcc', 'gcc'],
  ].filter(([file]) => !existsSync(file));
  if (missing.length > 0) await aptInstall(missing.map(([, name]) => name));
  await once('c', paths.c, [program], () =>
    run('gcc', ['-Wall', '-O1', '-DTHREADED', '-o', paths.c, program, '-lzookeeper_mt', '-lpthread']),
  );
}

export async function installShells() {
  const missing = ['zsh', 'fish'].filter((name) => !existsSync(`/usr/bin/${name}`));
  if (missing.length > 0) await aptInstall(missing);
}

export async function aptInstall(names) {
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-q'], { env, timeoutMs: 240_000 });
  await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...names], { env, timeoutMs: 240_000 });
}
