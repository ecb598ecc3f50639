// Servers to play with, in this process: one real server with its files, or an ensemble in memory.

import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../exit-codes.ts';

const portMax = 65_535;
const timerMax = 2 ** 31 - 1;

export interface Playground {
  readonly connectString: string;
  readonly adminUrl: string | null;
  /** A server of an ensemble, to be mistreated. */
  readonly member?: (id: number) => PlayMember | null;
  readonly status?: () => string;
  readonly heal?: () => void;
  readonly stop: () => Promise<void>;
}

export interface PlayMember {
  readonly kill: () => Promise<void>;
  readonly restart: () => Promise<void>;
  readonly cutOff: () => void;
}

export interface PlaygroundOptions {
  readonly nodes: number;
  readonly port: number;
  readonly persist: string | undefined;
}

export function startPlayground(options: PlaygroundOptions): Promise<Playground> {
  return options.nodes === 1 ? alone(options) : ensemble(options);
}

const playSettings = {
  'admin.enableServer': true,
  'admin.serverAddress': '127.0.0.1',
  'admin.serverPort': 0,
  '4lw.commands.whitelist': '*',
  extendedTypesEnabled: true,
} as const;

/** A real server: everything that production has, the admin pages among it. */
async function alone({ port, persist }: PlaygroundOptions): Promise<Playground> {
  const { startServer } = await import('@corral/server');
  const clientPort = await freePortFrom(port);
  const folder = persist ?? (await mkdtemp(join(tmpdir(), 'corral-dev-')));
  const tidy = async (): Promise<void> => {
    if (persist === undefined) await rm(folder, { recursive: true, force: true });
  };
  try {
    const server = await startServer({ ...playSettings, clientPort, dataDir: folder });
    return {
      connectString: `127.0.0.1:${server.port}`,
      adminUrl: server.adminUrls[0] ?? null,
      async stop() {
        await server.stop();
        await tidy();
      },
    };
  } catch (error) {
    await tidy();
    throw error;
  }
}

async function ensemble({ nodes, persist }: PlaygroundOptions): Promise<Playground> {
  const { startEnsemble } = await import('@corral/testing');
  if (persist !== undefined)
    throw new UsageError('--persist keeps the data of one server; npm run ensemble runs three on disk');
  const servers = await startEnsemble({ size: nodes, tcp: true, leaks: 'ignore' });
  // Ports of a test do not keep its process alive. Without a terminal, nothing else would.
  const held = setInterval(() => undefined, timerMax);
  return {
    connectString: servers.connectString,
    adminUrl: null,
    member(id) {
      const found = servers.members.find((member) => member.id === id);
      if (found === undefined) return null;
      return { kill: () => found.kill(), restart: () => found.restart(), cutOff: () => servers.isolate(found) };
    },
    status: () => servers.members.map(({ id, role, isUp }) => `${id} ${isUp ? role : 'down'}`).join('   '),
    heal: () => servers.heal(),
    async stop() {
      clearInterval(held);
      await servers.close();
    },
  };
}

/** The port that was asked for, or the next one that nobody has. */
async function freePortFrom(wanted: number): Promise<number> {
  if (wanted === 0) return 0;
  if (wanted > portMax) throw new UsageError(`${wanted} is no port: they end with ${portMax}`);
  for (let port = wanted; port < Math.min(wanted + 100, portMax + 1); port++) if (await isFree(port)) return port;
  throw new UsageError(`no port from ${wanted} on is free`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
