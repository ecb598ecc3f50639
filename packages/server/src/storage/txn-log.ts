// The transaction log as the replica appends to it: one batch at a time, each durable before it is confirmed. A new file
// begins at the first append after start-up and after every roll, named after its first transaction. The first error is
// the last word: what a disk did after a failed write or sync is unknown, so nothing is ever appended behind it.

import { open } from 'node:fs/promises';
import * as path from 'node:path';
import { logFileName } from '@corral/core';
import type { Zxid } from '@corral/protocol';
import { LogFile } from './log-file.ts';
import { LoopStalls } from './loop-stalls.ts';

export interface TxnLogOptions {
  readonly dir: string;
  readonly forceSync: boolean;
  /** How far to reserve ahead, in bytes (preAllocSize). Filled in steps of at most 4 MiB; 0 for none. */
  readonly preallocBytes: number;
  readonly warn: (message: string) => void;
  /** How long the disk took to make each append durable, in milliseconds; the event loop's own delays are left out. */
  readonly onSync?: (ms: number) => void;
  /** An append slower than this is warned about (fsync.warningthresholdms). */
  readonly syncWarningMs?: number;
  /** The disk failed between appends; the next append fails with the same error. */
  readonly onFailure?: (error: Error) => void;
}

const syncWarningMsDefault = 1000;

export class TxnLogWriter {
  readonly #options: TxnLogOptions;
  #file: LogFile | undefined;
  #appending = false;
  #failure: Error | undefined;
  readonly #stalls = new LoopStalls();
  /** Files that are being cut and closed. */
  readonly #finishing = new Set<Promise<void>>();

  constructor(options: TxnLogOptions) {
    this.#options = options;
  }

  /** Bytes in the current file; 0 when the next append starts a new one. */
  get bytesSinceRoll(): number {
    return this.#file?.position ?? 0;
  }

  /** Path of the current file, when there is one. */
  get file(): string | undefined {
    return this.#file?.path;
  }

  /**
   * Appends whole records, the first of them with `firstZxid`. When `done` is called without an error they are durable.
   * The caller waits for `done` before the next append and leaves the bytes alone meanwhile.
   */
  append(firstZxid: Zxid, bytes: Uint8Array, done: (error?: Error) => void): void {
    if (this.#appending) throw new Error('an append to the transaction log is already under way');
    this.#appending = true;
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      setImmediate(() => {
        this.#appending = false;
        done(failure);
      });
      return;
    }
    const started = performance.now();
    this.#stalls.begin();
    const finish = (error?: Error): void => {
      this.#appending = false;
      const stalledMs = this.#stalls.end();
      if (error === undefined) this.#report(Math.max(0, performance.now() - started - stalledMs));
      else this.#fail(error);
      // The background may have failed while this append went through: then it is not to be trusted either.
      done(this.#failure);
    };
    if (this.#file === undefined) this.#begin(firstZxid, bytes).then(() => finish(), finish);
    else this.#file.append(bytes, finish);
  }

  /** The next append starts a new file. The current one is cut to its data in the background. */
  roll(): void {
    if (this.#appending) throw new Error('the transaction log cannot be rolled during an append');
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    const finishing: Promise<void> = file
      .finish()
      .catch((error: unknown) => this.#fail(asError(error)))
      .finally(() => this.#finishing.delete(finishing));
    this.#finishing.add(finishing);
  }

  /** Cuts and closes everything. No append may be under way. Rejects with the first error of the log, if there was one. */
  async close(): Promise<void> {
    this.roll();
    await Promise.all(this.#finishing);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #begin(firstZxid: Zxid, bytes: Uint8Array): Promise<void> {
    const { dir, forceSync, preallocBytes, warn } = this.#options;
    const failed = (error: Error): void => this.#fail(error);
    const file = await LogFile.create(path.join(dir, logFileName(firstZxid)), {
      forceSync,
      preallocBytes,
      warn,
      failed,
    });
    this.#file = file;
    await new Promise<void>((resolve, reject) => {
      file.begin(bytes, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    if (forceSync) await syncDir(dir);
  }

  #report(ms: number): void {
    this.#options.onSync?.(ms);
    const limit = this.#options.syncWarningMs ?? syncWarningMsDefault;
    if (ms <= limit) return;
    this.#options.warn(
      `writing to the transaction log took ${Math.round(ms)} ms, more than ${limit} ms: every write waits for this disk`,
    );
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    if (!this.#appending) this.#options.onFailure?.(error);
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

/** Makes the names in a directory durable. */
export async function syncDir(dir: string): Promise<void> {
  const handle = await open(dir, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
