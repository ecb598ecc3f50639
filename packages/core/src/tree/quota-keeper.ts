// Quotas: limits that administrators write below /zookeeper/quota, and usage that every replica keeps there by itself.
//
// Usage is what the tree holds below the node of the quota, other quotas below included, so it is the same on every member
// whenever it started. Apache counts like this when a quota begins and when a server starts; in between its figures leave
// out what changes below a deeper quota, so its members differ. Enforced is only the deepest quota above a change.
//
// Usage is counted once for each node that ever had a quota and kept up to date from then on: anybody may make and delete
// quotas, and a count takes as long as the subtree is large.

import { errorCodes, systemPaths } from '@corral/protocol';
import type { NodeStore } from './node-store.ts';
import { parseLimits, quotaNodeOf } from './quota.ts';
import type { QuotaLimits } from './quota.ts';

export interface Quota {
  /** Subtree it applies to. */
  readonly path: string;
  /** Undefined while the limits node is missing. */
  limits: QuotaLimits | 'malformed' | undefined;
  /** Index of the statistics node, -1 while it is missing: nothing is enforced then. */
  statsNode: number;
  /** Whether `count` and `bytes` are those of the subtree. */
  isCounted: boolean;
  count: number;
  bytes: number;
  /** Whether usage is beyond a limit that only warns. */
  isExceeded: boolean;
  /** Changes that it did not let pass. */
  refusals: number;
}

/** What quotas need of the tree. */
export interface QuotaTree {
  readonly nodes: NodeStore;
  find(path: string): number;
  path(node: number): string;
  text(node: number): string;
  /** Replaces the data of a statistics node, which moves no zxid, version or watch. */
  writeText(node: number, text: string): void;
  softQuotaExceeded(path: string): void;
}

export class QuotaKeeper {
  readonly #tree: QuotaTree;
  readonly #byPath = new Map<string, Quota>();
  /** Quotas whose node exists, by its index. */
  readonly #byNode = new Map<number, Quota>();
  /** Statistics nodes. Usage counts them as empty, or it would depend on itself. */
  readonly #statsNodes = new Set<number>();
  /** Usage that has changed since it was written. */
  readonly #changed = new Set<Quota>();
  /** No quota has a longer path. */
  #longest = 0;

  constructor(tree: QuotaTree) {
    this.#tree = tree;
  }

  all(): Iterable<Quota> {
    return this.#byPath.values();
  }

  // What happens in the tree.

  created(path: string, node: number): void {
    const place = quotaNodeOf(path);
    if (place?.kind === 'stats') this.#statsNodes.add(node);
    if (this.#byPath.size > 0) {
      const quota = this.#byPath.get(path);
      if (quota !== undefined) this.#byNode.set(node, quota);
      this.#add(node, 1, this.#bytesOf(node));
    }
    if (place === undefined) return;
    const quota = this.#at(place.target);
    if (place.kind === 'limits') quota.limits = this.#limitsOf(node);
    else this.#startStats(quota, node);
  }

