// npm run test:interop: the clients people already use, each against a real server process, and Apache's server on a
// data directory of ours (and the reverse). Nothing is skipped: what cannot be installed is a failed check.
//
//   node scripts/interop.mjs [--server corral|apache] [--only java,zkcli,c,climt,kazoo,recipes,go,node,completion,shell,client,mixed,disk,numbers,ensemble,reconfig,init,forms,...]
//
// --server ensemble:follower (or leader, observer; apache-ensemble:... for Apache's) runs the clients against one member
// of an ensemble; the groups follower, leader and observer do the same for all clients.

import { join } from 'node:path';
import { apacheClasspath, ensureApache } from '../interop/apache.mjs';
import { cliMt } from '../interop/c/cli.mjs';
import { diskInterop } from '../interop/disk.mjs';
import { ensurePeers } from '../interop/ensemble/apache.mjs';
import { corralClient, ensureReleases } from '../interop/client/releases.mjs';
import { mixedEnsembles } from '../interop/ensemble/mixed.mjs';
import { configurationForms } from '../interop/ensemble/forms.mjs';
import { initialised } from '../interop/ensemble/init.mjs';
import { reconfiguration } from '../interop/ensemble/reconfig.mjs';
import { OneOf, roles } from '../interop/ensemble/one-of.mjs';
import { Checks } from '../interop/lib/checks.mjs';
import { drive } from '../interop/lib/driver.mjs';
import {
  installC,
  installGo,
  installJava,
  installNode,
  installShells,
  installPython,
  paths,
  source,
} from '../interop/lib/install.mjs';
import { Server } from '../interop/lib/server.mjs';
import { sameNumbers } from '../interop/numbers.mjs';
import { installPartners } from '../interop/recipes/install.mjs';
import { mixedRecipes } from '../interop/recipes/recipes.mjs';
import { sameShell } from '../interop/shell/compare.mjs';
import { zkCli } from '../interop/zkcli.mjs';
import { readOptions } from './options.mjs';

const javaArgs = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-cp', `${apacheClasspath()}:${paths.javaClasses}`];

function python(name, file, expected) {
  return (context) =>
    drive(context, name, paths.python, [join(source, 'python', file), `${context.server.port}`], { expected });
}

/** Each group: what must be installed, and what to do with a fresh server. */
const groups = {
  java: [
    installJava,
    (c) => drive(c, 'java', 'java', [...javaArgs, 'JavaClient', c.server.connectString], { expected: 18 }),
  ],
  zkcli: [ensureApache, zkCli],
  c: [installC, (c) => drive(c, 'c', paths.c, [c.server.connectString], { expected: 9 })],
  climt: [installC, cliMt],
  kazoo: [installPython, python('kazoo', 'client.py', 10)],
  recipes: [installPython, python('kazoo recipes', 'contend.py', 3)],
  go: [installGo, (c) => drive(c, 'go', paths.go, [`${c.server.port}`], { expected: 10 })],
  node: [installNode, (c) => drive(c, 'node', process.execPath, nodeArgs(c), { expected: 8 })],
};

/** Groups that start their servers themselves: mixed ensembles, and every client against one member of an ensemble. */
const scenarios = {
  shell: [ensureApache, sameShell],
  completion: [installShells, tabKey],
  client: [ensureReleases, corralClient],
  mixed: [installMixed, mixedRecipes],
  disk: [ensureApache, diskInterop],
  numbers: [ensureApache, sameNumbers],
  ensemble: [ensurePeers, mixedEnsembles],
  reconfig: [installReconfigTools, reconfiguration],
  init: [() => Promise.resolve(), initialised],
  forms: [() => Promise.resolve(), configurationForms],
  ...Object.fromEntries(roles.map((role) => [role, [ensurePeers, (context) => throughMember(role, context)]])),
};

async function installMixed() {
  await ensureApache();
  await installPartners();
}

async function installReconfigTools() {
  await ensureApache();
  await installPython();
}

/** The Tab key in real shells. */
function tabKey({ kind, checks }) {
  return withServer(kind, checks, (context) => {
    const corral = join(source, '..', 'packages', 'cli', 'bin', 'corral.js');
    const args = [join(source, 'completion', 'tab.py'), `${context.server.port}`, corral];
    return drive(context, 'completion', 'python3', args, { expected: 9, timeoutMs: 900_000 });
  });
}

function nodeArgs({ server }) {
  return [join(source, 'node', 'client.mjs'), `${server.port}`, paths.node, server.kind];
}

async function main() {
  const { values } = readOptions(import.meta.url, {
    options: { server: { type: 'string', default: 'corral' }, only: { type: 'string' } },
  });
  const checks = new Checks();
  const all = { ...groups, ...(OneOf.parse(values.server) ? {} : scenarios) };
  const wanted = values.only?.split(',') ?? Object.keys(all);
  for (const name of wanted) {
    if (!(name in all)) checks.record(`group ${name} exists`, false, `choose from ${Object.keys(all)}`);
    else await runGroup(name, { kind: values.server, checks });
  }
  checks.finish();
}

/** All clients in turn, each against this member of a fresh ensemble. */
async function throughMember(role, { kind, checks }) {
  const server = `${kind === 'corral' ? '' : `${kind}-`}ensemble:${role}`;
  for (const name of Object.keys(groups)) await runGroup(name, { kind: server, checks: checks.under(role) });
}

async function runGroup(name, { kind, checks }) {
  const [install, body] = groups[name] ?? scenarios[name];
  const started = Date.now();
  if (!(await checks.check(`${name}: installed`, install))) return;
  try {
    if (name in scenarios) await body({ kind, checks });
    else await withServer(kind, checks, body);
  } catch (error) {
    checks.record(`${name}: runs to its end`, false, error.message);
  }
  console.log(`       (${name}: ${((Date.now() - started) / 1000).toFixed(1)} s)`);
}

async function withServer(kind, checks, body) {
  const member = OneOf.parse(kind);
  const server = member ? await OneOf.fresh(member) : await Server.fresh(kind);
  const failedBefore = checks.failed;
  try {
    await body({ server, checks });
  } finally {
    const keep = checks.failed > failedBefore;
    if (keep) console.log(`       (the server's log: ${server.logFile})`);
    await server.close({ keep });
  }
}

await main();
