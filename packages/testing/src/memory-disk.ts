// What a server does with its disk, in memory: one operation after the other, each in its own turn of the event loop or,
// on a slow disk, later. The files outlive the server's lives; what was not done when a life ended never happens.

import {
  decidePurge,
  logFileHeader,
  logFileName,
  logFilesIn,
  recover,
  retireHistory,
  snapshotFileName,
  snapshotsIn,
  truncateHistory,
  writeEpochFile,
} from '@corral/core';
import type { EpochFile, RecoveryTarget, SnapshotSource } from '@corral/core';
import { decodeText, encodeText, formatEnsembleConfig, parseEnsembleConfig } from '@corral/protocol';
import type { EnsembleConfig, Epoch, Zxid } from '@corral/protocol';
import { MemoryFiles } from './memory-files.ts';
import type { Time } from './time.ts';

export const dataDir = '/data';
export const historyDirs = { snapDir: dataDir, logDir: dataDir };
const snapshotsKept = 2;

export class MemoryDisk {
  readonly files = new MemoryFiles();
  readonly #time: Time;
  #jobs: (() => void)[] = [];
  #isBusy = false;
  #log: string | undefined;
  #life = 0;
  /** How long every operation takes; Infinity: it waits. */
  #delayMs = 0;

  constructor(time: Time) {
    this.#time = time;
  }

  /** Makes every operation take so long. */
  slowDown(delayMs: number): void {
    const wasStuck = this.#delayMs === Infinity;
    this.#delayMs = delayMs;
    if (wasStuck && this.#jobs.length > 0) this.#next();
  }

  /** The process ends. `finish`: what it has begun is done first. */
  end(how: 'finish' | 'drop'): void {
    this.#life++;
    const jobs = this.#jobs;
    this.#jobs = [];
    this.#isBusy = false;
    this.#log = undefined;
    if (how === 'finish') for (const job of jobs) job();
  }

  #run(work: () => void, done: () => void): void {
    const life = this.#life;
    this.#jobs.push(() => {
      work();
      if (life === this.#life) done();
    });
    if (!this.#isBusy) this.#next();
  }

  #next(): void {
    if (this.#delayMs === Infinity) return;
    this.#isBusy = true;
    const life = this.#life;
    const step = (): void => {
      if (life !== this.#life) return;
      this.#isBusy = false;
      this.#jobs.shift()?.();
      if (this.#jobs.length > 0 && !this.#isBusy) this.#next();
    };
    if (this.#delayMs === 0) this.#time.turns.post(step);
    else this.#time.later(this.#delayMs, step);
  }

  // Operations: `done` is called when they are durable, unless the process has ended.

  append(firstZxid: Zxid, bytes: Uint8Array, done: () => void): void {
    const copy = bytes.slice();
    this.#run(() => {
      this.#log ??= `${dataDir}/${logFileName(firstZxid)}`;
      this.files.append(this.#log, copy, logFileHeader());
    }, done);
  }

  roll(): void {
    this.#run(
      () => (this.#log = undefined),
      () => undefined,
    );
  }

  snapshot(source: SnapshotSource, done: () => void): void {
    const bytes = drained(source);
    this.#run(() => {
      this.writeSnapshot(source.zxid, bytes);
      this.#purge();
    }, done);
  }

  writeSnapshot(zxid: Zxid, bytes: Uint8Array): void {
    this.files.writeDurably(`${dataDir}/${snapshotFileName(zxid, 'none')}`, bytes);
  }

  installSnapshot(source: SnapshotSource, aside: string | undefined, done: () => void): void {
    const bytes = drained(source);
    this.#run(() => {
      this.writeSnapshot(source.zxid, bytes);
      retireHistory(this.files, historyDirs, source.zxid, aside);
      this.#log = undefined;
    }, done);
  }

  writeEpoch(file: EpochFile, epoch: Epoch, done: () => void): void {
    this.#run(() => writeEpochFile(this.files, dataDir, file, epoch), done);
  }

  truncate(zxid: Zxid, done: () => void): void {
    this.#run(() => {
      truncateHistory(this.files, historyDirs, zxid);
      this.#log = undefined;
    }, done);
  }

  reload(makeTarget: () => RecoveryTarget, done: () => void): void {
    this.#run(() => void recover(this.files, historyDirs, makeTarget), done);
  }

  writeConfig(which: 'next' | 'active', config: EnsembleConfig, done: () => void): void {
    this.#run(
      () => this.files.writeDurably(`${dataDir}/config.${which}`, encodeText(formatEnsembleConfig(config))),
      done,
    );
  }

  /** A configuration that was written. */
  config(which: 'next' | 'active'): EnsembleConfig | undefined {
    const name = `config.${which}`;
    if (!this.files.list(dataDir).includes(name)) return undefined;
    const path = `${dataDir}/${name}`;
    const bytes = this.files.read(path, 0, this.files.size(path));
    return parseEnsembleConfig(decodeText(bytes, 0, bytes.length));
  }

  #purge(): void {
    const names = this.files.list(dataDir);
    const snapshots = snapshotsIn(names).map((file) => ({ ...file, valid: true }));
    const old = decidePurge({ snapshots, logs: logFilesIn(names), keep: snapshotsKept });
    for (const name of [...old.snapshots, ...old.logs]) this.files.remove(`${dataDir}/${name}`);
  }
}

/** The whole of a snapshot. */
export function drained(source: SnapshotSource): Uint8Array {
  const chunks: Uint8Array[] = [];
  for (let chunk = source.next(); chunk !== null; chunk = source.next()) chunks.push(chunk.slice());
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
