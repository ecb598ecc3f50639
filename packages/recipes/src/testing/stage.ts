// Where a scenario of the fault matrix plays: a server in memory, a client that the faults strike, a second one that they
// leave alone, and time that passes only when told to.

import { startServer } from '@corral/testing';
import type { TestServer } from '@corral/testing';
import type { Client } from '@corral/client';

export const sessionTimeout = 10_000;

export class Stage implements AsyncDisposable {
  readonly server: TestServer;
  /** The client that is struck. */
  readonly zk: Client;
  /** The client that is not. */
  readonly other: Client;
  /** The caller's signal, which the fault `abort` aborts. */
  readonly controller = new AbortController();
  /** What a scenario wants to remember until it is checked. */
  readonly notes = new Map<string, unknown>();

  private constructor(server: TestServer, zk: Client, other: Client) {
    this.server = server;
    this.zk = zk;
    this.other = other;
  }

  static async open(): Promise<Stage> {
    const server = await startServer({ clock: 'virtual', leaks: 'ignore', config: { tickTime: 1000 } });
    const zk = await server.connect({ sessionTimeout });
    const other = await server.connect({ sessionTimeout });
    return new Stage(server, zk, other);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Lets time pass until the promise is settled. */
  until<T>(promise: Promise<T>): Promise<T> {
    return this.server.clock.until(promise, '10m');
  }

  /** Runs `work` when so much time has passed. */
  after(ms: number, work: () => unknown): void {
    this.server.clock.after(ms, () => void work());
  }

  /** Inside of a scenario: waits until something is so, for a while. */
  async eventually(isSo: () => boolean): Promise<void> {
    for (let looks = 0; !isSo(); looks++) {
      if (looks === 300) throw new Error('it does not become so');
      await new Promise<void>((resolve) => this.server.clock.after(100, resolve));
    }
  }

  /** The caller's signal, and the end of patience after so much time. */
  limited(ms: number): AbortSignal {
    const limit = new AbortController();
    this.after(ms, () => limit.abort(new DOMException('waited long enough', 'TimeoutError')));
    return AbortSignal.any([this.signal, limit.signal]);
  }

  /** Everything is over: background work is done, dead sessions have expired. */
  async calm(): Promise<void> {
    await this.server.clock.advance('20s');
  }

  /** Names below a path, by the server's own account. */
  below(path: string): string[] {
    return Object.keys(this.server.dump())
      .filter((each) => each.startsWith(`${path}/`))
      .map((each) => each.slice(path.length + 1));
  }

  text(path: string): string | null {
    return this.server.dump()[path]?.data ?? null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
  }
}
