// npm run test:pack: the client as a user gets it. Packed, installed in an empty project, run and type-checked from ESM
// and CommonJS, and looked at by the tools that know how packages go wrong. Build first.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Checks, equal, truthy } from '../interop/lib/checks.mjs';
import { stageClient } from './pack/stage.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const tools = join(root, '.interop', 'attw');
/** Installing takes a second or two; a package that compiles or downloads takes longer than this. */
const installSecondsMax = 20;

const checks = new Checks();
const work = mkdtempSync(join(tmpdir(), 'corral-packed-'));
const stage = join(work, 'stage');
const project = join(work, 'project');

function run(command, args, cwd) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? ''}${stdout}${stderr}`);
  return stdout;
}

const typescript = (...args) =>
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), ...args], project);

/** Compiles one file against the installed package, as strictly as a user may. */
function compile(name, text, options) {
  const config = { compilerOptions: { strict: true, noEmit: true, ...options }, files: [name] };
  writeFileSync(join(project, name), text);
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(config));
  typescript('-p', 'tsconfig.json');
}

const useOfTypes = (how) => `${how}
const parts: readonly [string, bigint | undefined] = ['x', createClient('h').session?.id];
export type Answer = Awaited<ReturnType<Client['get']>>;
export async function use(client: Client): Promise<number> {
  const [made, stat] = await client.multi().create('/a').set('/a', 'b').commit();
  return made.path.length + stat.version + parts.length;
}
`;

let tarball = '';
await checks.check('the package is packed', () => {
  stageClient(stage);
  const [packed] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', work], stage));
  tarball = join(work, packed.filename);
  const strange = packed.files.map(({ path }) => path).filter((path) => !/^(dist\/|LICENSE|README|package)/.test(path));
  equal(strange, [], 'files that do not belong there');
  const manifest = JSON.parse(readFileSync(join(stage, 'package.json'), 'utf8'));
  equal(
    [manifest.dependencies, manifest.scripts].map((part) => part ?? null),
    [null, null],
    'dependencies, scripts',
  );
});

await checks.check('it installs in seconds in an empty project and brings nothing along', () => {
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "version": "1.0.0", "private": true }');
  const started = Date.now();
  run('npm', ['install', '--no-audit', '--no-fund', tarball], project);
  const seconds = (Date.now() - started) / 1000;
  console.log(`       (installed in ${seconds.toFixed(1)} s)`);
  truthy(seconds < installSecondsMax, `${seconds} s`);
  const installed = readdirSync(join(project, 'node_modules')).filter((name) => !name.startsWith('.'));
  equal(installed, ['@corral'], 'packages');
});

await checks.check('it runs from an ESM project', () => {
  const code = "import { connect } from '@corral/client'; import '@corral/client/core'; console.log(typeof connect)";
  writeFileSync(join(project, 'run.mjs'), code);
  equal(run(process.execPath, ['run.mjs'], project).trim(), 'function', 'connect');
});

await checks.check('it runs from a CommonJS project', () => {
  writeFileSync(join(project, 'run.cjs'), "console.log(typeof require('@corral/client').connect)");
  equal(run(process.execPath, ['run.cjs'], project).trim(), 'function', 'connect');
});

const node = { module: 'nodenext', target: 'es2023', types: ['node'], typeRoots: [join(root, 'node_modules/@types')] };
const imported = "import { createClient } from '@corral/client';\nimport type { Client } from '@corral/client';";

await checks.check('its types resolve in an ESM project', () => compile('esm.mts', useOfTypes(imported), node));

await checks.check('its types resolve in a CommonJS project', () => {
  const required = "import { createClient } from '@corral/client';\nimport { Client } from '@corral/client';";
  compile('cjs.cts', useOfTypes(required), node);
});

await checks.check('its types resolve where the compiler knows no require of ESM, by import()', () => {
  const code = "export const open = async () => (await import('@corral/client')).createClient('h').session?.id;";
  compile('dynamic.cts', code, { ...node, module: 'node16' });
});

await checks.check('the types of its core need no platform but the web', () => {
  const browser = {
    module: 'esnext',
    moduleResolution: 'bundler',
    lib: ['es2023', 'dom', 'esnext.disposable'],
    types: [],
  };
  const code = `import { createClient } from '@corral/client/core';
import type { Client, Transport } from '@corral/client/core';
export const open = (transport: Transport): Client => createClient('h', { transport });
`;
  compile('browser.ts', code, browser);
});

await checks.check('publint has nothing to say', () => {
  run(process.execPath, [join(root, 'node_modules/publint/src/cli.js'), 'run', stage, '--strict'], root);
});

await checks.check('are the types wrong? They are not', () => {
  if (!existsSync(join(tools, 'node_modules'))) {
    mkdirSync(tools, { recursive: true });
    writeFileSync(join(tools, 'package.json'), '{ "private": true }');
    run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '@arethetypeswrong/cli@0.18'], tools);
  }
  // OpenTelemetry's bridge and the rest are ESM only; Node requires that since 20.19.
  run(join(tools, 'node_modules/.bin/attw'), [tarball, '--profile', 'esm-only', '--no-emoji'], work);
});

rmSync(work, { recursive: true });
checks.finish();
