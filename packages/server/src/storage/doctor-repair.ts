// Makes a damaged data directory start again, at the price of the transactions that cannot be read. Nothing is deleted:
// what is taken away lies in a quarantine folder beside the rest, and what is lost is said.

import { constants, copyFileSync } from 'node:fs';
import * as path from 'node:path';
import { LogScanner, RecoveryRefused, logFilesIn, logHeaderBytes, recover, snapshotsIn } from '@corral/core';
import type { RefusalFacts } from '@corral/core';
import { formatZxid } from '@corral/protocol';
import { lockDataDirs } from '../data-lock.ts';
import { diagnose, directoriesOf, emptyTarget, leftoversIn } from './doctor.ts';
import type { DataDirectories, Diagnosis } from './doctor.ts';
import { inspectLog, inspectSnapshot } from './inspect.ts';
import { NodeFiles } from './node-files.ts';

export interface Repair {
  /** What was done, in order; empty when nothing was wrong. */
  readonly actions: readonly string[];
  /** What is lost, in words; empty when nothing is. */
  readonly losses: readonly string[];
  /** The state afterwards. */
  readonly diagnosis: Diagnosis;
}

const files = new NodeFiles();

/** Rejects with DataDirInUse while a server runs on the directory. `stamp` names the quarantine folder. */
export async function repair(directories: DataDirectories, stamp: string): Promise<Repair> {
  const unlock = await lockDataDirs([directories.dataDir, directories.dataLogDir ?? directories.dataDir]);
  try {
    return new RepairRun(directories, stamp).run();
  } finally {
    unlock();
  }
}

/** Deletes what interrupted writes left behind, which nobody reads; the names. Changes nothing when it is a dry run. */
export async function tidyUp(
  directories: DataDirectories,
  { dryRun }: { readonly dryRun: boolean },
): Promise<string[]> {
  const unlock = await lockDataDirs([directories.dataDir, directories.dataLogDir ?? directories.dataDir]);
  try {
    const { snapDir, logDir } = directoriesOf(directories);
    const leftovers = [...new Set([snapDir, logDir])].flatMap(leftoversIn);
    if (!dryRun) leftovers.forEach((file) => files.remove(file));
    return leftovers;
  } finally {
    unlock();
  }
}

class RepairRun {
  readonly #directories: DataDirectories;
  readonly #snapDir: string;
  readonly #logDir: string;
  readonly #quarantine: string;
  readonly #actions: string[] = [];
  readonly #losses: string[] = [];

  constructor(directories: DataDirectories, stamp: string) {
    this.#directories = directories;
    const { snapDir, logDir } = directoriesOf(directories);
    this.#snapDir = snapDir;
    this.#logDir = logDir;
    this.#quarantine = `quarantine-${stamp}`;
  }

  /** Each round removes the first reason not to start. Every round takes a file away, so there is an end. */
  run(): Repair {
    for (let facts = this.#refusal(); facts !== undefined && this.#treat(facts); facts = this.#refusal());
    return { actions: this.#actions, losses: this.#losses, diagnosis: diagnose(this.#directories) };
  }

  #refusal(): RefusalFacts | undefined {
    try {
      recover(files, { snapDir: this.#snapDir, logDir: this.#logDir, readOnly: true }, emptyTarget);
      return undefined;
    } catch (error) {
      if (error instanceof RecoveryRefused) return error.facts;
      throw error;
    }
  }

  /** False when this is nothing that moving files can cure. */
  #treat(facts: RefusalFacts): boolean {
    const name = path.basename(facts.file);
    if (facts.lostFrom === undefined) return false;
    if (name.startsWith('snapshot.')) return this.#dropSnapshots(facts);
    return this.#cutLog(facts);
  }

  /** An older snapshot stays usable: recovery refused only because it leads to an older state. */
  #dropSnapshots(facts: RefusalFacts): boolean {
    const snapshots = snapshotsIn(files.list(this.#snapDir)).map(({ name }) =>
      inspectSnapshot(files, path.join(this.#snapDir, name)),
    );
    const damaged = snapshots.filter((snapshot) => !snapshot.valid);
    if (damaged.length === snapshots.length || damaged.length === 0) return false;
    for (const { path: file } of damaged) this.#moveAside(file);
    this.#lose(facts, 'what only the damaged snapshot held');
    return true;
  }

  /** The intact beginning stays under the old name; the rest of the history moves aside whole. */
  #cutLog(facts: RefusalFacts): boolean {
    const { file, offset = 0 } = facts;
    const later = this.#after(file);
    this.#lose(facts, this.#extent(file, later));
    // Latest first: interrupted at any point, what is left is still a directory that refuses or starts, never a gap.
    for (const log of later.reverse()) this.#moveAside(log);
    if (offset <= logHeaderBytes) this.#moveAside(file);
    else this.#keepBeginning(file, offset);
    return true;
  }

  /** The file is replaced in one step, so that its intact transactions are never missing. */
  #keepBeginning(file: string, bytes: number): void {
    const copy = this.#quarantined(file);
    copyFileSync(file, copy, constants.COPYFILE_EXCL);
    files.sync(copy);
    files.syncDir(path.dirname(copy));
    this.#actions.push(`copied ${file} to ${copy}`);
    files.writeDurably(file, files.read(file, 0, bytes));
    this.#actions.push(`cut ${file} to its ${bytes} intact bytes`);
  }

  #after(file: string): string[] {
    const logs = logFilesIn(files.list(this.#logDir)).map(({ name }) => path.join(this.#logDir, name));
    return logs.slice(logs.indexOf(file) + 1);
  }

  /** The last transaction that can still be read somewhere, so that the loss has an end. */
  #extent(file: string, later: readonly string[]): string {
    let last = 0;
    for (const log of [file, ...later]) {
      const facts = inspectLog(files, log);
      last = Math.max(last, facts.last ?? 0, this.#lastBehindDamage(log));
    }
    return last === 0 ? 'to the end of the log' : `to ${formatZxid(last)}, the last one that could be seen`;
  }

  #lastBehindDamage(file: string): number {
    const scanner = new LogScanner({ size: files.size(file), read: (at, length) => files.read(file, at, length) });
    let last = 0;
    do {
      for (let record = scanner.next(); record !== undefined; record = scanner.next()) last = record.zxid;
    } while (scanner.resume());
    return last;
  }

  #lose(facts: RefusalFacts, extent: string): void {
    const from = facts.lostFrom === undefined ? 'some transactions' : `transactions from ${formatZxid(facts.lostFrom)}`;
    this.#losses.push(`${from}, ${extent}`);
  }

  #moveAside(file: string): void {
    const target = this.#quarantined(file);
    files.rename(file, target);
    this.#actions.push(`moved ${file} to ${target}`);
  }

  /** A free name in the quarantine folder beside `file`. */
  #quarantined(file: string): string {
    const dir = path.join(path.dirname(file), this.#quarantine);
    files.makeDir(dir);
    const taken = new Set(files.list(dir));
    let name = path.basename(file);
    for (let number = 2; taken.has(name); number++) name = `${path.basename(file)}.${number}`;
    return path.join(dir, name);
  }
}
