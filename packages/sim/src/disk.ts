// The disk of one simulated server, as bad as real ones are allowed to be. Data is durable after an fsync of the file,
// names after an fsync of the directory. A killed process leaves the cache; a power failure keeps what is durable and,
// of the rest, whatever hurts: every page old, new or torn at a sector, every change of a name done or not, sizes with
// or without their data.

import type { Random } from './random.ts';
import { SimFile } from './sim-file.ts';
import type { SyncFailure } from './sim-file.ts';

/** Every change of the disk is one of these; a server can stop right behind each. */
export type Primitive = 'create' | 'write' | 'sync' | 'truncate' | 'rename' | 'remove' | 'syncDir';

export type DiskFault =
  /** The next fsync (after `skip` good ones) fails. */
  | { readonly kind: 'syncFails'; readonly skip: number; readonly mode: SyncFailure }
  /** A primitive fails with EIO and changes nothing. */
  | { readonly kind: 'fails'; readonly primitive: Primitive; readonly skip: number }
  /** So many bytes may still be written; a write beyond comes to a short end. */
  | { readonly kind: 'full'; readonly bytesLeft: number }
  /** Files whose path contains this cannot be read. */
  | { readonly kind: 'unreadable'; readonly path: string };

/** Thrown at an armed crash point; whoever runs the server turns it into a kill or a power failure. */
export class CrashSignal extends Error {
  override readonly name = 'CrashSignal';
}

export class DiskError extends Error {
  override readonly name = 'DiskError';
  readonly code: string;

  constructor(code: string, path: string) {
    super(`${code}: ${path}`);
    this.code = code;
  }
}

/** Who wants to know what has become durable, or may be gone. */
export interface DiskWatcher {
  /** More bytes of a file are durable. */
  grown(path: string, file: SimFile): void;
  /** Names, sizes or contents changed in any other way. */
  changed(path: string): void;
}

/** A change of names that the directory has not made durable. */
interface NameChange {
  readonly names: readonly (readonly [path: string, file: SimFile | undefined])[];
}

interface Armed {
  readonly primitive: Primitive | 'any';
  left: number;
}

export class SimDisk {
  watcher: DiskWatcher | undefined;
  /** Names as the running system sees them. */
  readonly names = new Map<string, SimFile>();
  /** Names that survive a power failure. */
  readonly durableNames = new Map<string, SimFile>();
  readonly #pending: NameChange[] = [];
  readonly #random: Random;
  #faults: DiskFault[] = [];
  #armed: Armed | undefined;
  /** Primitives so far. */
  primitives = 0;
  /** Faults that have struck. */
  faultsStruck = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  // Faults.

  inject(fault: DiskFault): void {
    this.#faults.push(fault);
  }

  heal(): void {
    this.#faults = [];
    this.#armed = undefined;
  }

  /** Stops the server right behind the k-th primitive from now. */
  crashAfter(k: number, primitive: Primitive | 'any' = 'any'): void {
    this.#armed = { primitive, left: k };
  }

  // Reading.

  list(dir: string): string[] {
    const prefix = `${dir}/`;
    const found: string[] = [];
    for (const path of this.names.keys()) {
      if (path.startsWith(prefix) && !path.includes('/', prefix.length)) found.push(path.slice(prefix.length));
    }
    return found;
  }

  size(path: string): number {
    return this.#get(path).size;
  }

  read(path: string, offset: number, length: number): Uint8Array {
    const file = this.#get(path);
    if (this.#faults.some((fault) => fault.kind === 'unreadable' && path.includes(fault.path))) {
      this.faultsStruck++;
      throw new DiskError('EIO', path);
    }
    return file.read(offset, length);
  }

  exists(path: string): boolean {
    return this.names.has(path);
  }

