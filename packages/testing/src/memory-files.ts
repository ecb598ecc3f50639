// A disk in memory, as recovery sees it. What is written is durable at once; how long that took is memory-disk.ts's affair.

import type { Files } from '@corral/core';

/** A file that grows at its end without being copied every time. */
class MemoryFile {
  #bytes: Uint8Array;
  length: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.length = bytes.length;
  }

  get content(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  append(bytes: Uint8Array): void {
    const needed = this.length + bytes.length;
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(4096, 2 * needed));
      grown.set(this.content);
      this.#bytes = grown;
    }
    this.#bytes.set(bytes, this.length);
    this.length = needed;
  }
}

export class MemoryFiles implements Files {
  readonly #files = new Map<string, MemoryFile>();

  list(dir: string): string[] {
    const names = [...this.#files.keys()].filter((path) => path.slice(0, path.lastIndexOf('/')) === dir);
    return names.map((path) => path.slice(dir.length + 1));
  }
  size(path: string): number {
    return this.#get(path).length;
  }
  read(path: string, offset: number, length: number): Uint8Array {
    return this.#get(path).content.slice(offset, offset + length);
  }
  readSnapshot(path: string): Iterable<Uint8Array> {
    return [this.#get(path).content];
  }
  truncate(path: string, size: number): void {
    const file = this.#get(path);
    file.length = Math.min(file.length, size);
  }
  rename(from: string, to: string): void {
    this.#files.set(to, this.#get(from));
    this.#files.delete(from);
  }
  makeDir(): void {
    // A directory exists as soon as a file is in it.
  }
  remove(path: string): void {
    this.#get(path);
    this.#files.delete(path);
  }
  writeDurably(path: string, bytes: Uint8Array): void {
    this.#files.set(path, new MemoryFile(bytes.slice()));
  }
  sync(path: string): void {
    this.#get(path);
  }
  syncDir(): void {
    // Nothing is ever only in a cache.
  }

  /** Adds bytes to the end of a file, which begins with `head` if it is new. */
  append(path: string, bytes: Uint8Array, head: Uint8Array): void {
    let file = this.#files.get(path);
    if (file === undefined) this.#files.set(path, (file = new MemoryFile(head)));
    file.append(bytes);
  }

  clear(): void {
    this.#files.clear();
  }

  #get(path: string): MemoryFile {
    const file = this.#files.get(path);
    if (file === undefined) throw Object.assign(new Error(`ENOENT: ${path}`), { code: 'ENOENT' });
    return file;
  }
}
