// A node that lives as long as the application wants: ephemeral, and made again whenever it is gone, under the next session
// as well. What is made again carries the newest data, never what it was registered with.

import { kinds, ZkError } from '@corral/client';
import type { Client, CreateMode, DataInput, Stat } from '@corral/client';
import { ConflictError } from './errors.ts';
import { createOwn, removeOwn } from './kernel/own-node.ts';
import type { AclOption, CallSignal } from './kernel/parents.ts';
import { nameOf, parentOf } from './kernel/paths.ts';
import { patient, whileServed } from './kernel/patience.ts';
import { Upkeep } from './kernel/upkeep.ts';
import type { Vigil } from './kernel/vigil.ts';
import { aclChecks, checkRecipe, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** Options of `persistentNode`. */
export interface PersistentNodeOptions extends AclOption {
  /** `ephemeralSequential`: the number that the server gives it stays, also when it is made again. */
  readonly mode?: Extract<CreateMode, 'ephemeral' | 'ephemeralSequential'> | undefined;
  /**
   * What to do when somebody else's node is there. `wait`, the default, until it is gone; `takeOver` replaces it; `fail`
   * gives up with a ConflictError. A node of an earlier session of this client is always replaced.
   */
  readonly onConflict?: 'wait' | 'takeOver' | 'fail' | undefined;
}

/** Failures after which the loop looks again. */
const passing = [
  'ConnectionLoss',
  'SessionExpired',
  'SessionMoved',
  'ThrottledOp',
  'NodeExists',
  'NoNode',
  'BadVersion',
] as const;

const known: Checks<PersistentNodeOptions> = {
  ...aclChecks,
  mode: kinds.oneOf('ephemeral', 'ephemeralSequential'),
  onConflict: kinds.oneOf('wait', 'takeOver', 'fail'),
};

/** A node that is kept alive over sessions. Made by `persistentNode`. */
export class PersistentNode implements AsyncDisposable {
  /** Resolves when the node is there for the first time; rejects when it cannot be. */
  readonly ready: Promise<void>;
  /** For what somebody waits for; the upkeep has no limit. */
  readonly #caller: Client;
  readonly #zk: Client;
  readonly #options: PersistentNodeOptions;
  readonly #upkeep: Upkeep;
  readonly #sessions = new Set<bigint>();
  #path: string;
  #isNamed: boolean;
  #wanted: DataInput;
  /** What the node holds, as far as we know; undefined while it is not ours. */
  #written: DataInput | undefined;

  constructor(zk: Client, path: string, data: DataInput, options: PersistentNodeOptions = {}) {
    checkRecipe('a persistent node', { zk, path, options }, known);
    this.#caller = zk;
    this.#zk = patient(zk);
    this.#path = path;
    this.#isNamed = options.mode !== 'ephemeralSequential';
    this.#options = options;
    this.#wanted = data;
    this.#upkeep = new Upkeep(zk, path, async (vigil) => {
      if (!(await this.#step(vigil))) return;
      this.#upkeep.bell.ring();
      await vigil.rung();
    });
    this.ready = this.#untilWritten(undefined);
    this.ready.catch(() => undefined);
  }

  /** Its path; of a sequential one the whole path only when it is `ready`. */
  get path(): string {
    return this.#path;
  }

  /** True while the node is there, as far as we know. */
  get exists(): boolean {
    return this.#written !== undefined;
  }

  /** Changes the data now and for every node to come. Resolves when the node holds it. */
  async set(data: DataInput, options: CallSignal = {}): Promise<void> {
    const signal = signalOf('set', options);
    this.#wanted = data;
    this.#upkeep.wake();
    await whileServed(this.#caller, this.#path, signal, (inner) => this.#untilWritten(inner));
  }

  /** Removes the node. Resolves when it is gone, or goes with its session. */
  close(): Promise<void> {
    return this.#remove(this.#caller);
  }

  /** The same for a node that nobody will use: with no server there, nobody waits for it. */
  async abandon(): Promise<void> {
    const removed = this.#remove(this.#zk).catch((error: unknown) => {
      if (!ZkError.is(error)) throw error;
    });
    if (this.#zk.state === 'connected') await removed;
  }

  async #remove(zk: Client): Promise<void> {
    await this.#upkeep.end();
    if (zk.state === 'closed') return;
    // A create that was cut short may still have happened: look, behind everything that was sent before.
    const stat = await zk.exists(this.#path);
    if (stat === null || !this.#isOurs(stat)) return;
    await removeOwn(this.#zk, { path: this.#path, session: stat.ephemeralOwner });
  }
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #untilWritten(signal: AbortSignal | undefined): Promise<void> {
    const look = (): true[] => (this.#written === this.#wanted ? [true] : []);
    for await (const _ of this.#upkeep.bell.each(this.#zk, this.#path, signal, look)) return;
    throw new ConflictError(`${this.#path} was closed before it held its data`);
  }

  /** Looks, and does one thing about what it sees. True when there is nothing to do before something changes. */
  async #step(vigil: Vigil): Promise<boolean> {
    const { signal } = vigil;
    try {
      if (!this.#isNamed) return await this.#name(signal);
      const session = this.#zk.session?.id;
      const stat = await this.#zk.exists(this.#path, { signal, watch: vigil.ring });
      if (stat !== null && this.#isOurs(stat)) return await this.#keep(stat, signal);
      this.#written = undefined;
      if (stat === null) await this.#create(session, signal);
      else if (this.#sessions.has(stat.ephemeralOwner) || this.#options.onConflict === 'takeOver') {
        await this.#replace(stat, signal);
      } else if (this.#options.onConflict === 'fail') {
        throw new ConflictError(`${this.#path} belongs to somebody else`);
      } else return true;
    } catch (error) {
      if (!passing.some((code) => ZkError.is(error, code))) throw error;
    }
    return false;
  }

  /** The first create of a sequential node gives it its name. */
  async #name(signal: AbortSignal): Promise<boolean> {
    const spec = { dir: parentOf(this.#path), base: nameOf(this.#path), data: this.#wanted, acl: this.#options.acl };
    const data = this.#wanted;
    const own = await createOwn(this.#zk, { ...spec, mode: 'ephemeralSequential' }, signal);
    this.#path = own.path;
    this.#isNamed = true;
    this.#sessions.add(own.session);
    this.#written = data;
    return false;
  }

  async #keep(stat: Stat, signal: AbortSignal): Promise<boolean> {
    if (this.#written === this.#wanted) return true;
    const data = this.#wanted;
    this.#written = undefined;
    await this.#zk.set(this.#path, data, { pin: stat.ephemeralOwner, signal });
    this.#written = data;
    return false;
  }

  async #create(session: bigint | undefined, signal: AbortSignal): Promise<void> {
    const data = this.#wanted;
    const { acl = 'open' } = this.#options;
    if (session !== undefined) this.#sessions.add(session);
    const options = { mode: 'ephemeral', acl, parents: 'container', parentsAcl: acl, signal } as const;
    const { stat } = await this.#zk.create(this.#path, data, options);
    this.#sessions.add(stat.ephemeralOwner);
    this.#written = data;
  }

  async #replace({ version }: Stat, signal: AbortSignal): Promise<void> {
    const data = this.#wanted;
    const { acl = 'open' } = this.#options;
    const tx = this.#zk.multi().delete(this.#path, { version });
    const [, { stat }] = await tx.create(this.#path, data, { mode: 'ephemeral', acl }).commit({ signal });
    this.#sessions.add(stat.ephemeralOwner);
    this.#written = data;
  }

  #isOurs({ ephemeralOwner }: Stat): boolean {
    return ephemeralOwner !== 0n && ephemeralOwner === this.#zk.session?.id;
  }
}

/** Keeps an ephemeral node alive over sessions, until `close` or the end of `await using`. */
export const persistentNode = (
  zk: Client,
  path: string,
  data: DataInput = '',
  options: PersistentNodeOptions = {},
): PersistentNode => new PersistentNode(zk, path, data, options);
