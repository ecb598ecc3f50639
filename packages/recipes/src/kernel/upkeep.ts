// What a recipe looks after in the background: one step again and again until its owner ends it, or it cannot go on. Who
// waits for news hears of either end.

import type { Client } from '@corral/client';
import { toError } from '../errors.ts';
import { Bell } from './bell.ts';
import { Vigil } from './vigil.ts';

export class Upkeep {
  /** For the step to say that there is news; the last ring is the end. */
  readonly bell = new Bell();
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;
  #wake: () => void = () => undefined;
  #failure: Error | null = null;

  /** Begins at once. The step waits for the next ring of its vigil itself, so that it may also look again without one. */
  constructor(zk: Client, path: string, step: (vigil: Vigil) => Promise<void>) {
    this.#done = this.#run(zk, path, step);
  }

  /** Why it could not go on; null as long as it does, and when it was ended. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Its owner has changed something. */
  wake(): void {
    this.#wake();
  }

  /** Resolves when nothing of it runs any more. */
  async end(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async #run(zk: Client, path: string, step: (vigil: Vigil) => Promise<void>): Promise<void> {
    try {
      using vigil = new Vigil(zk, path, this.#stop.signal);
      this.#wake = vigil.ring;
      for (;;) await step(vigil);
    } catch (error) {
      this.#failure = this.#stop.signal.aborted ? null : toError(error);
    }
    this.bell.finish(this.#failure);
  }
}
