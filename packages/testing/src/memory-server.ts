// One server of a test: a machine behind a door, and a TCP port if anybody outside of the process needs one.

import type { Note } from '@corral/core';
import { Door, openerOf } from './door.ts';
import { Machine } from './machine.ts';
import type { CoreOptions, Pipeline, Surroundings } from './machine.ts';
import { TcpPort } from './tcp-port.ts';
import type { World, WorldServer } from './world.ts';

export interface MemoryServerParts {
  readonly sid: number;
  readonly host: string;
  readonly options: (startedAt: number) => CoreOptions;
  readonly dial?: Surroundings['dial'];
  readonly noted?: (note: Note) => void;
}

export class MemoryServer implements WorldServer {
  readonly sid: number;
  readonly host: string;
  readonly door: Door;
  readonly machine: Machine;
  readonly #world: World;
  #tcp: TcpPort | undefined;

  constructor(world: World, parts: MemoryServerParts) {
    this.#world = world;
    this.sid = parts.sid;
    this.host = parts.host;
    this.machine = new Machine({
      time: world.time,
      options: parts.options,
      dial: parts.dial ?? (() => undefined),
      noted: (note) => {
        if (note.kind === 'sessionExpired') world.emit({ type: 'expired', server: this.sid, session: note.session });
        parts.noted?.(note);
      },
      halted: (reason) => {
        this.door.shut();
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

  /** Opens a TCP port of the loopback interface; the same one as long as the test lasts. */
  async listen(): Promise<number> {
    if (this.#tcp !== undefined) return this.#tcp.port;
    this.#tcp = new TcpPort(this.door);
    return this.#tcp.listen();
  }

  start(): void {
    if (this.machine.isUp) return;
    this.machine.start();
    this.door.isOpen = true;
    this.#world.emit({ type: 'up', server: this.sid });
  }

  end(how: 'finish' | 'drop'): void {
    if (!this.machine.isUp) return;
    this.machine.end(how);
    this.door.shut();
    this.#world.emit({ type: 'down', server: this.sid });
  }

  async closePort(): Promise<void> {
    await this.#tcp?.close();
  }

  expire(session: bigint): boolean {
    return this.machine.expire(session);
  }
}
