// What the servers of a test have in common, wherever they keep their data: a door for clients, a TCP port if anybody
// outside of the process needs one, and what can be read off the running core.

import { Member } from '@corral/core';
import type { Replica } from '@corral/core';
import type { Door } from './door.ts';
import type { Pipeline } from './machine.ts';
import { srvrText } from './srvr.ts';
import { TcpPort } from './tcp-port.ts';
import type { Role } from './world.ts';

export abstract class AnyServer {
  abstract readonly door: Door;
  #tcp: TcpPort | undefined;

  /** The core while it runs. */
  protected abstract get engine(): Member | Replica | undefined;

  get pipeline(): Pipeline | undefined {
    return this.engine?.pipeline;
  }

  get role(): Role {
    const { engine } = this;
    if (engine === undefined) return 'down';
    if (!(engine instanceof Member)) return 'alone';
    const { state } = engine.peer;
    return state === 'leaving' ? 'looking' : state;
  }

  get isServing(): boolean {
    const { engine } = this;
    return engine !== undefined && (!(engine instanceof Member) || engine.peer.isServing);
  }

  /** What the word `srvr` says on the TCP port, unless there is a whole server to say it. */
  protected srvr: (() => string) | undefined = () =>
    srvrText(this.pipeline, this.role, this.isServing, this.door.connections.size);

  get port(): number | undefined {
    return this.#tcp?.port;
  }

  async listen(): Promise<number> {
    if (this.#tcp !== undefined) return this.#tcp.port;
    this.#tcp = new TcpPort(this.door, this.srvr);
    return this.#tcp.listen();
  }

  protected async closePort(): Promise<void> {
    await this.#tcp?.close();
  }
}
