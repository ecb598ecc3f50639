// A part of the tree for one test, so that tests which share a server do not see each other.

import { ZkError } from '@corral/client';
import type { Client, ConnectOptions } from '@corral/client';
import { randomBytes } from 'node:crypto';

interface Shared {
  connect(options?: ConnectOptions & { readonly chroot?: string }): Promise<Client>;
}

/** What a test has made, and closes in the end. */
export class Scope implements AsyncDisposable {
  /** Where it begins, on the server. */
  readonly path: string;
  readonly #shared: Shared;
  readonly #clients = new Set<Client>();

  private constructor(shared: Shared, path: string) {
    this.#shared = shared;
    this.path = path;
  }

  /** For this package. */
  static async open(shared: Shared): Promise<Scope> {
    const path = `/scope-${randomBytes(6).toString('hex')}`;
    await using client = await shared.connect();
    await client.create(path);
    return new Scope(shared, path);
  }

  /** A client to which the scope's path is the root. */
  async connect(options: ConnectOptions = {}): Promise<Client> {
    const client = await this.#shared.connect({ ...options, chroot: this.path });
    this.#clients.add(client);
    client.on('state', (state) => state === 'closed' && this.#clients.delete(client));
    return client;
  }

  /** Closes its clients and removes everything below its path. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#clients].map((client) => client.close()));
    await using client = await this.#shared.connect();
    await remove(client, this.path);
  }
}

async function remove(client: Client, path: string): Promise<void> {
  for (;;) {
    try {
      const { children } = await client.children(path);
      for (const name of children) await remove(client, `${path}/${name}`);
      return await client.delete(path);
    } catch (error) {
      if (ZkError.is(error, 'NoNode')) return;
      if (!ZkError.is(error, 'NotEmpty')) throw error;
    }
  }
}
