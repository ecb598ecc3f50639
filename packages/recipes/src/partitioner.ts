// Parts of a whole, shared among the members that are there. An elected coordinator writes who should have what; a member
// works on a part only while it holds the part's lock, so a map that is late or wrong costs time and nothing else. Each
// part goes where its hash with the member's id is highest: when a member comes or goes, only its own parts move.

import { kinds, onAbort, ZkError } from '@corral/client';
import type { Client } from '@corral/client';
import { LostError, toError } from './errors.ts';
import { election } from './election.ts';
import type { Term } from './election.ts';
import { group } from './group.ts';
import { Bell } from './kernel/bell.ts';
import type { HoldOptions } from './kernel/hold.ts';
import { insist } from './kernel/insist.ts';
import type { AclOption, CallSignal } from './kernel/parents.ts';
import { patient, quietly } from './kernel/patience.ts';
import { join } from './kernel/paths.ts';
import { Vigil } from './kernel/vigil.ts';
import { lock } from './lock.ts';
import type { HeldLock } from './lock.ts';
import { rendezvous } from './rendezvous.ts';
import { aclChecks, checkRecipe, holdChecks, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** Options of `partitions`. */
export interface PartitionOptions extends AclOption, HoldOptions {
  /** Names of all parts. The coordinator's list counts. */
  readonly parts: readonly string[];
  /** Name of this member; must be its own. */
  readonly id: string;
  /** Milliseconds to wait for more changes before a new map is made; 1000 unless given. */
  readonly settleMs?: number | undefined;
}

/** A part that this member has. */
export interface Part {
  readonly name: string;
  /** Aborts when work on it must stop: it goes to another member, or its lock is lost. */
  readonly signal: AbortSignal;
  readonly lock: HeldLock;
}
interface OwnPart extends Part {
  readonly over: AbortController;
}

/** What has changed, and the parts that this member has now. */
export interface Assignment {
  readonly gained: readonly Part[];
  /** Work on these must have stopped when the loop comes back for more; only then others get them. */
  readonly lost: readonly string[];
  readonly parts: ReadonlyMap<string, Part>;
}

interface PartitionMap {
  readonly epoch: number;
  readonly map: Readonly<Record<string, string>>;
}

const defaultSettleMs = 1000;

const known: Checks<PartitionOptions> = {
  ...aclChecks,
  ...holdChecks,
  parts: kinds.list,
  id: kinds.text,
  settleMs: kinds.span,
};

/** Parts shared among members. Made by `partitions`. */
export class Partitions {
  /** Path of its node. */
  readonly path: string;
  readonly #zk: Client;
  readonly #options: PartitionOptions;

  constructor(zk: Client, path: string, options: PartitionOptions) {
    checkRecipe('partitions', { zk, path, options }, known, ['parts', 'id']);
    this.#zk = patient(zk);
    this.path = path;
    this.#options = options;
  }

  /** Takes part, and says what this member has, whenever that changes. Leaving the loop gives all of it up. */
  assignments(options: CallSignal = {}): AsyncGenerator<Assignment, void> {
    const signal = signalOf('assignments', options);
    return quietly(signal, this.#assignments(signal));
  }

  async *#assignments(signal: AbortSignal | undefined): AsyncGenerator<Assignment, void> {
    const { acl, id } = this.#options;
    const stop = new AbortController();
    const inner = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
    const members = group(this.#zk, join(this.path, 'members'), { acl });
    const member = await members.join(id, null, { signal });
    const fail = (error: unknown): void => stop.abort(error);
    const coordinating = this.#coordinate(inner).catch(fail);
    try {
      yield* this.#follow(inner, fail);
    } finally {
      stop.abort();
      await Promise.allSettled([coordinating, member.close()]);
    }
  }

  // The member

  async *#follow(signal: AbortSignal, fail: (error: unknown) => void): AsyncGenerator<Assignment, void> {
    using vigil = new Vigil(this.#zk, this.path, signal);
    const held = new Map<string, OwnPart>();
    /** Parts whose locks are being waited for. */
    const waiting = new Map<string, AbortController>();
    const arrived: OwnPart[] = [];
    try {
      for (;;) {
        const wanted = await this.#mine(vigil);
        for (const [name, controller] of [...waiting]) {
          if (wanted.has(name)) continue;
          waiting.delete(name);
          controller.abort();
        }
        const lost = [...held.values()].filter(({ name, signal: over }) => !wanted.has(name) || over.aborted);
        for (const name of wanted) {
          if (held.has(name) || waiting.has(name) || arrived.some((part) => part.name === name)) continue;
          this.#waitFor(name, waiting, arrived, { vigil, fail });
        }
        for (const { name, lock: each, over } of lost) {
          held.delete(name);
          over.abort(new LostError(each.path, 'released', 'another member gets it'));
        }
        const gained = arrived.splice(0);
        for (const part of gained) {
          held.set(part.name, part);
          part.signal.addEventListener('abort', vigil.ring, { once: true });
        }
        if (gained.length > 0 || lost.length > 0) {
          yield { gained, lost: lost.map(({ name }) => name), parts: new Map(held) };
          // The loop has come back: nobody works on the lost ones any more.
          for (const { lock: each } of lost) await each.release();
        }
        if (arrived.length === 0 && lost.length === 0) await vigil.rung();
      }
    } finally {
      for (const controller of waiting.values()) controller.abort();
      await Promise.allSettled([...held.values(), ...arrived].map(({ lock: each }) => each.release()));
    }
  }

  #waitFor(
    name: string,
    waiting: Map<string, AbortController>,
    arrived: OwnPart[],
    { vigil, fail }: { readonly vigil: Vigil; readonly fail: (error: unknown) => void },
  ): void {
    const controller = new AbortController();
    waiting.set(name, controller);
    const signal = AbortSignal.any([controller.signal, vigil.signal]);
    const { acl, id, onSuspend } = this.#options;
    lock(this.#zk, join(join(this.path, 'locks'), encodeURIComponent(name)), { acl, id, onSuspend })
      .acquire({ signal })
      .then((held) => {
        if (signal.aborted) return held.abandon();
        waiting.delete(name);
        const over = new AbortController();
        onAbort(held.signal, () => over.abort(held.signal.reason));
        arrived.push({ name, signal: over.signal, lock: held, over });
        vigil.ring();
      })
      .catch((error: unknown) => {
        if (waiting.get(name) === controller) waiting.delete(name);
        if (signal.aborted) return;
        // Lost on the way: the next look at the map decides. Anything else would only happen again.
        if (error instanceof LostError) vigil.ring();
        else fail(error);
      });
  }

  /** The parts that the map gives to this member. */
  async #mine({ ring, signal }: Vigil): Promise<ReadonlySet<string>> {
    const map = await this.#read({ watch: ring, signal });
    return new Set(Object.keys(map?.map ?? {}).filter((name) => map!.map[name] === this.#options.id));
  }

  async #read(options: { readonly watch?: () => void; readonly signal?: AbortSignal }): Promise<PartitionMap | null> {
    for (;;) {
      try {
        return JSON.parse(await this.#zk.getText(this.#assign, options)) as PartitionMap;
      } catch (error) {
        if (!ZkError.is(error, 'NoNode')) throw error;
      }
      if ((await this.#zk.exists(this.#assign, options)) === null) return null;
    }
  }

  get #assign(): string {
    return join(this.path, 'assign');
  }

  // The coordinator

  async #coordinate(signal: AbortSignal): Promise<void> {
    const { acl, id, onSuspend } = this.#options;
    const race = election(this.#zk, join(this.path, 'coordinator'), { id, acl, onSuspend });
    for await (const term of race.terms({ signal })) {
      try {
        await this.#assignWhile(term, AbortSignal.any([signal, term.signal]));
      } catch (error) {
        // The next coordinator goes on; we stand again.
        if (await term.verify()) throw error;
      }
    }
  }

  async #assignWhile(term: Term, signal: AbortSignal): Promise<void> {
    const { acl, settleMs = defaultSettleMs } = this.#options;
    const bell = new Bell();
    let ids: readonly string[] = [];
    const watching = (async () => {
      for await (const { members } of group(this.#zk, join(this.path, 'members'), { acl }).changes({ signal })) {
        ids = members.map((each) => each.id);
        bell.ring();
      }
    })().catch((error: unknown) => bell.finish(toError(error)));
    using vigil = new Vigil(this.#zk, this.path, signal);
    for await (let seen of bell.each(this.#zk, this.path, vigil.signal, () => [ids])) {
      const due = this.#zk.clock.now() + settleMs;
      const cancel = vigil.ringAfter(settleMs);
      while (this.#zk.clock.now() < due) await vigil.rung();
      cancel();
      seen = ids;
      if (seen.length > 0) await this.#write(term, rendezvous(this.#options.parts, seen), vigil.signal);
    }
    await watching;
  }

  async #write(term: Term, map: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    const old = await this.#read({ signal });
    if (old !== null && JSON.stringify(old.map) === JSON.stringify(map)) return;
    const data = JSON.stringify({ epoch: (old?.epoch ?? 0) + 1, map });
    const { acl = 'open' } = this.#options;
    const write = () => {
      const tx = this.#zk.multi();
      if (old === null) tx.create(this.#assign, data, { acl });
      else tx.set(this.#assign, data);
      return term.guard(tx).commit({ signal });
    };
    try {
      await insist(this.#zk, write, signal);
    } catch (error) {
      if (!ZkError.is(error, 'NodeExists')) throw error;
    }
  }
}

/** Parts shared among the members at a path. */
export const partitions = (zk: Client, path: string, options: PartitionOptions): Partitions =>
  new Partitions(zk, path, options);
