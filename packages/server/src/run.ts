// `corral server`: reads the configuration, starts a server, says where it is, and stops it when asked to.

import { isMainThread } from 'node:worker_threads';
import { ConfigError, loadConfig } from './config/load.ts';
import type { LoadedConfig } from './config/load.ts';
import { MemberHost } from './member-host.ts';
import { Logger } from './log.ts';
import { CorralServer } from './server.ts';
import { explainStartError } from './start-errors.ts';

const exitCodes = { ok: 0, failed: 1, usage: 2 } as const;

/** Runs until the server ends; resolves to the exit code. `argv` is what follows the word `server`. */
export async function runServer(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  if (argv.some((arg) => arg === '--help' || arg === '-h')) {
    const { serverHelp } = await import('./config/help.ts');
    process.stdout.write(serverHelp());
    return exitCodes.ok;
  }
  // Data and configurations are for this user alone, whatever the shell that started it allows.
  if (isMainThread) process.umask(0o077);
  let loaded: LoadedConfig;
  try {
    loaded = loadConfig({ argv, env, cwd: currentDirectory() });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`corral server: the configuration cannot be used:\n${error.message}\n`);
    return exitCodes.usage;
  }
  const logger = makeLogger(loaded);
  await logger.open();
  const server = await start(loaded, logger);
  return server === undefined ? exitCodes.failed : serve(server, loaded, logger);
}

/** Relative paths are meant from here. */
function currentDirectory(): string {
  try {
    return process.cwd();
  } catch {
    throw new ConfigError(['the current directory does not exist any more; change to one that does, and start again']);
  }
}

function makeLogger({ config }: LoadedConfig): Logger {
  const isPretty = config.logFormat === 'pretty' || (config.logFormat === 'auto' && process.stdout.isTTY);
  const format = isPretty ? 'pretty' : 'json';
  return new Logger({ level: config.logLevel, format, destination: process.stdout, now: () => Date.now() });
}

async function start(loaded: LoadedConfig, logger: Logger): Promise<CorralServer | undefined> {
  const { config } = loaded;
  for (const { key, reason } of loaded.ignored) logger.warn({ key, reason }, 'setting ignored');
  for (const notice of loaded.notices) logger.warn({}, notice);
  if (!config.forceSync)
    logger.warn({}, 'FORCESYNC=NO: writes are acknowledged before they are on the disk; a power failure loses them');
  if (config.snapshotCompression === 'SNAPPY')
    logger.warn({}, 'snapshots are written uncompressed: SNAPPY is read but not written, use GZ for smaller files');
  if (config.skipAcl) logger.warn({}, 'skipACL=yes: access control lists are not checked');
  try {
    return await CorralServer.start(loaded, logger, { beforeServing: (server) => openAdmin(server, logger) });
  } catch (error) {
    const reason = explainStartError(error, loaded);
    logger.fatal({ reason }, 'the server does not start');
    logger.flush();
    process.stderr.write(`corral server: ${reason}\n`);
    return undefined;
  }
}

async function serve(server: CorralServer, loaded: LoadedConfig, logger: Logger): Promise<number> {
  let stopNow: (code: number) => void = () => undefined;
  const stoppedNow = new Promise<number>((resolve) => (stopNow = resolve));
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (++signals > 1) return stopNow(signal === 'SIGINT' ? 130 : 143);
    logger.info({ signal }, 'stopping: writes in flight are finished first; a second signal stops at once');
    void server.stop();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  announce(server, loaded, logger);
  const ended = server.ended.then((failure) => (failure === undefined ? exitCodes.ok : exitCodes.failed));
  const code = await Promise.race([ended, stoppedNow]);
  logger.flush(); // what a short life has left
  process.off('SIGTERM', onSignal);
  process.off('SIGINT', onSignal);
  return code;
}

function announce(server: CorralServer, { config, configFile }: LoadedConfig, logger: Logger): void {
  const where = `${config.clientPortAddress ?? '0.0.0.0'}:${server.port}`;
  const isServing = !(server.host instanceof MemberHost) || server.host.member.peer.isServing;
  const message = isServing ? 'serving clients' : 'listening; clients are served when there is a leader';
  logger.info({ clients: where, dataDir: config.dataDir, config: configFile ?? 'defaults' }, message);
}

/**
 * Loading the HTTP library holds the event loop for longer than clients and the other members should wait for an answer,
 * so it is done before there are any.
 */
async function openAdmin(server: CorralServer, logger: Logger): Promise<void> {
  try {
    const urls = await server.openAdmin();
    if (urls.length > 0) logger.info({ urls }, 'admin server ready');
  } catch (error) {
    const { message } = error as Error;
    logger.error({ error: message }, 'the admin server could not be opened; clients are served without it');
  }
}
