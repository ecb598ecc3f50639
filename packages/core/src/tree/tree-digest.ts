// A number that two replicas share exactly when their trees do (ACLs aside): the sum, modulo 2^64, of a CRC-32 over every
// node. Kept by adding and subtracting, so that it is always at hand. Nodes below /zookeeper do not count.

import { crc32, encodeText } from '@corral/protocol';
import type { DigestHalves } from '@corral/protocol';
import type { NodeStore } from './node-store.ts';

const excludedPrefix = '/zookeeper/';
const excludedBytes = encodeText(excludedPrefix);
const statFieldsBytes = 60;
const twoTo16 = 65536;
const twoTo32 = 4294967296;

/** The sum, kept in halves of the addends: each stays exact for 2^37 nodes. */
export class DigestSum {
  #high = 0;
  #low = 0;

  /** Takes one addend away and puts another in its place. */
  replace(before: number, after: number): void {
    this.#high += (after >>> 16) - (before >>> 16);
    this.#low += (after & 0xffff) - (before & 0xffff);
  }

  copyFrom(other: DigestSum): void {
    this.#high = other.#high;
    this.#low = other.#low;
  }

  /** Unsigned 64 bits. */
  get value(): bigint {
    return BigInt.asUintN(64, (BigInt(this.#high) << 16n) + BigInt(this.#low));
  }

  get halves(): DigestHalves {
    const low = (this.#high % twoTo16) * twoTo16 + this.#low;
    const high = Math.floor(this.#high / twoTo16) + Math.floor(low / twoTo32);
    return { high: high % twoTo32, low: low % twoTo32 };
  }
}

const scratch = new Uint8Array(statFieldsBytes);

/** The CRC-32 of a node whose path and data have the CRC-32 `content`. Positional: this is on the path of every write. */
export function digestOfNode(
  content: number,
  czxid: number,
  mzxid: number,
  pzxid: number,
  ctime: number,
  mtime: number,
  version: number,
  cversion: number,
  aversion: number,
  ownerHigh: number,
  ownerLow: number,
): number {
  putLong(0, czxid);
  putLong(8, mzxid);
  putLong(16, pzxid);
  putLong(24, ctime);
  putLong(32, mtime);
  putInt(40, version);
  putInt(44, cversion);
  putInt(48, aversion);
  putInt(52, ownerHigh);
  putInt(56, ownerLow);
  return crc32(scratch, 0, statFieldsBytes, content);
}

/** Whether a node at this path counts. */
export const isDigested = (path: string): boolean => !path.startsWith(excludedPrefix);

export class TreeDigest {
  readonly #nodes: NodeStore;
  readonly sum = new DigestSum();

  constructor(nodes: NodeStore) {
    this.#nodes = nodes;
  }

  /** Unsigned 64 bits. */
  get value(): bigint {
    return this.sum.value;
  }

  get halves(): DigestHalves {
    return this.sum.halves;
  }

  /** Whether this is the digest of the tree. */
  is({ high, low }: DigestHalves): boolean {
    const { halves } = this.sum;
    return halves.high === high && halves.low === low;
  }

  /** A node was added or changed. */
  refresh(node: number): void {
    const before = this.#nodes.digest[node];
    const after = this.#isExcluded(node) ? 0 : this.#compute(node);
    this.#nodes.digest[node] = after;
    this.sum.replace(before, after);
  }

  /** A node is about to go. */
  remove(node: number): void {
    this.sum.replace(this.#nodes.digest[node], 0);
    this.#nodes.digest[node] = 0;
  }

  #isExcluded(node: number): boolean {
    const { slab, pathAddress, pathLength } = this.#nodes;
    if (pathLength[node] < excludedBytes.length) return false;
    const chunk = slab.chunk(pathAddress[node]);
    const at = slab.offset(pathAddress[node]);
    for (let i = 0; i < excludedBytes.length; i++) if (chunk[at + i] !== excludedBytes[i]) return false;
    return true;
  }

  /** CRC-32 of a node's path and data. */
  content(node: number): number {
    const n = this.#nodes;
    const { slab } = n;
    const pathAt = slab.offset(n.pathAddress[node]);
    const crc = crc32(slab.chunk(n.pathAddress[node]), pathAt, pathAt + n.pathLength[node]);
    const length = n.dataLength[node];
    if (length <= 0) return crc;
    const at = slab.offset(n.dataAddress[node]);
    return crc32(slab.chunk(n.dataAddress[node]), at, at + length, crc);
  }

  #compute(node: number): number {
    const n = this.#nodes;
    return digestOfNode(
      this.content(node),
      n.czxid[node],
      n.mzxid[node],
      n.pzxid[node],
      n.ctime[node],
      n.mtime[node],
      n.version[node],
      n.cversion[node],
      n.aversion[node],
      n.ownerHigh[node],
      n.ownerLow[node],
    );
  }
}

function putInt(at: number, value: number): void {
  scratch[at] = value >>> 24;
  scratch[at + 1] = value >>> 16;
  scratch[at + 2] = value >>> 8;
  scratch[at + 3] = value;
}

function putLong(at: number, value: number): void {
  const high = Math.floor(value / twoTo32);
  putInt(at, high);
  putInt(at + 4, value - high * twoTo32);
}