  /** The data of a node has grown by so many bytes. */
  dataChanged(path: string, node: number, bytes: number): void {
    if (this.#statsNodes.has(node)) return;
    const place = quotaNodeOf(path);
    if (place !== undefined) this.#at(place.target).limits = this.#limitsOf(node);
    if (this.#byPath.size > 0) this.#add(node, 0, bytes);
  }

  /** A node is about to go. */
  deleting(path: string, node: number): void {
    if (this.#byPath.size === 0) return;
    this.#add(node, -1, -this.#bytesOf(node));
    const own = this.#byPath.get(path);
    if (own !== undefined) {
      this.#byNode.delete(node);
      this.#dropIfUnused(own, -1);
    }
    const place = quotaNodeOf(path);
    if (place === undefined) return;
    const quota = this.#at(place.target);
    if (place.kind === 'limits') quota.limits = undefined;
    else {
      quota.statsNode = -1;
      this.#statsNodes.delete(node);
    }
    this.#dropIfUnused(quota, this.#tree.find(quota.path));
  }

  /** The transaction is complete: usage that it changed is written down. */
  settle(): void {
    if (this.#changed.size === 0) return;
    for (const quota of this.#changed) {
      if (quota.limits === undefined || quota.statsNode < 0) continue;
      this.#warnOfSoftLimit(quota);
      this.#write(quota);
    }
    this.#changed.clear();
  }

  /** A snapshot has been loaded: quotas are taken up, and all of them are counted in one walk. */
  loaded(): void {
    const { nodes } = this.#tree;
    this.#walk(this.#tree.find(systemPaths.quota), (node) => {
      const place = quotaNodeOf(this.#tree.path(node));
      if (place === undefined) return;
      const quota = this.#at(place.target);
      if (place.kind === 'stats') this.#statsNodes.add((quota.statsNode = node));
      // Apache takes a node with children for no limits when it starts.
      else if (nodes.childCount[node] === 0) quota.limits = this.#limitsOf(node);
    });
    if (this.#byPath.size === 0) return;
    for (const quota of this.#byPath.values()) quota.isCounted = true;
    this.#walk(0, (node) => this.#add(node, 1, this.#bytesOf(node)));
    this.settle();
  }

  // Limits.

  /** Error code of a change that adds so much below path; 0 when it may go on. */
  check(path: string, countAdded: number, bytesAdded: number): number {
    const quota = this.#enforced(path);
    if (quota?.limits === undefined) return 0;
    if (quota.limits === 'malformed') return errorCodes.MarshallingError;
    if (quota.statsNode < 0) return 0;
    const { countHard, bytesHard } = quota.limits;
    const isOver =
      (countAdded > 0 && countHard > -1 && quota.count + countAdded > countHard) ||
      (bytesAdded !== 0 && bytesHard > -1 && quota.bytes + bytesAdded > bytesHard);
    if (!isOver) return 0;
    quota.refusals++;
    return errorCodes.QuotaExceeded;
  }

  /** The deepest quota with limits that covers path. */
  #enforced(path: string): Quota | undefined {
    if (this.#byPath.size === 0) return undefined;
    const from = path.length <= this.#longest ? path.length : path.lastIndexOf('/', this.#longest);
    for (let end = from; end > 0; end = path.lastIndexOf('/', end - 1)) {
      const quota = this.#byPath.get(path.slice(0, end));
      if (quota?.limits !== undefined) return quota;
    }
    return undefined;
  }

  /** Null is no list of limits, an empty text is one without any. */
  #limitsOf(node: number): QuotaLimits | 'malformed' {
    return this.#tree.nodes.dataLength[node] < 0 ? 'malformed' : parseLimits(this.#tree.text(node));
  }

  // Usage.

  /** The quota of exactly this path, made when missing. */
  #at(path: string): Quota {
    let quota = this.#byPath.get(path);
    if (quota !== undefined) return quota;
    quota = {
      ...{ path, limits: undefined, statsNode: -1, isCounted: false, count: 0, bytes: 0 },
      ...{ isExceeded: false, refusals: 0 },
    };
    this.#byPath.set(path, quota);
    this.#longest = Math.max(this.#longest, path.length);
    const node = this.#tree.find(path);
    if (node >= 0) this.#byNode.set(node, quota);
    return quota;
  }

  /** Forgets a quota of which neither node is left, unless its subtree would have to be counted again. */
  #dropIfUnused(quota: Quota, node: number): void {
    if (quota.limits !== undefined || quota.statsNode >= 0 || (quota.isCounted && node >= 0)) return;
    this.#byPath.delete(quota.path);
    this.#byNode.delete(node);
    if (this.#byPath.size === 0) this.#longest = 0;
  }

  #startStats(quota: Quota, statsNode: number): void {
    quota.statsNode = statsNode;
    if (!quota.isCounted) {
      quota.isCounted = true;
      quota.count = quota.bytes = 0;
      this.#walk(this.#tree.find(quota.path), (node) => {
        quota.count++;
        quota.bytes += this.#bytesOf(node);
      });
    }
    this.#write(quota);
  }

  /** Adds to every quota above a node. */
  #add(node: number, count: number, bytes: number): void {
    const { parent } = this.#tree.nodes;
    for (let at = node; at >= 0; at = parent[at]!) {
      const quota = this.#byNode.get(at);
      if (quota?.isCounted !== true) continue;
      quota.count += count;
      quota.bytes += bytes;
      this.#changed.add(quota);
    }
  }

  #bytesOf(node: number): number {
    return this.#statsNodes.has(node) ? 0 : Math.max(0, this.#tree.nodes.dataLength[node]);
  }

  /** Once each time usage crosses a limit that does not refuse. */
  #warnOfSoftLimit(quota: Quota): void {
    const isExceeded = exceedsSoftLimit(quota);
    if (isExceeded && !quota.isExceeded) this.#tree.softQuotaExceeded(quota.path);
    quota.isExceeded = isExceeded;
  }

  #write({ statsNode, count, bytes }: Quota): void {
    this.#tree.writeText(statsNode, `count=${count},bytes=${bytes}`);
  }

  #walk(top: number, visit: (node: number) => void): void {
    if (top < 0) return;
    const { firstChild, nextSibling } = this.#tree.nodes;
    const open = [top];
    for (let node = open.pop(); node !== undefined; node = open.pop()) {
      visit(node);
      for (let child = firstChild[node]; child >= 0; child = nextSibling[child]!) open.push(child);
    }
  }
}

/** A hard limit takes the place of the soft one of its kind. */
function exceedsSoftLimit({ limits, count, bytes }: Quota): boolean {
  if (limits === undefined || limits === 'malformed') return false;
  const tooMany = limits.countHard < 0 && limits.count > -1 && count > limits.count;
  return tooMany || (limits.bytesHard < 0 && limits.bytes > -1 && bytes > limits.bytes);
}
