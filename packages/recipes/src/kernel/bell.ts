// Tells the loops of `changes()` that there is something new. They look at the state themselves, so a slow loop misses
// intermediate states and never the last one, and nothing piles up.

import type { Client } from '@corral/client';
import { Vigil } from './vigil.ts';

export class Bell {
  readonly #listeners = new Set<() => void>();
  /** Why there will be no more; null for a proper end. */
  #end: { readonly error: Error | null } | null = null;

  ring(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  /** The last ring: loops return, or throw the error. */
  finish(error: Error | null = null): void {
    this.#end ??= { error };
    this.ring();
  }

  /** Calls `look` now and after every ring, and hands on what it finds. */
  async *each<T>(zk: Client, path: string, signal: AbortSignal | undefined, look: () => T[]): AsyncGenerator<T, void> {
    using vigil = new Vigil(zk, path, signal);
    this.#listeners.add(vigil.ring);
    try {
      for (;;) {
        yield* look();
        if (this.#end !== null) {
          if (this.#end.error !== null) throw this.#end.error;
          return;
        }
        await vigil.rung();
      }
    } finally {
      this.#listeners.delete(vigil.ring);
    }
  }
}
