// A server on its own, in this process.

import { coreOptions } from '@corral/server';
import type { FlatSettings } from '@corral/server';
import type { LeakPolicy } from './leaks.ts';
import type { Client } from '@corral/client';
import type { CoreOptions, Pipeline } from './machine.ts';
import { DiskServer } from './disk-server.ts';
import { MemoryServer } from './memory-server.ts';
import { Service } from './service.ts';
import { folderOf } from './storage.ts';
import type { StorageOptions } from './storage.ts';
import { World } from './world.ts';
import type { TestedServer, WorldOptions } from './world.ts';

/** Options of `startServer`. */
export interface ServerOptions extends WorldOptions, StorageOptions {
  /** Opens a TCP port as well, for clients of other processes: see `connectString`. */
  readonly tcp?: boolean;
  /** Settings, by their names in zoo.cfg. */
  readonly config?: FlatSettings;
  /** What happens to what is left open at the end; `warn` unless given. */
  readonly leaks?: LeakPolicy;
}

/** What is different in a test: quick to notice things, patient with clients, and everything switched on. */
export const testSettings: FlatSettings = {
  tickTime: 200,
  minSessionTimeout: 400,
  maxSessionTimeout: 120_000,
  initLimit: 50,
  syncLimit: 25,
  maxClientCnxns: 0,
  extendedTypesEnabled: true,
};

const sid = 1;

/** A standalone server inside of a test. Made by `startServer`. */
export class TestServer extends Service {
  readonly #server: TestedServer;

  /** Use `startServer`. */
  constructor(options: ServerOptions) {
    const world = new World(options);
    super(world, options);
    const settings = { ...testSettings, ...options.config };
    const folder = folderOf(options);
    const place = { sid, host: 'server' };
    if (folder === undefined) {
      const coreOf = (startedAt: number): CoreOptions => coreOptions(settings, { sid, startedAt });
      this.#server = new MemoryServer(world, { ...place, options: coreOf });
    } else {
      this.#server = new DiskServer(world, { ...place, dir: folder.dir, settings, held: new Map() });
      world.cleanUps.push(folder.remove);
    }
    world.servers.push(this.#server);
  }

  /** For clients of any process and language. Throws while there is no TCP port: see `listen`. */
  get connectString(): string {
    const { port } = this.#server;
    if (port !== undefined) return `127.0.0.1:${port}`;
    throw new Error('this server has no port: use connect(), or open one with listen() or startServer({ tcp: true })');
  }

  /** Opens a TCP port, and returns the connection string. */
  async listen(): Promise<string> {
    await this.#server.listen();
    return this.connectString;
  }

  // Lives.

  /** Whether it runs. */
  get isUp(): boolean {
    return this.#server.role !== 'down';
  }

  /** Stops it in an orderly way. Clients are cut off; sessions and data are there again after `start`. */
  async stop(): Promise<void> {
    await this.#server.end('finish');
  }

  /** Ends it as `kill -9` does: what was not on the disk is lost. */
  async kill(): Promise<void> {
    await this.#server.end('drop');
  }

  /** Starts it again after `stop` or `kill`. */
  async start(): Promise<void> {
    await this.#server.start();
  }

  /** `wipe`: with an empty disk. */
  async restart({ wipe = false } = {}): Promise<void> {
    await this.#server.end('finish');
    if (wipe) this.#server.wipe();
    await this.#server.start();
  }

  /** It stands still: connections are accepted and stay open, nothing is answered. */
  pause(): void {
    this.#server.pause();
  }

  /** Ends a pause. */
  resume(): void {
    this.#server.resume();
  }

  /** The network between a client of this test and the server is cut: nothing arrives, and nobody is told. */
  cutOff(client: Client): void {
    this.world.network.cut(this.world.ownerOf(client), [sid]);
  }

  /** The network is whole again. */
  heal(): void {
    this.world.network.heal();
  }

  protected get pipeline(): Pipeline {
    const { pipeline } = this.#server;
    if (pipeline === undefined) throw new Error('the server is down');
    return pipeline;
  }
}

/** A server in this process; in memory, unless told otherwise: no port, no file, no waiting. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const server = new TestServer(options);
  try {
    await server.start();
    if (options.tcp === true) await server.listen();
    return server;
  } catch (error) {
    await server.close();
    throw error;
  }
}