  #get(path: string): SimFile {
    const file = this.names.get(path);
    if (file === undefined) throw new DiskError('ENOENT', path);
    return file;
  }

  // Changing. Each method is one primitive.

  /** A new, empty file; one of that name is replaced, or refused. */
  create(path: string, mode: 'exclusive' | 'replace' = 'replace'): void {
    if (mode === 'exclusive' && this.names.has(path)) throw new DiskError('EEXIST', path);
    this.#maybeFail('create', path);
    this.#rename([[path, new SimFile()]]);
    this.#done('create');
  }

  /** Writes at an offset. Out of space, a beginning of it is written before the failure shows. */
  write(path: string, offset: number, bytes: Uint8Array): void {
    const file = this.#get(path);
    this.#maybeFail('write', path);
    const room = this.#room(bytes.length);
    file.write(offset, room < bytes.length ? bytes.subarray(0, room) : bytes);
    if (room < bytes.length) {
      this.faultsStruck++;
      throw new DiskError('ENOSPC', path);
    }
    this.#done('write');
  }

  sync(path: string): void {
    const file = this.#get(path);
    this.#maybeFail('sync', path);
    const failure = this.#syncFailure();
    if (failure !== undefined) {
      this.faultsStruck++;
      file.failSync(failure);
      this.watcher?.changed(path);
      throw new DiskError('EIO', path);
    }
    const onlyGrew = file.sync();
    if (onlyGrew) this.watcher?.grown(path, file);
    else this.watcher?.changed(path);
    this.#done('sync');
  }

  truncate(path: string, size: number): void {
    const file = this.#get(path);
    this.#maybeFail('truncate', path);
    file.truncate(size);
    this.watcher?.changed(path);
    this.#done('truncate');
  }

  rename(from: string, to: string): void {
    const file = this.#get(from);
    this.#maybeFail('rename', from);
    this.#rename([
      [from, undefined],
      [to, file],
    ]);
    this.#done('rename');
  }

  remove(path: string): void {
    this.#get(path);
    this.#maybeFail('remove', path);
    this.#rename([[path, undefined]]);
    this.#done('remove');
  }

  /** Makes every change of a name in the directory durable. */
  syncDir(dir: string): void {
    this.#maybeFail('syncDir', dir);
    for (const change of this.#pending) this.#makeDurable(change);
    this.#pending.length = 0;
    this.watcher?.changed(dir);
    this.#done('syncDir');
  }

  #rename(names: NameChange['names']): void {
    for (const [path, file] of names) set(this.names, path, file);
    this.#pending.push({ names });
    this.watcher?.changed(names[0][0]);
  }

  #makeDurable(change: NameChange): void {
    for (const [path, file] of change.names) set(this.durableNames, path, file);
  }

  /** Names whose durable meaning is about to change: they may or may not be there after a power failure. */
  get unsettledNames(): ReadonlySet<string> {
    return new Set(this.#pending.flatMap(({ names }) => names.map(([path]) => path)));
  }

  /** Whether a power failure may leave no file of this name: a removal, or a move away, is not durable yet. */
  mayVanish(path: string): boolean {
    const ends = this.#pending.some(({ names }) => names.some(([name, file]) => name === path && file === undefined));
    return ends || !this.durableNames.has(path);
  }

  get hasPendingNames(): boolean {
    return this.#pending.length > 0;
  }

  // Crashes.

  /** The process is gone, the cache is not. */
  kill(): void {
    this.#armed = undefined;
  }

  /** Power fails: what is not durable is up to chance. */
  power(): void {
    this.#armed = undefined;
    const random = this.#random;
    const untouchable = new Set<string>();
    for (const change of this.#pending) {
      const isPossible = change.names.every(([path]) => !untouchable.has(path));
      if (isPossible && random.chance(50)) this.#makeDurable(change);
      else for (const [path] of change.names) untouchable.add(path);
    }
    this.#pending.length = 0;
    this.names.clear();
    for (const [path, file] of this.durableNames) this.names.set(path, file);
    for (const file of new Set(this.names.values())) file.power(random);
    this.watcher?.changed('/');
  }

  /** Somebody empties the disk. */
  wipe(): void {
    this.names.clear();
    this.durableNames.clear();
    this.#pending.length = 0;
    this.watcher?.changed('/');
  }

  /** Rot: one sector of a file changes by itself. */
  damage(path: string, sector: number, mode: 'flip' | 'zero'): void {
    this.#get(path).damage(sector, mode);
    this.watcher?.changed(path);
  }

  // Counting.

  #done(primitive: Primitive): void {
    this.primitives++;
    const armed = this.#armed;
    if (armed === undefined || (armed.primitive !== 'any' && armed.primitive !== primitive)) return;
    armed.left--;
    if (armed.left > 0) return;
    this.#armed = undefined;
    throw new CrashSignal(`behind a ${primitive}`);
  }

  #maybeFail(primitive: Primitive, path: string): void {
    for (const [index, fault] of this.#faults.entries()) {
      if (fault.kind !== 'fails' || fault.primitive !== primitive) continue;
      if (fault.skip > 0) this.#faults[index] = { ...fault, skip: fault.skip - 1 };
      else {
        this.#faults.splice(index, 1);
        this.faultsStruck++;
        throw new DiskError('EIO', path);
      }
      return;
    }
  }

  #syncFailure(): SyncFailure | undefined {
    const index = this.#faults.findIndex((fault) => fault.kind === 'syncFails');
    const fault = this.#faults[index];
    if (fault?.kind !== 'syncFails') return undefined;
    if (fault.skip > 0) {
      this.#faults[index] = { ...fault, skip: fault.skip - 1 };
      return undefined;
    }
    this.#faults.splice(index, 1);
    return fault.mode;
  }

  #room(wanted: number): number {
    const index = this.#faults.findIndex((fault) => fault.kind === 'full');
    const fault = this.#faults[index];
    if (fault?.kind !== 'full') return wanted;
    const room = Math.min(wanted, fault.bytesLeft);
    this.#faults[index] = { ...fault, bytesLeft: fault.bytesLeft - room };
    return room;
  }
}

function set(names: Map<string, SimFile>, path: string, file: SimFile | undefined): void {
  if (file === undefined) names.delete(path);
  else names.set(path, file);
}
