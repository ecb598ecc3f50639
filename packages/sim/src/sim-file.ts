// One file of a simulated disk: what the system's cache holds, what the disk holds, and which sectors of the one have
// not reached the other.

import type { Random } from './random.ts';

/** What a failed fsync does to the data: it never becomes durable, and nobody will try again. */
export type SyncFailure = 'kept' | 'reverted' | 'garbage';

/** A disk writes a sector whole or not at all. */
export const sectorBytes = 512;
/** What the system writes back at a time; its sectors may arrive in any order. */
const sectorsPerPage = 8;

const none = new Uint8Array(0);

export class SimFile {
  /** Content as a running system reads it; bytes behind `size` mean nothing. */
  cached: Uint8Array = none;
  size = 0;
  /** Content as it is on the disk. */
  durable: Uint8Array = none;
  durableSize = 0;
  /** Sectors whose cached content was not written back. */
  readonly dirty = new Set<number>();
  /** Lowest byte that was written since the last sync. */
  #writtenFrom = Infinity;
  #wasCut = false;

  read(offset: number, length: number): Uint8Array {
    return this.cached.slice(offset, Math.min(this.size, offset + length));
  }

  /** Guaranteed to survive: durable, and not about to be cut off. */
  get safeSize(): number {
    return Math.min(this.durableSize, this.size);
  }

  write(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.length;
    this.#extend(end);
    this.cached.set(bytes, offset);
    this.#touch(offset, end);
  }

  truncate(size: number): void {
    if (size > this.size) {
      this.#extend(size);
      return;
    }
    this.cached.fill(0, size, this.size);
    this.size = size;
    this.#wasCut = true;
    for (const sector of this.dirty) if (sector * sectorBytes >= size) this.dirty.delete(sector);
    if (size % sectorBytes !== 0) this.#touch(size - 1, size);
  }

  /** Everything cached reaches the disk. True when nothing durable changed but the end. */
  sync(): boolean {
    const before = this.durableSize;
    const onlyGrew = !this.#wasCut && this.#writtenFrom >= before - unsealedBytes;
    this.#writeBack(this.size, (sector) => this.dirty.has(sector));
    this.dirty.clear();
    this.#writtenFrom = Infinity;
    this.#wasCut = false;
    return onlyGrew;
  }

  /** An fsync fails: the pages count as clean from now on, whatever is in them. */
  failSync(mode: SyncFailure): void {
    if (mode === 'reverted') {
      this.cached = this.durable.slice();
      this.size = this.durableSize;
    } else if (mode === 'garbage') {
      for (const sector of this.dirty) this.cached.fill(0, sector * sectorBytes, (sector + 1) * sectorBytes);
    }
    this.dirty.clear();
    this.#writtenFrom = Infinity;
    this.#wasCut = true;
  }

  /** Power fails: every unsynced page is old, new or torn, the size old or new. */
  power(random: Random): void {
    if (this.dirty.size > 0 || this.size !== this.durableSize) {
      const size = random.chance(50) ? this.size : this.durableSize;
      const fates = new Map<number, number>();
      this.#writeBack(size, (sector) => {
        if (!this.dirty.has(sector)) return false;
        const page = Math.floor(sector / sectorsPerPage);
        let fate = fates.get(page);
        if (fate === undefined) fates.set(page, (fate = random.below(3)));
        return fate === 0 ? false : fate === 1 ? true : random.chance(50);
      });
    }
    this.cached = this.durable.slice();
    this.size = this.durableSize;
    this.dirty.clear();
    this.#writtenFrom = Infinity;
    this.#wasCut = false;
  }

  /** A sector rots, on the disk and in what is read from it. */
  damage(sector: number, mode: 'flip' | 'zero'): void {
    const start = sector * sectorBytes;
    const end = Math.min(start + sectorBytes, this.size);
    if (start >= end) return;
    if (mode === 'zero') this.cached.fill(0, start, end);
    else this.cached[start + ((end - start) >> 1)] ^= 0x10;
    this.durable = this.cached.slice(0, this.size);
    this.durableSize = this.size;
  }

  /** Replaces the durable content by the chosen sectors of the cached one; what was never written reads as zeros. */
  #writeBack(size: number, isWritten: (sector: number) => boolean): void {
    const next = new Uint8Array(size);
    next.set(this.durable.subarray(0, Math.min(size, this.durableSize)));
    for (const sector of this.dirty) {
      const start = sector * sectorBytes;
      if (start >= size || !isWritten(sector)) continue;
      next.set(this.cached.subarray(start, Math.min(start + sectorBytes, size)), start);
    }
    this.durable = next;
    this.durableSize = size;
  }

  #extend(size: number): void {
    if (size > this.cached.length) {
      const grown = new Uint8Array(Math.max(size, 2 * this.cached.length, sectorBytes));
      grown.set(this.cached.subarray(0, this.size));
      this.cached = grown;
    }
    if (size > this.size) {
      this.#touch(this.size, size);
      this.size = size;
    }
  }

  #touch(start: number, end: number): void {
    this.#writtenFrom = Math.min(this.#writtenFrom, start);
    for (let sector = Math.floor(start / sectorBytes); sector * sectorBytes < end; sector++) this.dirty.add(sector);
  }
}

/** A log ends in a mark that the next batch covers: so many bytes before the end may change in an append. */
const unsealedBytes = 28;
