// A server inside this process, for tests and for programs that embed one.

import { existsSync, readFileSync } from 'node:fs';
import { loadConfig } from './config/load.ts';
import { Logger } from './log.ts';
import { CorralServer } from './server.ts';

/** Keys of zoo.cfg; jute.maxbuffer and its like, which are system properties, may stand here too. */
export type FlatSettings = Readonly<Record<string, string | number | boolean>>;

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

export interface RunningServer {
  readonly port: number;
  readonly server: CorralServer;
  /** Where the admin server answers, when it is switched on. */
  readonly adminUrls: readonly string[];
  stop(): Promise<void>;
}

const plainProperties = /^(jute\.|readonlymode\.|znode\.)/;

/** Starts a server; it logs only warnings and worse. The admin server is off unless asked for. */
export async function startServer(settings: FlatSettings): Promise<RunningServer> {
  const all: FlatSettings = { clientPortAddress: '127.0.0.1', 'admin.enableServer': false, ...settings };
  const entries = Object.entries(all);
  const file = entries.filter(([key]) => !plainProperties.test(key)).map(([key, value]) => `${key}=${String(value)}`);
  const properties = entries
    .filter(([key]) => plainProperties.test(key))
    .map(([key, value]) => `-D${key}=${String(value)}`);
  const name = 'embedded.cfg';
  const loaded = loadConfig({
    argv: [name, ...properties],
    env: {},
    cwd: '/',
    // Of a member of an ensemble, its number: myid in the data directory.
    readFile: (path) => (path === `/${name}` ? file.join('\n') : readIfThere(path)),
  });
  const logger = new Logger({ level: 'error', format: 'json', destination: process.stderr, now: () => Date.now() });
  const server = await CorralServer.start(loaded, logger);
  const adminUrls = await server.openAdmin();
  return { port: server.port, server, adminUrls, stop: () => server.stop() };
}
