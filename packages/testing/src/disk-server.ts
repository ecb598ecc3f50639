// One server of a test with real files and real sockets: packages/server, in this process. Clients come in through a door
// in front of its port, so that connections can be dropped, cut and struck by faults as those of a server in memory.

import { connect, createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Member, Replica } from '@corral/core';
import type { SessionId } from '@corral/protocol';
import { startServer } from '@corral/server';
import type { FlatSettings, HeldPorts, RunningServer } from '@corral/server';
import { AnyServer } from './any-server.ts';
import { Door } from './door.ts';
import type { Opener } from './door.ts';
import type { TestedServer, World } from './world.ts';

export interface DiskServerParts {
  readonly sid: number;
  readonly host: string;
  readonly dir: string;
  readonly settings: FlatSettings;
  /** Ports of its line in the configuration, taken already. */
  readonly held: HeldPorts;
}

const isMember = (host: object): host is { readonly network: { close(): void } } => 'network' in host;
const unsupported = (what: string): Error => new Error(`${what} needs storage: 'memory'`);

export class DiskServer extends AnyServer implements TestedServer {
  readonly sid: number;
  readonly host: string;
  readonly door: Door;
  protected override srvr = undefined;
  readonly #parts: DiskServerParts;
  readonly #world: World;
  #running: RunningServer | undefined;

  constructor(world: World, parts: DiskServerParts) {
    super();
    this.#world = world;
    this.#parts = parts;
    this.sid = parts.sid;
    this.host = parts.host;
    this.door = new Door(
      world.trafficOf(this.sid),
      forwardTo(() => this.#running!.port),
    );
  }

  protected get engine(): Member | Replica | undefined {
    return this.#running?.server.host.replica;
  }

  async start(): Promise<void> {
    if (this.#running !== undefined) return;
    const { dir: dataDir, settings, held } = this.#parts;
    const running = await startServer({ ...settings, dataDir, clientPort: 0 }, held);
    this.#running = running;
    this.door.isOpen = true;
    this.#world.emit({ type: 'up', server: this.sid });
    void running.server.ended.then((reason) => {
      if (reason !== undefined) this.#world.emit({ type: 'halted', server: this.sid, reason });
      if (this.#running === running) this.#ended();
    });
  }

  async end(how: 'finish' | 'drop'): Promise<void> {
    if (this.#running === undefined) return;
    if (how === 'drop') await this.#kill(this.#running);
    else await this.#running.stop();
    this.#ended();
  }

  /**
   * This process cannot be killed with it, so the moment is: nobody hears of anything that happens later, and the files are
   * afterwards what they are now.
   */
  async #kill(running: RunningServer): Promise<void> {
    this.door.shut();
    const files = join(this.#parts.dir, 'version-2');
    const kept = `${files}.killed`;
    cpSync(files, kept, { recursive: true });
    const { host } = running.server;
    if (isMember(host)) host.network.close();
    await running.stop();
    rmSync(files, { recursive: true });
    renameSync(kept, files);
  }

  #ended(): void {
    if (this.#running === undefined) return;
    this.#running = undefined;
    this.door.shut();
    this.#world.emit({ type: 'down', server: this.sid });
  }

  wipe(): void {
    rmSync(join(this.#parts.dir, 'version-2'), { recursive: true, force: true });
  }
  pause(): void {
    throw unsupported('pause()');
  }
  resume(): void {
    // It never stands still.
  }
  slowDown(delayMs: number): void {
    if (delayMs > 0) throw unsupported('lag()');
  }

  expire(session: bigint): boolean {
    const host = this.#running?.server.host;
    if (host === undefined) return false;
    host.step({ kind: 'tick' });
    const isDone = host.replica.pipeline.expireNow(session as SessionId);
    host.step({ kind: 'tick' });
    return isDone;
  }

  async dispose(): Promise<void> {
    this.door.shut();
    await this.end('finish');
    await this.closePort();
    for (const server of this.#parts.held.values()) server.close();
  }
}

/** Connections to a server behind a port. */
function forwardTo(port: () => number): Opener {
  return (connection) => {
    const socket = connect({ port: port(), host: '127.0.0.1', noDelay: true });
    socket.on('data', (bytes: Uint8Array) => connection.sent(bytes));
    socket.on('error', () => socket.destroy()); // a reset says no more than the close that follows
    socket.on('close', () => connection.close());
    return {
      received: (bytes) => socket.write(bytes),
      drained: () => undefined,
      closed: () => socket.destroy(),
    };
  };
}

/** Takes a free port of the loopback interface, for whoever listens on it next. */
export async function holdPort(held: HeldPorts): Promise<number> {
  const server: Server = createServer((socket) => socket.destroy());
  server.unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: 0, host: '127.0.0.1' }, resolve);
  });
  const { port } = server.address() as AddressInfo;
  held.set(port, server);
  return port;
}
