// Several nodes of configuration that belong together: read as of one transaction, written in one.

import { MultiError, ZkError, decodeData, kinds } from '@corral/client';
import type { Client, Codec, Data } from '@corral/client';
import { isAmbiguous, toError } from './errors.ts';
import type { CallSignal } from './kernel/parents.ts';
import { patient, quietly, whileServed } from './kernel/patience.ts';
import { Upkeep } from './kernel/upkeep.ts';
import { abortable } from './kernel/vigil.ts';
import type { Vigil } from './kernel/vigil.ts';
import { checkRecipe, signalChecks, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** A node of a set, and how it is read. */
export interface ConfigPart<T> {
  readonly path: string;
  readonly codec: Codec<T>;
}
type Parts = Readonly<Record<string, ConfigPart<unknown>>>;
type Values<P extends Parts> = { readonly [K in keyof P]: P[K] extends ConfigPart<infer T> ? T : never };

/** Options of `configSet`. */
export interface ConfigSetOptions extends CallSignal {
  /** Called when somebody wrote what a codec refuses; the last good values stay. */
  readonly onInvalid?: ((error: Error) => void) | undefined;
}

const known: Checks<ConfigSetOptions> = { ...signalChecks, onInvalid: kinds.callback };

/** Values that change together. Made by `configSet`. */
export class ConfigSet<P extends Parts> implements AsyncDisposable {
  readonly #zk: Client;
  readonly #parts: P;
  readonly #options: ConfigSetOptions;
  readonly #names: readonly (keyof P & string)[];
  readonly #upkeep: Upkeep;
  #values: Values<P> | null = null;
  #mzxid = -1n;

  /** Use `configSet`, which waits for the first values. */
  constructor(zk: Client, parts: P, options: ConfigSetOptions) {
    this.#zk = zk;
    this.#parts = parts;
    this.#options = options;
    this.#names = Object.keys(parts);
    this.#upkeep = new Upkeep(zk, '/', (vigil) => this.#step(vigil));
  }

  /** The last good values, all of one moment. */
  get values(): Values<P> {
    if (this.#values === null) throw new Error('the configuration has not been read yet');
    return this.#values;
  }

  /** Replaces what `change` returns, all or nothing, unless any of the nodes was changed meanwhile: then it asks again. */
  async update(
    change: (values: Values<P>) => Partial<Values<P>> | Promise<Partial<Values<P>>>,
    options: CallSignal = {},
  ): Promise<Values<P>> {
    const signal = signalOf('update', options);
    for (;;) {
      const read = await this.#read(signal);
      const before = await this.#decode(read);
      const changed = await change(before);
      const tx = this.#zk.multi();
      this.#names.forEach((name, at) => {
        const { path, codec } = this.#parts[name];
        const { version } = read[at].stat;
        if (name in changed) tx.set(path, codec.encode(changed[name]), { version });
        else tx.check(path, version);
      });
      try {
        await tx.commit({ signal });
        return { ...before, ...changed };
      } catch (error) {
        if (isAmbiguous(error) || !(error instanceof MultiError) || error.code !== 'BadVersion') throw error;
      }
    }
  }

  /** The values now, then every newer ones. */
  async *changes(options: CallSignal = {}): AsyncGenerator<Values<P>, void> {
    const signal = signalOf('changes', options);
    let last: Values<P> | null = null;
    const look = (): Values<P>[] => {
      if (this.#values === null || this.#values === last) return [];
      last = this.#values;
      return [this.#values];
    };
    yield* quietly(signal, this.#upkeep.bell.each(this.#zk, '/', signal, look));
  }

  /** Waits for the first values. */
  async ready(signal?: AbortSignal): Promise<this> {
    for await (const _ of this.changes({ signal })) return this;
    signal?.throwIfAborted();
    throw this.#upkeep.failure ?? new Error('the configuration was closed');
  }

  /** Ends it; nothing of it goes on in the background. */
  close(): Promise<void> {
    return this.#upkeep.end();
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #step(vigil: Vigil): Promise<void> {
    // Watches first: what changes between them and the reading rings.
    const watched = { watch: vigil.ring, signal: vigil.signal };
    const stats = await Promise.all(
      this.#names.map((name) => patient(this.#zk).exists(this.#parts[name].path, watched)),
    );
    if (!stats.includes(null)) await this.#look(vigil.signal);
    await vigil.rung();
  }

  async #look(signal: AbortSignal): Promise<void> {
    let read: readonly Data[];
    try {
      read = await this.#read(signal, Infinity);
    } catch (error) {
      // Deleted since the watches were set, which has rung.
      if (ZkError.is(error, 'NoNode')) return;
      throw error;
    }
    const mzxid = read.reduce((max, { stat }) => (stat.mzxid > max ? stat.mzxid : max), 0n);
    if (mzxid <= this.#mzxid) return;
    this.#mzxid = mzxid;
    try {
      this.#values = await this.#decode(read);
      this.#upkeep.bell.ring();
    } catch (error) {
      if (this.#values === null) throw error;
      this.#options.onInvalid?.(toError(error));
    }
  }

  async #read(signal?: AbortSignal, timeout?: number): Promise<readonly Data[]> {
    const reads = this.#zk.read();
    for (const name of this.#names) reads.get(this.#parts[name].path);
    const settled = (await reads.commit({ signal, timeout })) as unknown as readonly (
      { readonly ok: true; readonly value: Data } | { readonly ok: false; readonly error: ZkError }
    )[];
    return settled.map((one) => {
      if (one.ok) return one.value;
      throw one.error;
    });
  }

  async #decode(read: readonly Data[]): Promise<Values<P>> {
    const values = await Promise.all(
      this.#names.map((name, at) => decodeData(this.#parts[name].codec, read[at].data, this.#parts[name].path)),
    );
    return Object.fromEntries(this.#names.map((name, at) => [name, values[at]])) as Values<P>;
  }
}

/** Nodes of configuration that change together, when all of them have a value. */
export async function configSet<const P extends Parts>(
  zk: Client,
  parts: P,
  options: ConfigSetOptions = {},
): Promise<ConfigSet<P>> {
  checkRecipe('configSet', { zk, path: '/', options }, known);
  for (const [name, { path, codec }] of Object.entries(parts as Parts)) {
    checkRecipe(`the part ${name}`, { zk, path, options: { codec } }, { codec: kinds.codec }, ['codec']);
  }
  const made = new ConfigSet(zk, parts, options);
  try {
    return await whileServed(zk, '/', options.signal, (signal) => abortable(made.ready(signal), signal));
  } catch (error) {
    await made.close();
    throw error;
  }
}
