// A server inside this process, for tests and for programs that embed one.

import { loadSettings } from './embedded.ts';
import type { FlatSettings } from './embedded.ts';
import { Logger } from './log.ts';
import { CorralServer } from './server.ts';

export interface RunningServer {
  readonly port: number;
  readonly server: CorralServer;
  /** Where the admin server answers, when it is switched on. */
  readonly adminUrls: readonly string[];
  stop(): Promise<void>;
}

/** Starts a server; it logs only warnings and worse. The admin server is off unless asked for. */
export async function startServer(settings: FlatSettings): Promise<RunningServer> {
  const loaded = loadSettings({ clientPortAddress: '127.0.0.1', 'admin.enableServer': false, ...settings });
  const logger = new Logger({ level: 'error', format: 'json', destination: process.stderr, now: () => Date.now() });
  const server = await CorralServer.start(loaded, logger);
  const adminUrls = await server.openAdmin();
  return { port: server.port, server, adminUrls, stop: () => server.stop() };
}
