// Group membership: each member keeps a node of its own below the group's path, as Curator's GroupMember does, or kazoo's
// Party with `names: 'kazoo'`.

import { json, kinds } from '@corral/client';
import type { Client, Codec } from '@corral/client';
import type { AclOption, CallSignal } from './kernel/parents.ts';
import type { Names } from './kernel/names.ts';
import { quietly, whileServed } from './kernel/patience.ts';
import { childName, join, nameOf } from './kernel/paths.ts';
import { abortable } from './kernel/vigil.ts';
import { PersistentNode } from './persistent-node.ts';
import { TreeCache } from './tree-cache.ts';
import type { CachedNode } from './tree-cache.ts';
import { aclChecks, checkRecipe, namesCheck, signalOf } from './kernel/options.ts';
import type { Checks } from './kernel/options.ts';

/** Options of a group. */
export interface GroupOptions<T> extends AclOption {
  /** How a member's data is written; JSON unless given. */
  readonly codec?: Codec<T> | undefined;
  readonly names?: Names | undefined;
}

/** One member of a group. */
export interface Member<T> {
  readonly id: string;
  /** Null when it cannot be read with the codec. */
  readonly data: T | null;
  readonly since: Date;
}

/** Who came and who went, and who is there now. */
export interface GroupChange<T> {
  readonly joined: readonly Member<T>[];
  readonly left: readonly Member<T>[];
  readonly members: readonly Member<T>[];
}

const partySuffix = '__party__';

const known: Checks<GroupOptions<unknown>> = { ...aclChecks, codec: kinds.codec, names: namesCheck };

/** A group of processes. Made by `group`. */
export class Group<T> {
  /** Path of its node. */
  readonly path: string;
  readonly #zk: Client;
  readonly #codec: Codec<T>;
  readonly #options: GroupOptions<T>;

  constructor(zk: Client, path: string, options: GroupOptions<T> = {}) {
    checkRecipe('a group', { zk, path, options }, known as Checks<GroupOptions<T>>);
    this.#zk = zk;
    this.path = path;
    this.#codec = options.codec ?? json<T>();
    this.#options = options;
  }

  /**
   * Becomes a member, for as long as the result is not closed. Resolves when the others can see it. An id that somebody else
   * has is waited for: the session of an earlier run of this program may still hold it.
   */
  async join(id: string, data: T, options: CallSignal = {}): Promise<PersistentNode> {
    const signal = signalOf('join', options);
    const asParty = this.#options.names === 'kazoo';
    const name = asParty
      ? `${crypto.randomUUID().replaceAll('-', '')}${partySuffix}`
      : childName('the id of a member', id);
    const bytes = asParty ? id : this.#codec.encode(data);
    const node = new PersistentNode(this.#zk, join(this.path, name), bytes, { acl: this.#options.acl });
    try {
      await whileServed(this.#zk, node.path, signal, (inner) => abortable(node.ready, inner));
      return node;
    } catch (error) {
      await node.abandon();
      throw error;
    }
  }

  /** Who is a member now, by id. */
  async members(options: CallSignal = {}): Promise<Member<T>[]> {
    const signal = signalOf('members', options);
    return await whileServed(this.#zk, this.path, signal, async (inner) => {
      for await (const { members } of this.changes({ signal: inner })) return [...members];
      inner.throwIfAborted();
      return [];
    });
  }

  /** The members now, as `joined`, then every change. */
  changes(options: CallSignal = {}): AsyncGenerator<GroupChange<T>, void> {
    const signal = signalOf('changes', options);
    return quietly(signal, this.#changes(signal));
  }

  async *#changes(signal: AbortSignal | undefined): AsyncGenerator<GroupChange<T>, void> {
    await using cache = new TreeCache(this.#zk, this.path, { recursive: false });
    await cache.whenReady(signal);
    const known = new Map<string, Member<T>>();
    let isFirst = true;
    for await (const changed of cache.batches({ signal })) {
      const joined: Member<T>[] = [];
      const left: Member<T>[] = [];
      for (const { path, node } of changed) {
        if (path === this.path) continue;
        const before = known.get(path);
        if (before !== undefined) left.push(before);
        known.delete(path);
        if (node === null) continue;
        const member = await this.#member(nameOf(path), node);
        known.set(path, member);
        joined.push(member);
      }
      if (!isFirst && joined.length === 0 && left.length === 0) continue;
      isFirst = false;
      yield { joined, left, members: [...known.values()].sort((a, b) => (a.id < b.id ? -1 : 1)) };
    }
  }

  async #member(name: string, { data, stat }: CachedNode): Promise<Member<T>> {
    const since = stat.ctime;
    if (name.endsWith(partySuffix)) return { id: new TextDecoder().decode(data), data: null, since };
    try {
      return { id: name, data: await this.#codec.decode(data), since };
    } catch {
      return { id: name, data: null, since };
    }
  }
}

/** The group at a path. */
export const group = <T = unknown>(zk: Client, path: string, options: GroupOptions<T> = {}): Group<T> =>
  new Group(zk, path, options);
