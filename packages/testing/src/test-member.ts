// One member of an ensemble, as a test sees it.

import { formatZxid } from '@corral/protocol';
import { drawingOf, dumpOf } from './inspect.ts';
import type { NodeFacts } from './inspect.ts';
import type { Pipeline } from './machine.ts';
import { milliseconds } from './time.ts';
import type { Duration } from './time.ts';
import type { Role, TestedServer } from './world.ts';

/** One server of an ensemble. */
export class TestMember {
  /** Its number in the ensemble. */
  readonly id: number;
  readonly #server: TestedServer;

  constructor(server: TestedServer) {
    this.id = server.sid;
    this.#server = server;
  }

  /** What it does now. */
  get role(): Role {
    return this.#server.role;
  }
  /** Whether it runs. */
  get isUp(): boolean {
    return this.role !== 'down';
  }
  /** Whether it serves clients: it leads, or follows a leader whose history it has. */
  get isServing(): boolean {
    return this.#server.isServing;
  }
  /** The last transaction that it has applied, as in `srvr`. */
  get lastZxid(): string | undefined {
    const { pipeline } = this.#server;
    return pipeline && formatZxid(pipeline.ctx.tree.lastZxid);
  }

  /** Stops it in an orderly way. */
  stop(): Promise<void> {
    return this.#server.end('finish');
  }
  /** Ends it as `kill -9` does. */
  kill(): Promise<void> {
    return this.#server.end('drop');
  }
  /** Starts it again after `stop` or `kill`. */
  start(): Promise<void> {
    return this.#server.start();
  }
  /** `wipe`: with an empty disk, as after a replacement. */
  async restart({ wipe = false } = {}): Promise<void> {
    await this.#server.end('finish');
    if (wipe) this.#server.wipe();
    await this.#server.start();
  }

  /** It stands still, as an overloaded machine: connections stay open, nothing is said. */
  pause(): void {
    this.#server.pause();
  }
  /** Ends a pause. */
  resume(): void {
    this.#server.resume();
  }

  /**
   * Makes it lag: its disk takes so long for everything, or stands still, so that it serves an old state while the others
   * go on. Its clients can connect and read; their writes wait.
   */
  lag(by: Duration | 'hold'): void {
    this.#server.slowDown(by === 'hold' ? Infinity : milliseconds(by));
  }
  /** Its disk is as quick as any. */
  catchUp(): void {
    this.#server.slowDown(0);
  }

  /** Every node that it holds, by its path. */
  dump(): Record<string, NodeFacts> {
    return dumpOf(this.#up);
  }
  /** The tree as this member has it. */
  tree(): string {
    return drawingOf(this.#up);
  }

  get #up(): Pipeline {
    const { pipeline } = this.#server;
    if (pipeline === undefined) throw new Error(`server ${this.id} is down`);
    return pipeline;
  }
}
