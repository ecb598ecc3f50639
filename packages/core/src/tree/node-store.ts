// The znodes themselves, as columns: node i is the i-th element of every array below, its path and data lie in the slab,
// its children hang on a doubly linked list of indexes, and a hash table leads from path bytes to index. A read finds its
// node from the bytes of the request without making a string or an object.

import { Slab } from './slab.ts';

const none = -1;
const firstCapacity = 128;
const slash = 47;

/** Seeded FNV-1a: the seed keeps outsiders from choosing paths that collide. */
export function hashPath(seed: number, bytes: Uint8Array, start: number, end: number): number {
  let hash = seed;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at], 0x01000193);
  return hash ^ (hash >>> 15);
}

export class NodeStore {
  readonly slab = new Slab();
  readonly #seed: number;
  /** Number of live nodes. */
  count = 0;
  /** Indexes ever used: live nodes are among [0, used). */
  used = 0;
  #free: number[] = [];
  #capacity = 0;

  pathAddress = new Uint32Array(0);
  pathLength = new Int32Array(0);
  dataAddress = new Uint32Array(0);
  /** -1 stands for null. */
  dataLength = new Int32Array(0);
  /** -1 for the root, -2 for an index that is free. */
  parent = new Int32Array(0);
  firstChild = new Int32Array(0);
  nextSibling = new Int32Array(0);
  previousSibling = new Int32Array(0);
  childCount = new Int32Array(0);
  aclId = new Int32Array(0);
  version = new Int32Array(0);
  /** Stored form: creates so far. */
  cversion = new Int32Array(0);
  aversion = new Int32Array(0);
  ownerHigh = new Int32Array(0);
  ownerLow = new Int32Array(0);
  czxid = new Float64Array(0);
  mzxid = new Float64Array(0);
  pzxid = new Float64Array(0);
  ctime = new Float64Array(0);
  mtime = new Float64Array(0);
  /** CRC-32 that this node contributes to the tree digest. */
  digest = new Uint32Array(0);

  #hash = new Int32Array(0);
  #hashNext = new Int32Array(0);
  #buckets = new Int32Array(0);

  constructor(seed: number) {
    this.#seed = seed;
    this.#grow(firstCapacity);
  }

