// A lease: something that one has for a time, by the clock of the servers, and then no longer. It is not bound to a
// session: it outlasts the process that took it, and nobody waits for it. For what is to be done once an hour by whoever
// comes first. As kazoo's NonBlockingLease, which trusts the clocks of clients.
//
//   <path>         who has it and for how long, as JSON; its mtime is the beginning. Empty: nobody.
//   <path>/clock   written to for the servers' time

import { ZkError, checkOptions, kinds } from '@corral/client';
import type { Client, Multi, Stat } from '@corral/client';
import { ConflictError, LostError, isAmbiguous, isLostRace } from './errors.ts';
import { identityOf } from './kernel/identity.ts';
import { insist } from './kernel/insist.ts';
import type { AclOption, CallSignal } from './kernel/parents.ts';
import { join } from './kernel/paths.ts';
import { ServerTime } from './kernel/server-time.ts';
import { aclChecks, checkRecipe, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** Options of a lease. */
export interface LeaseOptions extends AclOption {
  /** Who takes it; by default host and process. The same one gets it again before its end. */
  readonly id?: string | undefined;
}

/** Who has a lease at present. */
export interface LeaseHolder {
  readonly id: string;
  /** When it ends, by the servers' clock. */
  readonly until: Date;
}

interface Written {
  readonly holder: string;
  readonly ms: number;
}
interface Read {
  readonly written: Written | null;
  readonly stat: Stat;
}

const known: Checks<LeaseOptions> = { ...aclChecks, id: kinds.text };

/** A lease that was taken. */
export class HeldLease {
  /** Grows with every holder: a fencing token. */
  readonly token: bigint;
  /** When it ends, by the servers' clock. */
  readonly until: Date;
  /** Aborts when it ends, or was given back. */
  readonly signal: AbortSignal;
  readonly #zk: Client;
  readonly #path: string;
  readonly #version: number;
  readonly #deadline: number;
  readonly #over = new AbortController();
  readonly #cancelTimer: () => void;

  /** `sentAt`: before the servers can have counted from. */
  constructor(zk: Client, path: string, stat: Stat, { ms, sentAt }: { readonly ms: number; readonly sentAt: number }) {
    this.#zk = zk;
    this.#path = path;
    this.#version = stat.version;
    this.token = stat.mzxid;
    this.until = new Date(stat.mtime.getTime() + ms);
    this.#deadline = sentAt + ms;
    this.signal = this.#over.signal;
    this.#cancelTimer = zk.clock.after(
      this.#deadline - zk.clock.now(),
      () => this.#end('its time is over'),
      'released',
    );
  }

  /** Throws when it has ended. Asks the clock itself: no timer fires while the event loop is blocked. */
  throwIfOver(): void {
    if (this.#zk.clock.now() >= this.#deadline) this.#end('its time is over');
    this.signal.throwIfAborted();
  }

  /** Adds to a transaction that it must not happen once somebody else, or a later call, has taken the lease. */
  guard<R extends unknown[]>(tx: Multi<R>): Multi<[...R, null]> {
    this.throwIfOver();
    return tx.check(this.#path, this.#version);
  }

  /** Gives it back before its end, unless somebody has taken it since. */
  async release(options: CallSignal = {}): Promise<void> {
    const signal = signalOf('release', options);
    this.#end('it was released');
    try {
      await insist(this.#zk, () => this.#zk.set(this.#path, '', { version: this.#version, signal }), signal);
    } catch (error) {
      if (!ZkError.is(error, 'BadVersion') && !ZkError.is(error, 'NoNode')) throw error;
    }
  }

  #end(why: string): void {
    this.#cancelTimer();
    this.#over.abort(new LostError(this.#path, 'released', why));
  }
}

/** A lease among all processes. Made by `lease`. */
export class Lease {
  /** Path of its node. */
  readonly path: string;
  readonly #zk: Client;
  readonly #options: LeaseOptions;
  readonly #id: string;
  readonly #time: ServerTime;

  constructor(zk: Client, path: string, options: LeaseOptions = {}) {
    checkRecipe('a lease', { zk, path, options }, known);
    this.#zk = zk;
    this.path = path;
    this.#options = options;
    this.#id = identityOf(options).id;
    this.#time = ServerTime.at(zk, join(path, 'clock'), options);
  }

  /** Takes it for so many milliseconds from now; null when somebody else has it. Who has it already begins anew. */
  async acquire(ms: number, options: CallSignal = {}): Promise<HeldLease | null> {
    const signal = signalOf('acquire', options);
    checkOptions('acquire', { ms }, { ms: kinds.span });
    if (ms === 0) throw new RangeError('a lease lasts longer than 0 ms');
    const data = JSON.stringify({ holder: this.#id, ms } satisfies Written);
    for (;;) {
      signal?.throwIfAborted();
      const read = await this.#read(signal);
      if (read !== null && (await this.#isTaken(read))) return null;
      const sentAt = this.#zk.clock.now();
      try {
        return new HeldLease(this.#zk, this.path, await this.#write(read, data, signal), { ms, sentAt });
      } catch (error) {
        signal?.throwIfAborted();
        if (ZkError.is(error, 'OperationTimeout')) throw error;
        // In doubt it is either ours, and begins anew, or it is not.
        if (!isAmbiguous(error) && !isLostRace(error)) throw error;
      }
    }
  }

  /** Who has it; null when nobody does. */
  async holder(options: CallSignal = {}): Promise<LeaseHolder | null> {
    const signal = signalOf('holder', options);
    const read = await this.#read(signal);
    if (read === null) return null;
    const { written, stat } = read;
    if (written === null) return null;
    const until = endOf(written, stat);
    return (await this.#time.atLeast()) < until ? { id: written.holder, until: new Date(until) } : null;
  }

  async #isTaken({ written, stat }: Read): Promise<boolean> {
    if (written === null || written.holder === this.#id) return false;
    return (await this.#time.atLeast()) < endOf(written, stat);
  }

  async #write(read: Read | null, data: string, signal: AbortSignal | undefined): Promise<Stat> {
    const { acl = 'open' } = this.#options;
    if (read !== null) return await this.#zk.set(this.path, data, { version: read.stat.version, signal });
    return (await this.#zk.create(this.path, data, { acl, parents: 'container', parentsAcl: acl, signal })).stat;
  }

  async #read(signal: AbortSignal | undefined): Promise<Read | null> {
    try {
      const { data, stat } = await this.#zk.get(this.path, { signal });
      return { written: parse(new TextDecoder().decode(data), this.path), stat };
    } catch (error) {
      if (ZkError.is(error, 'NoNode')) return null;
      throw error;
    }
  }
}

/** Servers cut their time to milliseconds. */
const endOf = ({ ms }: Written, { mtime }: Stat): number => mtime.getTime() + 1 + ms;

function parse(text: string, path: string): Written | null {
  if (text === '') return null;
  try {
    const { holder, ms } = JSON.parse(text) as Partial<Written>;
    if (typeof holder === 'string' && typeof ms === 'number') return { holder, ms };
  } catch {
    // Said below.
  }
  throw new ConflictError(`${path} is no lease`);
}

/** The lease at a path: `const held = await lease(zk, '/leases/report').acquire(3_600_000)`. */
export const lease = (zk: Client, path: string, options: LeaseOptions = {}): Lease => new Lease(zk, path, options);
