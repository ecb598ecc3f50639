// The names of the children of one node, kept up to date event by event: a long list is read once, and again only after a
// reconnect.

import { ZkError } from '@corral/client';
import type { Client, WatchStream } from '@corral/client';
import { nameOf, parentOf } from './paths.ts';
import { abortable } from './vigil.ts';

export class Directory implements AsyncDisposable {
  readonly names = new Set<string>();
  readonly path: string;
  readonly #zk: Client;
  readonly #stream: WatchStream;
  readonly #done: Promise<void>;
  readonly #onChange: () => void;
  #failure: { readonly error: unknown } | null = null;

  /** `onChange` is called whenever `names` may be different, and when it cannot be kept any more: see `throwIfFailed`. */
  constructor(zk: Client, path: string, onChange: () => void, signal: AbortSignal) {
    this.#zk = zk;
    this.path = path;
    this.#onChange = onChange;
    this.#stream = zk.watch(path, { recursive: true, signal });
    this.#done = this.#follow(signal).catch((error: unknown) => {
      this.#failure = { error };
      onChange();
    });
  }

  throwIfFailed(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.close();
    await this.#done;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    await abortable(this.#stream.ready, signal);
    await this.#list(signal);
    for await (const { type, path } of this.#stream) {
      if (type === 'reset') await this.#list(signal);
      else if (parentOf(path) !== this.path) continue;
      else if (type === 'created') this.names.add(nameOf(path));
      else if (type === 'deleted') this.names.delete(nameOf(path));
      else continue;
      this.#onChange();
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    let found: readonly string[] = [];
    try {
      found = (await this.#zk.children(this.path, { signal })).children;
    } catch (error) {
      if (!ZkError.is(error, 'NoNode')) throw error;
    }
    this.names.clear();
    for (const name of found) this.names.add(name);
    this.#onChange();
  }
}
