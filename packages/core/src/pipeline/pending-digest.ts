// The digest of the tree as it will be when every write in flight is applied: a transaction carries the digest of the tree
// behind it before it is applied anywhere, so that each replica can compare what it has come to. Kept like the tree's own,
// by taking what a node contributed and adding what it will.

import { crc32, encodeText } from '@corral/protocol';
import type { Zxid } from '@corral/protocol';
import type { DataTree } from '../tree/data-tree.ts';
import { DigestSum, digestOfNode, isDigested } from '../tree/tree-digest.ts';
import type { DigestHalves } from '@corral/protocol';

/** What a node with a change in flight will contribute, and what that is computed from. */
export interface PendingStat {
  /** CRC-32 of path and data. */
  readonly content: number;
  readonly czxid: number;
  readonly mzxid: number;
  readonly pzxid: number;
  readonly ctime: number;
  readonly mtime: number;
  readonly ownerHigh: number;
  readonly ownerLow: number;
}

/** The 64 bits a node stores as its owner. */
export interface StoredOwner {
  readonly high: number;
  readonly low: number;
}

const nobody: StoredOwner = { high: 0, low: 0 };

export class PendingDigest {
  readonly #tree: DataTree;
  readonly #sum = new DigestSum();
  readonly #sumBefore = new DigestSum();
  #scratch = new Uint8Array(256);
  #time = 0;

  constructor(tree: DataTree) {
    this.#tree = tree;
    this.#sum.copyFrom(tree.digest.sum);
  }

  get halves(): DigestHalves {
    return this.#sum.halves;
  }

  /** A transaction begins, with this time in its header. */
  begin(time: number): void {
    this.#time = time;
    this.#sumBefore.copyFrom(this.#sum);
  }

  /** Nothing of it is going to happen. */
  rollBack(): void {
    this.#sum.copyFrom(this.#sumBefore);
  }

  /** What the node at `path` contributes as the tree has it. */
  contributed(path: string): number {
    const node = this.#tree.find(path);
    return node < 0 ? 0 : this.#tree.nodes.digest[node];
  }

  /** The fields of a node without a change in flight. */
  statOf(path: string): PendingStat {
    const { digest, nodes } = this.#tree;
    const node = this.#tree.find(path);
    return {
      content: digest.content(node),
      czxid: nodes.czxid[node],
      mzxid: nodes.mzxid[node],
      pzxid: nodes.pzxid[node],
      ctime: nodes.ctime[node],
      mtime: nodes.mtime[node],
      ownerHigh: nodes.ownerHigh[node],
      ownerLow: nodes.ownerLow[node],
    };
  }

  created(path: string, data: Uint8Array | null, zxid: Zxid, owner: StoredOwner = nobody): PendingStat {
    const time = this.#time;
    return {
      content: this.#contentOf(path, data),
      czxid: zxid,
      mzxid: zxid,
      pzxid: zxid,
      ctime: time,
      mtime: time,
      ownerHigh: owner.high,
      ownerLow: owner.low,
    };
  }

  written(path: string, before: PendingStat, data: Uint8Array | null, zxid: Zxid): PendingStat {
    const { czxid, pzxid, ctime, ownerHigh, ownerLow } = before;
    const content = this.#contentOf(path, data);
    return { content, czxid, mzxid: zxid, pzxid, ctime, mtime: this.#time, ownerHigh, ownerLow };
  }

  childrenChanged(before: PendingStat, zxid: Zxid): PendingStat {
    const { content, czxid, mzxid, ctime, mtime, ownerHigh, ownerLow } = before;
    return { content, czxid, mzxid, pzxid: zxid, ctime, mtime, ownerHigh, ownerLow };
  }

  /** Replaces what a node contributed; returns what it will. No stat: the node goes. */
  replace(
    path: string,
    before: number,
    stat: PendingStat | undefined,
    version: number,
    cversion: number,
    aversion: number,
  ): number {
    let after = 0;
    if (stat !== undefined && isDigested(path)) {
      const { content, czxid, mzxid, pzxid, ctime, mtime, ownerHigh, ownerLow } = stat;
      after = digestOfNode(
        content,
        czxid,
        mzxid,
        pzxid,
        ctime,
        mtime,
        version,
        cversion,
        aversion,
        ownerHigh,
        ownerLow,
      );
    }
    this.#sum.replace(before, after);
    return after;
  }

  #contentOf(path: string, data: Uint8Array | null): number {
    const crc = this.#crcOf(path);
    return data === null || data.length === 0 ? crc : crc32(data, 0, data.length, crc);
  }

  /** The root has the empty path. */
  #crcOf(path: string): number {
    const length = path === '/' ? 0 : path.length;
    if (this.#scratch.length < length) this.#scratch = new Uint8Array(2 * length);
    for (let i = 0; i < length; i++) {
      const unit = path.charCodeAt(i);
      if (unit >= 0x80) return crc32(encodeText(path));
      this.#scratch[i] = unit;
    }
    return crc32(this.#scratch, 0, length);
  }
}