  /** Index of the node with this path, or -1. The root is found under `/` and under the empty path. */
  find(bytes: Uint8Array, start: number, end: number): number {
    if (end - start === 1 && bytes[start] === slash) start = end;
    const hash = hashPath(this.#seed, bytes, start, end);
    const length = end - start;
    for (let node = this.#buckets[hash & (this.#buckets.length - 1)]; node !== none; node = this.#hashNext[node]!) {
      if (this.#hash[node] === hash && this.pathLength[node] === length && this.#samePath(node, bytes, start))
        return node;
    }
    return none;
  }

  #samePath(node: number, bytes: Uint8Array, start: number): boolean {
    const address = this.pathAddress[node];
    const chunk = this.slab.chunk(address);
    let at = this.slab.offset(address);
    const end = at + this.pathLength[node];
    while (at < end) if (chunk[at++] !== bytes[start++]) return false;
    return true;
  }

  /** Adds a node with this path as a child of `parent` (-1 for the root). Stat columns start at zero. */
  add(parent: number, bytes: Uint8Array, start: number, end: number): number {
    const node = this.#free.pop() ?? this.#next();
    this.pathAddress[node] = this.slab.store(bytes, start, end - start);
    this.pathLength[node] = end - start;
    this.dataAddress[node] = 0;
    this.dataLength[node] = none;
    this.firstChild[node] = none;
    this.childCount[node] = 0;
    this.#clearStat(node);
    this.#link(node, parent);
    const hash = hashPath(this.#seed, bytes, start, end);
    const bucket = hash & (this.#buckets.length - 1);
    this.#hash[node] = hash;
    this.#hashNext[node] = this.#buckets[bucket]!;
    this.#buckets[bucket] = node;
    this.count++;
    return node;
  }

  /** Removes a node without children. */
  remove(node: number): void {
    const hash = this.#hash[node];
    const bucket = hash & (this.#buckets.length - 1);
    if (this.#buckets[bucket] === node) this.#buckets[bucket] = this.#hashNext[node]!;
    else {
      let before = this.#buckets[bucket];
      while (this.#hashNext[before] !== node) before = this.#hashNext[before]!;
      this.#hashNext[before] = this.#hashNext[node]!;
    }
    this.slab.free(this.pathAddress[node], this.pathLength[node]);
    this.slab.free(this.dataAddress[node], Math.max(0, this.dataLength[node]));
    this.#unlink(node);
    this.parent[node] = -2;
    this.#free.push(node);
    this.count--;
  }

  /** Replaces the data by a copy of source[start, start + length); length -1 stores null. */
  setData(node: number, source: Uint8Array, start: number, length: number): void {
    const size = Math.max(0, length);
    const oldSize = Math.max(0, this.dataLength[node]);
    this.slab.free(this.dataAddress[node], oldSize);
    this.dataAddress[node] = this.slab.store(source, start, size);
    this.dataLength[node] = length;
  }

  isLive(node: number): boolean {
    return this.parent[node] !== -2;
  }

  #clearStat(node: number): void {
    this.aclId[node] = -1;
    this.version[node] = 0;
    this.cversion[node] = 0;
    this.aversion[node] = 0;
    this.ownerHigh[node] = 0;
    this.ownerLow[node] = 0;
    this.czxid[node] = 0;
    this.mzxid[node] = 0;
    this.pzxid[node] = 0;
    this.ctime[node] = 0;
    this.mtime[node] = 0;
    this.digest[node] = 0;
  }

  #link(node: number, parent: number): void {
    this.parent[node] = parent;
    this.previousSibling[node] = none;
    this.nextSibling[node] = none;
    if (parent === none) return;
    const head = this.firstChild[parent];
    this.nextSibling[node] = head;
    if (head !== none) this.previousSibling[head] = node;
    this.firstChild[parent] = node;
    this.childCount[parent]++;
  }

  #unlink(node: number): void {
    const parent = this.parent[node];
    if (parent === none) return;
    const previous = this.previousSibling[node];
    const next = this.nextSibling[node];
    if (previous === none) this.firstChild[parent] = next;
    else this.nextSibling[previous] = next;
    if (next !== none) this.previousSibling[next] = previous;
    this.childCount[parent]--;
  }

  #next(): number {
    if (this.used === this.#capacity) this.#grow(this.#capacity * 2);
    return this.used++;
  }

  /** New columns of twice the size. Pages that nothing was written to cost no memory yet. */
  #grow(capacity: number): void {
    const ints = [
      'dataLength', 'parent', 'firstChild', 'nextSibling', 'previousSibling', 'childCount', 'pathLength',
      'aclId', 'version', 'cversion', 'aversion', 'ownerHigh', 'ownerLow',
    ] as const; // prettier-ignore
    for (const name of ints) this[name] = grown(this[name], new Int32Array(capacity));
    for (const name of ['czxid', 'mzxid', 'pzxid', 'ctime', 'mtime'] as const)
      this[name] = grown(this[name], new Float64Array(capacity));
    for (const name of ['pathAddress', 'dataAddress', 'digest'] as const)
      this[name] = grown(this[name], new Uint32Array(capacity));
    this.#hash = grown(this.#hash, new Int32Array(capacity));
    this.#hashNext = new Int32Array(capacity);
    this.#capacity = capacity;
    this.#rehash(capacity);
  }

  #rehash(buckets: number): void {
    this.#buckets = new Int32Array(buckets).fill(none);
    for (let node = 0; node < this.used; node++) {
      if (!this.isLive(node)) continue;
      const bucket = this.#hash[node] & (buckets - 1);
      this.#hashNext[node] = this.#buckets[bucket]!;
      this.#buckets[bucket] = node;
    }
  }
}

function grown<T extends Int32Array | Uint32Array | Float64Array>(old: T, larger: T): T {
  larger.set(old);
  return larger;
}
