// Memory for paths and data of znodes, outside the JavaScript heap: a million small values cost neither a million
// objects nor garbage collection time. Blocks come in size classes out of 1 MiB chunks; a freed block waits in the list
// of its class. Values too large for a class get memory of their own, which is given back when they are freed.
// An address below 2^31 counts 8-byte units; above, it numbers the large values; 0 is "nothing".

const unitShift = 3;
const chunkUnitShift = 17;
const chunkUnits = 1 << chunkUnitShift;
const chunkBytes = chunkUnits << unitShift;
const unitMask = chunkUnits - 1;
/** The first chunk begins like this and doubles, so that a small tree is small. */
const firstUnits = 1 << 11;
/** Addresses from here on are large values. Below lie 16 GiB of small ones. */
const largeBase = 2 ** 31;
const chunksMax = largeBase / chunkUnits;
/** Largest block that lives in a shared chunk. */
const classBytesMax = 65536;
const empty = new Uint8Array(0);

/** Sizes of the classes: every 8 bytes up to 128, then four steps for each doubling. */
const classSizes: readonly number[] = (() => {
  const sizes: number[] = [];
  for (let size = 8; size <= 128; size += 8) sizes.push(size);
  for (let base = 128; base < classBytesMax; base *= 2) for (let i = 1; i <= 4; i++) sizes.push(base + (base / 4) * i);
  return sizes;
})();

function classOf(size: number): number {
  if (size <= 128) return Math.max(0, ((size + 7) >> 3) - 1);
  const doubling = 31 - Math.clz32(size - 1); // size in (2^doubling, 2^(doubling+1)]
  const step = Math.ceil(((size - 2 ** doubling) * 4) / 2 ** doubling);
  return 15 + (doubling - 7) * 4 + step;
}

export class Slab {
  readonly #chunks: Uint8Array[] = [];
  readonly #freeByClass = new Uint32Array(classSizes.length);
  readonly #large: Uint8Array[] = [];
  /** Numbers of large values that were freed. */
  readonly #freeLarge: number[] = [];
  #bump = 0;
  #bumpEnd = 0;
  /** Bytes of all chunks. */
  capacityBytes = 0;

  constructor() {
    this.#startChunk(firstUnits);
  }

  /** The memory that holds an address, until the next allocation; `offset` tells where in it. */
  chunk(address: number): Uint8Array {
    return address < largeBase ? this.#chunks[address >>> chunkUnitShift] : this.#large[address - largeBase];
  }

  offset(address: number): number {
    return address < largeBase ? (address & unitMask) << unitShift : 0;
  }

  /** Room for `size` bytes, content undefined. Size 0 needs no memory and has address 0. */
  allocate(size: number): number {
    if (size === 0) return 0;
    if (size > classBytesMax) return this.#allocateLarge(size);
    const sizeClass = classOf(size);
    const free = this.#freeByClass[sizeClass];
    if (free !== 0) {
      this.#freeByClass[sizeClass] = this.#readLink(free);
      return free;
    }
    const units = classSizes[sizeClass] >> unitShift;
    while (this.#bump + units > this.#bumpEnd) this.#makeRoom();
    const address = this.#bump;
    this.#bump += units;
    return address;
  }

  /** Gives back what `allocate(size)` returned. */
  free(address: number, size: number): void {
    if (size === 0) return;
    if (size > classBytesMax) {
      this.capacityBytes -= size;
      this.#large[address - largeBase] = empty;
      this.#freeLarge.push(address - largeBase);
      return;
    }
    const sizeClass = classOf(size);
    this.#writeLink(address, this.#freeByClass[sizeClass]);
    this.#freeByClass[sizeClass] = address;
  }

  /** Copies source[start, start + size) into a new block. */
  store(source: Uint8Array, start: number, size: number): number {
    const address = this.allocate(size);
    if (size === 0) return address;
    const chunk = this.chunk(address);
    const at = this.offset(address);
    if (size < 48) for (let i = 0; i < size; i++) chunk[at + i] = source[start + i]!;
    else chunk.set(start === 0 && size === source.length ? source : source.subarray(start, start + size), at);
    return address;
  }

  #readLink(address: number): number {
    const chunk = this.chunk(address);
    const at = this.offset(address);
    return ((chunk[at] << 24) | (chunk[at + 1] << 16) | (chunk[at + 2] << 8) | chunk[at + 3]) >>> 0;
  }

  #writeLink(address: number, next: number): void {
    const chunk = this.chunk(address);
    const at = this.offset(address);
    chunk[at] = next >>> 24;
    chunk[at + 1] = next >>> 16;
    chunk[at + 2] = next >>> 8;
    chunk[at + 3] = next;
  }

  #makeRoom(): void {
    const [first] = this.#chunks;
    if (first.length === chunkBytes) return this.#startChunk(chunkUnits);
    const larger = new Uint8Array(first.length * 2);
    larger.set(first);
    this.#chunks[0] = larger;
    this.capacityBytes += first.length;
    this.#bumpEnd *= 2;
  }

  #startChunk(units: number): void {
    if (this.#chunks.length === chunksMax) throw new Error('the tree holds more than 16 GiB of small values');
    const bytes = units << unitShift;
    const first = (this.#chunks.push(new Uint8Array(bytes)) - 1) * chunkUnits;
    this.capacityBytes += bytes;
    this.#bump = first === 0 ? 1 : first; // address 0 means "nothing"
    this.#bumpEnd = first + units;
  }

  #allocateLarge(size: number): number {
    const bytes = new Uint8Array(size);
    this.capacityBytes += size;
    const number = this.#freeLarge.pop();
    if (number === undefined) return largeBase + this.#large.push(bytes) - 1;
    this.#large[number] = bytes;
    return largeBase + number;
  }
}
