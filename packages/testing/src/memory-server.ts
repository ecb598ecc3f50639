// One server of a test in memory: a machine behind a door.

import { AnyServer } from './any-server.ts';
import { Door, openerOf } from './door.ts';
import { Machine } from './machine.ts';
import type { CoreOptions, Surroundings } from './machine.ts';
import type { TestedServer, World } from './world.ts';

export interface MemoryServerParts {
  readonly sid: number;
  readonly host: string;
  readonly options: (startedAt: number) => CoreOptions;
  readonly dial?: Surroundings['dial'];
  /** A life has ended, however. */
  readonly ended?: () => void;
}

export class MemoryServer extends AnyServer implements TestedServer {
  readonly sid: number;
  readonly host: string;
  readonly door: Door;
  readonly machine: Machine;
  readonly #world: World;
  readonly #parts: MemoryServerParts;

  constructor(world: World, parts: MemoryServerParts) {
    super();
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

  protected get engine(): Machine['engine'] {
    return this.machine.engine;
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
    await this.closePort();
  }
}
