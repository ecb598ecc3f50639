// The digests that come with transactions, compared with the tree that applying them leads to.

import type { Zxid } from '@corral/protocol';
import type { TxnDigest } from './log/txn.ts';
import type { ReplicaStats } from './stats.ts';
import type { DataTree } from './tree/data-tree.ts';
import { digestVersion } from '@corral/protocol';

/** The tree, and the counters of its server. */
interface Replicated {
  readonly tree: DataTree;
  readonly stats: ReplicaStats;
}

/** A leader that told wrong digests steps down at most once in such a time, ms. */
const doubtMs = 10 * 60_000;

export class RecordedDigests {
  readonly #isEnabled: boolean;
  /**
   * Digests of transactions before this one say nothing about the tree. Infinity: it came from a leader, and may hold a
   * part of what comes next, as ZooKeeper's leaders go on changing what they are sending.
   */
  comparableFrom: number;
  /** Wrong digests told so far, and until when another one is no reason to step down. */
  #counted = 0;
  #trustedUntil = -Infinity;

  constructor(isEnabled: boolean, comparableFrom: number) {
    this.#isEnabled = isEnabled;
    this.comparableFrom = comparableFrom;
  }

  /** What the leader sent first has all arrived; it ends with `last`. */
  caughtUp(last: Zxid): void {
    if (this.comparableFrom === Infinity) this.comparableFrom = last + 1;
  }

  /** Whether the tree is the one that the server which ordered this transaction had behind it. Counts when it is not. */
  agree(zxid: Zxid, digest: TxnDigest | undefined, { tree, stats }: Replicated): boolean {
    if (!this.#isEnabled || digest?.version !== digestVersion || zxid < this.comparableFrom) return true;
    if (digest.value === tree.digest.value) return true;
    stats.digestMismatches++;
    return false;
  }

  /**
   * Leading: what this server told, or what it holds, turned out to be wrong. Another leader shows which it is, and gives
   * this server the right tree.
   */
  isInDoubt({ stats }: Pick<Replicated, 'stats'>, now: number): boolean {
    const isNew = stats.digestsToldWrongly > this.#counted;
    this.#counted = stats.digestsToldWrongly;
    if (!isNew || now < this.#trustedUntil) return false;
    this.#trustedUntil = now + doubtMs;
    return true;
  }
}
