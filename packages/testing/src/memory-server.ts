// One server of a test: a machine behind a door, and a TCP port if anybody outside of the process needs one.

import { Member } from '@corral/core';
import { Door, openerOf } from './door.ts';
import { Machine } from './machine.ts';
import type { CoreOptions, Pipeline, Surroundings } from './machine.ts';
import { TcpPort } from './tcp-port.ts';
import type { Role, TestedServer, World } from './world.ts';

export interface MemoryServerParts {
  readonly sid: number;
  readonly host: string;
  readonly options: (startedAt: number) => CoreOptions;
  readonly dial?: Surroundings['dial'];
  /** A life has ended, however. */
  readonly ended?: () => void;
}

export class MemoryServer implements TestedServer {
  readonly sid: number;
  readonly host: string;
  readonly door: Door;
  readonly machine: Machine;
  readonly #world: World;
  readonly #parts: MemoryServerParts;
  #tcp: TcpPort | undefined;

  constructor(world: World, parts: MemoryServerParts) {
    this.#world = world;
    this.#parts = parts;
    this.sid = parts.sid;
    this.host = parts.host;
    this.machine = new Machine({
      time: world.time,
      options: parts.options,
      dial: parts.dial ?? (() => undefined),
      noted: (note) => {
        if (note.kind === 'sessionExpired') world.emit({ type: 'expired', server: this.sid, session: note.session });
      },
      halted: (reason) => {
        this.#ended();
        world.emit({ type: 'halted', server: this.sid, reason });
      },
    });
    this.door = new Door(world.trafficOf(this.sid), openerOf(this.machine));
  }

  get pipeline(): Pipeline | undefined {
    return this.machine.engine?.pipeline;
  }

  get port(): number | undefined {
    return this.#tcp?.port;
  }

  async listen(): Promise<number> {
    if (this.#tcp !== undefined) return this.#tcp.port;
    this.#tcp = new TcpPort(this.door);
    return this.#tcp.listen();
  }

  get role(): Role {
    const { engine } = this.machine;
    if (engine === undefined) return 'down';
    if (!(engine instanceof Member)) return 'alone';
    const { state } = engine.peer;
    return state === 'leaving' ? 'looking' : state;
  }

  get isServing(): boolean {
    const { engine } = this.machine;
    return engine !== undefined && (!(engine instanceof Member) || engine.peer.isServing);
  }

  async start(): Promise<void> {
    if (this.machine.isUp) return;
    this.machine.start();
    this.door.isOpen = true;
    this.#world.emit({ type: 'up', server: this.sid });
  }

  async end(how: 'finish' | 'drop'): Promise<void> {
    if (!this.machine.isUp) return;
    this.machine.end(how);
    this.#ended();
    this.#world.emit({ type: 'down', server: this.sid });
  }

  #ended(): void {
    this.#parts.ended?.();
    this.door.shut();
  }

  wipe(): void {
    this.machine.wipe();
  }
  pause(): void {
    this.machine.pause();
  }
  resume(): void {
    this.machine.resume();
  }
  slowDown(delayMs: number): void {
    this.machine.disk.slowDown(delayMs);
  }
  expire(session: bigint): boolean {
    return this.machine.expire(session);
  }

  async dispose(): Promise<void> {
    await this.end('drop');
    await this.#tcp?.close();
  }
}
