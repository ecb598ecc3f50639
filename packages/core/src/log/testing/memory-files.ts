// A disk for tests: a map of paths. It counts what was synced and can fail on demand.

import type { Files } from '../files.ts';

export class MemoryFiles implements Files {
  readonly content = new Map<string, Uint8Array>();
  readonly synced = new Set<string>();
  /** Paths whose reading fails with EIO. */
  readonly broken = new Set<string>();

  list(dir: string): string[] {
    return [...this.content.keys()].filter((path) => parent(path) === dir).map((path) => path.slice(dir.length + 1));
  }
  size(path: string): number {
    return this.#get(path).length;
  }
  read(path: string, offset: number, length: number): Uint8Array {
    return this.#get(path).slice(offset, offset + length);
  }
  *readSnapshot(path: string): Iterable<Uint8Array> {
    const bytes = this.#get(path);
    for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
  }
  truncate(path: string, size: number): void {
    this.content.set(path, this.#get(path).slice(0, size));
  }
  rename(from: string, to: string): void {
    this.content.set(to, this.#get(from));
    this.content.delete(from);
  }
  makeDir(): void {
    // Directories exist as soon as a file is in them.
  }
  remove(path: string): void {
    this.#get(path);
    this.content.delete(path);
  }
  writeDurably(path: string, bytes: Uint8Array): void {
    this.content.set(path, bytes.slice());
    this.synced.add(path);
  }
  sync(path: string): void {
    this.#get(path);
    this.synced.add(path);
  }
  syncDir(dir: string): void {
    this.synced.add(dir);
  }

  #get(path: string): Uint8Array {
    if (this.broken.has(path)) throw failure('EIO', path);
    const bytes = this.content.get(path);
    if (bytes === undefined) throw failure('ENOENT', path);
    return bytes;
  }
}

const parent = (path: string): string => path.slice(0, path.lastIndexOf('/'));
const failure = (code: string, path: string): Error => Object.assign(new Error(`${code}: ${path}`), { code });
