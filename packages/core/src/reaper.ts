// Which containers and TTL nodes are due: containers that have lost their last child, TTL nodes that nobody has touched
// for long enough. The leader deletes them by ordinary transactions.

import type { ReplicaOptions } from './options.ts';
import type { DataTree } from './tree/data-tree.ts';

export class Reaper {
  readonly #tree: DataTree;
  readonly #options: ReplicaOptions;
  #lastCheck: number | undefined;
  /** Deletions that the limit allows by now. */
  #credit = 0;

  constructor(tree: DataTree, options: ReplicaOptions) {
    this.#tree = tree;
    this.#options = options;
  }

  /** Paths to delete now; empty unless a check is due. */
  due(now: number, wall: number): string[] {
    this.#lastCheck ??= now;
    const elapsed = now - this.#lastCheck;
    if (elapsed < this.#options.containerCheckMs) return [];
    this.#lastCheck = now;
    // Checks come late when the host's ticks are rarer, so what they may delete goes by the time that has passed.
    const gained = (this.#options.containersPerMinuteMax * elapsed) / 60_000;
    this.#credit = Math.min(this.#credit, 1) + gained;
    const paths: string[] = [];
    for (const node of this.#candidates(wall)) {
      if (this.#credit < 1) break;
      this.#credit--;
      paths.push(this.#tree.path(node));
    }
    return paths;
  }

  *#candidates(wall: number): Generator<number> {
    const { nodes, containers, ttls } = this.#tree;
    const neverUsedMs = this.#options.containerNeverUsedMs;
    for (const node of containers) {
      if (nodes.childCount[node] > 0) continue;
      const isUsed = nodes.cversion[node] !== 0;
      if (isUsed || (neverUsedMs > 0 && wall - nodes.mtime[node] > neverUsedMs)) yield node;
    }
    for (const node of ttls)
      if (nodes.childCount[node] === 0 && wall - nodes.mtime[node] > this.#tree.ttlMs(node)) yield node;
  }
}
