// Deletes what is no longer needed, every few hours. Only snapshots that were read back in full count as kept ones.

import { readdir, stat, unlink } from 'node:fs/promises';
import * as path from 'node:path';
import { decidePurge, logFilesIn, snapshotsIn } from '@corral/core';
import type { NamedFile, PurgeDecision } from '@corral/core';
import { verifySnapshot } from './snapshot-files.ts';
import { syncDir } from './txn-log.ts';

export interface PurgeOptions {
  readonly snapDir: string;
  readonly logDir: string;
  /** Valid snapshots to keep (autopurge.snapRetainCount); at least 3. */
  readonly keep: number;
}

export interface PurgeSchedule extends PurgeOptions {
  /** Hours between runs (autopurge.purgeInterval); 0 for never. */
  readonly intervalHours: number;
  readonly purged: (names: readonly string[]) => void;
  readonly failed: (error: unknown) => void;
}

export const snapshotsKeptMin = 3;
const hourMs = 3_600_000;

export class Purger {
  readonly #options: PurgeOptions;
  /** Verified snapshots by name, with size and time: they are read once, not at every run. */
  readonly #verified = new Map<string, string>();
  #running: Promise<readonly string[]> | undefined;

  constructor(options: PurgeOptions) {
    this.#options = options;
  }

  /** Deletes now; resolves to the names of the deleted files. Runs that overlap are one run. */
  run(): Promise<readonly string[]> {
    this.#running ??= this.#purge().finally(() => (this.#running = undefined));
    return this.#running;
  }

  /** What a run would delete, oldest first, snapshots before the logs behind them. */
  async plan(): Promise<PurgeDecision> {
    const { snapDir, logDir } = this.#options;
    const keep = Math.max(snapshotsKeptMin, this.#options.keep);
    const logs = logFilesIn(await readdir(logDir));
    const snapshots = snapshotsIn(await readdir(snapDir));
    // Too few to delete any: do not even read them.
    if (snapshots.length <= keep) return { snapshots: [], logs: [] };
    return decidePurge({ snapshots: await this.#verify(snapshots, keep), logs, keep });
  }

  async #purge(): Promise<readonly string[]> {
    const { snapDir, logDir } = this.#options;
    const decision = await this.plan();
    // Oldest first, snapshots before the logs behind them: whatever is interrupted, the newest state stays complete.
    for (const name of decision.snapshots) await unlink(path.join(snapDir, name));
    for (const name of decision.logs) await unlink(path.join(logDir, name));
    const deleted = [...decision.snapshots, ...decision.logs];
    if (deleted.length > 0) await syncDir(snapDir);
    if (decision.logs.length > 0 && logDir !== snapDir) await syncDir(logDir);
    for (const name of decision.snapshots) this.#verified.delete(name);
    return deleted;
  }

  /** Reads from the newest back until enough are good; older ones need not be. */
  async #verify(snapshots: readonly NamedFile[], keep: number): Promise<(NamedFile & { valid: boolean })[]> {
    const judged: (NamedFile & { valid: boolean })[] = [];
    let good = 0;
    for (const snapshot of [...snapshots].reverse()) {
      const valid = good < keep && (await this.#isValid(snapshot.name));
      if (valid) good += 1;
      judged.unshift({ ...snapshot, valid });
    }
    return judged;
  }

  async #isValid(name: string): Promise<boolean> {
    const file = path.join(this.#options.snapDir, name);
    const { size, mtimeMs } = await stat(file);
    const identity = `${size}:${mtimeMs}`;
    if (this.#verified.get(name) === identity) return true;
    if (!(await verifySnapshot(file))) return false;
    this.#verified.set(name, identity);
    return true;
  }
}

/** Purges now and then every so many hours; the result stops it. */
export function startPurging(schedule: PurgeSchedule): () => void {
  if (schedule.intervalHours <= 0) return () => undefined;
  const purger = new Purger(schedule);
  const run = (): void => void purger.run().then(schedule.purged, schedule.failed);
  run();
  const timer = setInterval(run, schedule.intervalHours * hourMs);
  timer.unref();
  return () => clearInterval(timer);
}
