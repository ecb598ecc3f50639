// corral server start | stop | restart | status | ...: a server in the background, as zkServer.sh runs one, with its words, its
// pid file and its exit codes. Service managers do better: they run `corral server` in the foreground.

import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ConfigError, dataDirHolder, loadConfig } from '@corral/server';
import type { Config, LoadedConfig } from '@corral/server';
import { fourLetterWord } from '../cluster/ask.ts';
import type { Context } from '../context.ts';
import { exitCodes } from '../exit-codes.ts';
import { version } from '../version.ts';
import { isAlive, isServer, launch, readPid, removePid } from './background.ts';

export const verbs = ['start', 'start-foreground', 'stop', 'restart', 'status', 'print-cmd', 'version'] as const;
export type Verb = (typeof verbs)[number];

export interface Service {
  /** What `corral server` gets: a configuration file and settings. */
  readonly argv: readonly string[];
  /** Runs corral: the interpreter and its script. */
  readonly command: readonly string[];
  readonly cwd: string;
  readonly context: Pick<Context, 'env' | 'stdout' | 'stderr'>;
}

const pollMs = 100;
/** After that it runs, and takes its time to load what it has. */
const startMsMax = 10_000;
const stopMsMax = 60_000;
const askMs = 3000;

export async function runVerb(verb: Exclude<Verb, 'start-foreground'>, service: Service): Promise<number> {
  const { argv, command, cwd, context } = service;
  if (verb === 'version') return say(context, `Corral, version ${version}`);
  if (verb === 'print-cmd') return say(context, [...command, 'server', ...argv].map(quoted).join(' '));
  let loaded: LoadedConfig;
  try {
    loaded = loadConfig({ argv, env: context.env, cwd });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    context.stderr.write(`the configuration cannot be used:\n${error.message}\n`);
    return exitCodes.usage;
  }
  context.stderr.write(`Using config: ${loaded.configFile ?? 'defaults'}\n`);
  if (verb === 'status') return status(loaded.config, context);
  if (verb !== 'start') {
    const code = await stop(loaded.config, service);
    if (verb === 'stop' || code !== exitCodes.ok) return code;
  }
  return start(loaded.config, service);
}

function say({ stdout }: Service['context'], text: string): number {
  stdout.write(`${text}\n`);
  return exitCodes.ok;
}

const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);

const pidFileOf = ({ dataDir }: Config, { cwd, context }: Service): string =>
  context.env['ZOOPIDFILE'] ?? join(resolve(cwd, dataDir), 'zookeeper_server.pid');

/** What runs on the directory: a process, something that cannot be named, or nothing. */
type Running = { readonly pid: number } | 'unnamed' | null;

/**
 * The lock of the directory tells, whatever a pid file says: that may be lost, or old, and name a stranger by now. Only where
 * directories have no locks the file counts, if its process is a server that is older than the file.
 */
async function running(config: Config, service: Service): Promise<Running> {
  const holder = await dataDirHolder(resolve(service.cwd, config.dataDir));
  if (holder === null) return null;
  if (holder?.pid !== undefined) return { pid: holder.pid };
  if (holder !== undefined) return 'unnamed';
  const file = pidFileOf(config, service);
  const pid = readPid(file);
  return pid !== undefined && isServer(pid, file) ? { pid } : null;
}

async function start(config: Config, service: Service): Promise<number> {
  const { argv, command, cwd, context } = service;
  context.stdout.write('Starting zookeeper ... ');
  const found = await running(config, service);
  if (found !== null) {
    context.stdout.write(`already running${found === 'unnamed' ? '' : ` as process ${found.pid}`}.\n`);
    return exitCodes.failed;
  }
  // Its answers would be taken for those of the one that is started here.
  if ((await answers(config)) !== undefined) {
    context.stdout.write('FAILED TO START\n');
    context.stderr.write(`another server answers on port ${config.clientPort}: stop it or choose another clientPort\n`);
    return exitCodes.failed;
  }
  const logDir = resolve(cwd, context.env['ZOO_LOG_DIR'] ?? config.dataDir);
  const log = join(logDir, `corral-server-${hostname()}.out`);
  const env = context.env;
  const server = launch([...command, 'server', ...argv], { cwd, env, log, pidFile: pidFileOf(config, service) });
  const deadline = performance.now() + startMsMax;
  while (server.exitCode() === null && performance.now() < deadline) {
    if ((await answers(config)) !== undefined) break;
    await sleep(pollMs);
  }
  if (server.exitCode() === null) {
    context.stderr.write(`log: ${log}\n`);
    return say(context, 'STARTED');
  }
  removePid(pidFileOf(config, service));
  context.stdout.write('FAILED TO START\n');
  context.stderr.write(`${server.lastWords()}${log} has all of it\n`);
  return exitCodes.failed;
}

async function stop(config: Config, service: Service): Promise<number> {
  const { context } = service;
  const file = pidFileOf(config, service);
  context.stdout.write('Stopping zookeeper ... ');
  const found = await running(config, service);
  if (found === null) {
    const old = readPid(file);
    const stranger =
      old !== undefined && isAlive(old) ? `; process ${old}, which that file names, is no server of it` : '';
    removePid(file);
    return say(context, `no zookeeper to stop (could not find a process of ${file})${stranger}`);
  }
  const advice = 'stop it where it was started: its container, its service manager, its program';
  if (found === 'unnamed') {
    context.stdout.write('FAILED\n');
    context.stderr.write(`a server runs on ${config.dataDir} and does not say as which process: ${advice}\n`);
    return exitCodes.failed;
  }
  const { pid } = found;
  if (!isServer(pid)) {
    context.stdout.write('FAILED\n');
    context.stderr.write(`process ${pid} runs a server on ${config.dataDir} among other things: ${advice}\n`);
    return exitCodes.failed;
  }
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    context.stdout.write('FAILED\n');
    context.stderr.write(`process ${pid} belongs to another user: stop it as that user, or as root\n`);
    return exitCodes.failed;
  }
  const deadline = performance.now() + stopMsMax;
  while (isAlive(pid) && performance.now() < deadline) await sleep(pollMs);
  if (isAlive(pid)) {
    context.stdout.write(`process ${pid} is still busy after ${stopMsMax / 1000} s\n`);
    return exitCodes.failed;
  }
  removePid(file);
  return say(context, 'STOPPED');
}

async function answers({ clientPort, clientPortAddress }: Config): Promise<string | undefined> {
  if (clientPort === undefined) return undefined;
  return fourLetterWord('srvr', { host: hostOf(clientPortAddress), port: clientPort }, askMs).catch(() => undefined);
}

const hostOf = (address: string | undefined): string =>
  address === undefined || address === '0.0.0.0' || address === '::' ? 'localhost' : address;

async function status(config: Config, context: Service['context']): Promise<number> {
  const host = hostOf(config.clientPortAddress);
  const port = config.clientPort === undefined ? 'Client port not found' : `Client port found: ${config.clientPort}`;
  context.stdout.write(`${port}. Client address: ${host}. Client SSL: false.\n`);
  const mode = /^Mode: .*$/m.exec((await answers(config)) ?? '')?.[0];
  if (mode !== undefined) return say(context, mode);
  say(context, 'Error contacting service. It is probably not running.');
  return exitCodes.failed;
}
