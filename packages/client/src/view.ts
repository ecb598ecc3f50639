// What the operations of one client work with: a connection shared by all scopes, and the part of the tree it shows them.

import type { Clock } from './clock.ts';
import type { Connection, SubmitOptions } from './connection.ts';
import type { Root } from './root.ts';
import type { ClientState } from './session-events.ts';
import type { Watching } from './watching.ts';

export interface View {
  readonly connection: Connection;
  readonly clock: Clock;
  readonly watching: Watching;
  readonly root: Root;
  /** Calls back on every change of the client's state; the result ends that. */
  onState(listener: (state: ClientState) => void): () => void;
  /** Work that goes on after its caller has been answered. */
  readonly background: Background;
}

export class Background {
  readonly #tasks = new Set<Promise<void>>();

  /** The task deals with its own failures. */
  run(task: () => Promise<void>): void {
    const running = task().finally(() => this.#tasks.delete(running));
    this.#tasks.add(running);
  }

  async idle(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }
}

/** One time limit for an operation of several calls: the options of each with what is left of it. */
export function sharedLimit<O extends SubmitOptions>(options: O, clock: Clock): () => O {
  const { timeout } = options;
  if (timeout === undefined) return () => options;
  const end = clock.now() + timeout;
  return () => ({ ...options, timeout: Math.max(0, end - clock.now()) });
}
