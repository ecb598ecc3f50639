// A number that two replicas share exactly when their trees do (ACLs aside): the sum, modulo 2^64, of a CRC-32 over every
// node. Kept by adding and subtracting, so that it is always at hand. Nodes below /zookeeper do not count.

import { crc32, encodeText } from '@corral/protocol';
import type { NodeStore } from './node-store.ts';

export const digestVersion = 2;
const excludedPrefix = encodeText('/zookeeper/');
const statFieldsBytes = 60;
const twoTo32 = 4294967296;

export class TreeDigest {
  readonly #nodes: NodeStore;
  readonly #scratch = new Uint8Array(statFieldsBytes);
  // The sum in halves of the addends: each stays exact for 2^37 nodes.
  #high = 0;
  #low = 0;

  constructor(nodes: NodeStore) {
    this.#nodes = nodes;
  }

  /** Unsigned 64 bits. */
  get value(): bigint {
    return BigInt.asUintN(64, (BigInt(this.#high) << 16n) + BigInt(this.#low));
  }

  /** A node was added or changed. */
  refresh(node: number): void {
    const before = this.#nodes.digest[node];
    const after = this.#isExcluded(node) ? 0 : this.#compute(node);
    this.#nodes.digest[node] = after;
    this.#high += (after >>> 16) - (before >>> 16);
    this.#low += (after & 0xffff) - (before & 0xffff);
  }

  /** A node is about to go. */
  remove(node: number): void {
    const before = this.#nodes.digest[node];
    this.#high -= before >>> 16;
    this.#low -= before & 0xffff;
    this.#nodes.digest[node] = 0;
  }

  #isExcluded(node: number): boolean {
    const { slab, pathAddress, pathLength } = this.#nodes;
    if (pathLength[node] < excludedPrefix.length) return false;
    const chunk = slab.chunk(pathAddress[node]);
    const at = slab.offset(pathAddress[node]);
    for (let i = 0; i < excludedPrefix.length; i++) if (chunk[at + i] !== excludedPrefix[i]) return false;
    return true;
  }

  #compute(node: number): number {
    const n = this.#nodes;
    const { slab } = n;
    const pathAt = slab.offset(n.pathAddress[node]);
    let crc = crc32(slab.chunk(n.pathAddress[node]), pathAt, pathAt + n.pathLength[node]);
    const length = n.dataLength[node];
    if (length > 0) {
      const at = slab.offset(n.dataAddress[node]);
      crc = crc32(slab.chunk(n.dataAddress[node]), at, at + length, crc);
    }
    const s = this.#scratch;
    putLong(s, 0, n.czxid[node]);
    putLong(s, 8, n.mzxid[node]);
    putLong(s, 16, n.pzxid[node]);
    putLong(s, 24, n.ctime[node]);
    putLong(s, 32, n.mtime[node]);
    putInt(s, 40, n.version[node]);
    putInt(s, 44, n.cversion[node]);
    putInt(s, 48, n.aversion[node]);
    putInt(s, 52, n.ownerHigh[node]);
    putInt(s, 56, n.ownerLow[node]);
    return crc32(s, 0, statFieldsBytes, crc);
  }
}

function putInt(to: Uint8Array, at: number, value: number): void {
  to[at] = value >>> 24;
  to[at + 1] = value >>> 16;
  to[at + 2] = value >>> 8;
  to[at + 3] = value;
}

function putLong(to: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / twoTo32);
  putInt(to, at, high);
  putInt(to, at + 4, value - high * twoTo32);
}
