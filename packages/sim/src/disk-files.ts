// The interface by which recovery and truncation reach a disk, on a simulated one. What promises durability there is
// several primitives here, with a crash point behind each. A defect can leave out what makes things durable.

import type { Defect, Files } from '@corral/core';
import type { SimDisk } from './disk.ts';

export class SimFiles implements Files {
  readonly #disk: SimDisk;
  readonly #defects: ReadonlySet<Defect>;

  constructor(disk: SimDisk, defects: ReadonlySet<Defect> = new Set()) {
    this.#disk = disk;
    this.#defects = defects;
  }

  list(dir: string): string[] {
    return this.#disk.list(dir);
  }
  size(path: string): number {
    return this.#disk.size(path);
  }
  read(path: string, offset: number, length: number): Uint8Array {
    return this.#disk.read(path, offset, length);
  }
  *readSnapshot(path: string): Iterable<Uint8Array> {
    yield this.#disk.read(path, 0, this.#disk.size(path));
  }
  truncate(path: string, size: number): void {
    this.#disk.truncate(path, size);
    if (!this.#defects.has('A26')) this.#disk.sync(path);
  }
  rename(from: string, to: string): void {
    this.#disk.rename(from, to);
    this.#disk.syncDir(parent(to));
  }
  makeDir(): void {
    // Directories are there from the beginning.
  }
  remove(path: string): void {
    this.#disk.remove(path);
    if (!this.#defects.has('A26')) this.#disk.syncDir(parent(path));
  }
  writeDurably(path: string, bytes: Uint8Array): void {
    const temporary = `${path}.tmp`;
    this.#disk.create(temporary);
    this.#disk.write(temporary, 0, bytes);
    this.#disk.sync(temporary);
    this.#disk.rename(temporary, path);
    this.#disk.syncDir(parent(path));
  }
  sync(path: string): void {
    if (!this.#defects.has('A30')) this.#disk.sync(path);
  }
  syncDir(dir: string): void {
    if (!this.#defects.has('A30')) this.#disk.syncDir(dir);
  }
}

const parent = (path: string): string => path.slice(0, path.lastIndexOf('/'));
