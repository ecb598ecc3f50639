// The learner's side of applying: what is decided and durable changes the tree, and a sync is answered when everything that
// was decided before it is applied.

import type { Zxid } from '@corral/protocol';
import type { Zab } from './zab.ts';

export class LearnerState {
  readonly #zab: Zab;
  readonly #leader: number;
  /** What is to be applied before each sync is answered. */
  readonly #syncs: Zxid[] = [];

  constructor(zab: Zab, leader: number) {
    this.#zab = zab;
    this.#leader = leader;
  }

  /** Applies up to `to`. Returns the transaction behind which the tree is not the leader's and must not be served. */
  apply(to: Zxid): Zxid | undefined {
    const { history, app, differences } = this.#zab;
    if (to <= history.committed && app.applied >= to) return undefined;
    const from = history.committed;
    for (let i = history.indexAfter(app.applied); i < history.length; i++) {
      const entry = history.at(i)!;
      if (entry.zxid > to) break;
      if (!app.deliver(entry) && differences.found(this.#leader, entry.zxid)) return entry.zxid;
    }
    if (to > history.committed) history.committed = to;
    this.#zab.traced('decided', this.#leader, from, to);
    history.trim(history.committed);
    this.answerSyncs();
    return undefined;
  }

  /** The leader has answered a sync, when it had decided this. */
  synced(decided: Zxid): void {
    this.#syncs.push(decided);
  }

  answerSyncs(): void {
    while (this.#syncs.length > 0 && this.#syncs[0] <= this.#zab.history.committed) {
      this.#syncs.shift();
      this.#zab.app.synced();
    }
  }
}
