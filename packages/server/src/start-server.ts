// A server inside this process, for tests and for programs that embed one.

import { loadSettings } from './embedded.ts';
import type { FlatSettings } from './embedded.ts';
import { Logger } from './log.ts';
import type { HeldPorts } from './net/peer-network.ts';
import { CorralServer } from './server.ts';

export interface RunningServer {
  readonly port: number;
  readonly server: CorralServer;
  /** Where the admin server answers, when it is switched on. */
  readonly adminUrls: readonly string[];
  stop(): Promise<void>;
}

/**
 * Starts a server; it logs only warnings and worse. The admin server is off unless asked for. `held`: ports of its
 * server.N lines that the caller has taken for it.
 */
export async function startServer(settings: FlatSettings, held: HeldPorts = new Map()): Promise<RunningServer> {
  const loaded = loadSettings({ clientPortAddress: '127.0.0.1', 'admin.enableServer': false, ...settings });
  const logger = new Logger({ level: 'error', format: 'json', destination: process.stderr, now: () => Date.now() });
  const server = await CorralServer.start(loaded, logger, { held });
  const adminUrls = await server.openAdmin();
  return { port: server.port, server, adminUrls, stop: () => server.stop() };
}
