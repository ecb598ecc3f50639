// What a server's disk certainly still has after a loss of power, as recovery would replay it: the newest durable
// snapshot and the transactions of all durable log files. Kept up to date record by record; only cuts and changes of
// names make it read a file again. This reads the files by itself and shares nothing with recovery but the checksum.

import { adler32 } from '@corral/protocol';
import type { SimDisk } from '../disk.ts';
import { hashBytes } from '../trace.ts';
import type { SimFile } from '../sim-file.ts';
import { dataDir } from '../places.ts';

export interface LoggedTxn {
  readonly zxid: number;
  readonly hash: number;
}

interface ParsedLog {
  readonly txns: LoggedTxn[];
  /** End of the last record. */
  at: number;
}

const logName = /^\/data\/log\.([0-9a-f]+)$/;
const snapshotName = /^\/data\/snapshot\.([0-9a-f]+)$/;
const headerBytes = 16;
const prefixBytes = 12;
const twoTo32 = 4294967296;

export class DurableHistory {
  readonly #disk: SimDisk;
  readonly #parsed = new Map<SimFile, ParsedLog>();
  #isStale = true;
  #txns: LoggedTxn[] = [];
  readonly #byZxid = new Map<number, LoggedTxn>();
  #base = 0;
  #snapshots: number[] = [];
  #epochs: { accepted: number; current: number } = { accepted: 0, current: 0 };
  /** Called with what was there and is not any more, whenever something is gone. */
  shrunk: ((removed: readonly LoggedTxn[]) => void) | undefined;
  /** Called with what has become durable, in order. */
  added: ((txn: LoggedTxn, previous: LoggedTxn | undefined) => void) | undefined;

  constructor(disk: SimDisk) {
    this.#disk = disk;
  }

  // Facts.

  /** Zxid of the newest durable snapshot; 0 without. */
  get base(): number {
    this.#refresh();
    return this.#base;
  }

  /** Durable snapshots, oldest first. */
  get snapshots(): readonly number[] {
    this.#refresh();
    return this.#snapshots;
  }

  /** The last transaction that is certainly there. */
  get last(): number {
    this.#refresh();
    return Math.max(this.#base, this.#txns.at(-1)?.zxid ?? 0);
  }

  get txns(): readonly LoggedTxn[] {
    this.#refresh();
    return this.#txns;
  }

  find(zxid: number): LoggedTxn | undefined {
    this.#refresh();
    return this.#byZxid.get(zxid);
  }

  get acceptedEpoch(): number {
    this.#refresh();
    return this.#epochs.accepted;
  }

  get currentEpoch(): number {
    this.#refresh();
    return this.#epochs.current;
  }

  // Changes of the disk.

  grown(path: string, file: SimFile): void {
    if (this.#isStale || !logName.test(path)) {
      this.#isStale = true;
      return;
    }
    if (this.#disk.durableNames.get(path) !== file || this.#disk.hasPendingNames) {
      this.#isStale = true;
      return;
    }
    const parsed = this.#parsed.get(file);
    if (parsed === undefined) {
      this.#isStale = true;
      return;
    }
    const from = parsed.txns.length;
    parse(file, parsed);
    for (const txn of parsed.txns.slice(from)) {
      if (txn.zxid <= this.last) {
        this.#isStale = true;
        return;
      }
      this.#append(txn);
    }
  }

  changed(path: string): void {
    this.#isStale = true;
    const file = this.#disk.names.get(path);
    if (path === '/') this.#parsed.clear();
    else if (file !== undefined) this.#parsed.delete(file);
  }

  #append(txn: LoggedTxn): void {
    const previous = this.#txns.at(-1);
    this.#txns.push(txn);
    this.#byZxid.set(txn.zxid, txn);
    this.added?.(txn, previous);
  }

  #refresh(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    const before = this.#txns;
    const unsettled = this.#disk.unsettledNames;
    const logs: { zxid: number; file: SimFile }[] = [];
    const snapshots: number[] = [];
    for (const [path, file] of this.#disk.durableNames) {
      const log = logName.exec(path);
      const snapshot = snapshotName.exec(path);
      if (log && !unsettled.has(path)) logs.push({ zxid: Number.parseInt(log[1], 16), file });
      // One that another of the same zxid is about to replace is there either way.
      if (snapshot && !this.#disk.mayVanish(path)) snapshots.push(Number.parseInt(snapshot[1], 16));
    }
    this.#snapshots = snapshots.sort((a, b) => a - b);
    this.#base = this.#snapshots.at(-1) ?? 0;
    this.#epochs = { accepted: this.#number('acceptedEpoch'), current: this.#number('currentEpoch') };
    this.#replay(
      logs.sort((a, b) => a.zxid - b.zxid).map(({ file }) => file),
      before,
    );
  }

  #replay(files: readonly SimFile[], before: readonly LoggedTxn[]): void {
    const known = new Map(before.map((txn) => [txn.zxid, txn.hash]));
    this.#txns = [];
    this.#byZxid.clear();
    for (const file of files) {
      let parsed = this.#parsed.get(file);
      if (parsed === undefined) this.#parsed.set(file, (parsed = { txns: [], at: headerBytes }));
      parse(file, parsed);
      for (const txn of parsed.txns) {
        const previous = this.#txns.at(-1);
        this.#txns.push(txn);
        this.#byZxid.set(txn.zxid, txn);
        if (known.get(txn.zxid) !== txn.hash) this.added?.(txn, previous);
      }
    }
    const removed = before.filter(({ zxid, hash }) => this.#byZxid.get(zxid)?.hash !== hash);
    if (removed.length > 0) this.shrunk?.(removed);
  }

  /** The epoch file with that name: decimal digits. */
  #number(name: string): number {
    const file = this.#disk.durableNames.get(`${dataDir}/${name}`);
    if (file === undefined) return 0;
    let value = 0;
    for (let i = 0; i < file.safeSize; i++) {
      const digit = file.durable[i] - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    return value;
  }
}

/** Reads the records that have come behind those read before. */
function parse(file: SimFile, parsed: ParsedLog): void {
  const { durable: b, safeSize: end } = file;
  for (;;) {
    const { at } = parsed;
    if (at + prefixBytes > end) return;
    const length = int(b, at + 8);
    const payloadEnd = at + prefixBytes + length;
    if (length < 32 || payloadEnd >= end || b[payloadEnd] !== 0x42) return;
    if (int(b, at) !== 0 || int(b, at + 4) >>> 0 !== adler32(b, at + prefixBytes, payloadEnd)) return;
    parsed.txns.push(loggedTxn(b, at + prefixBytes, payloadEnd));
    parsed.at = payloadEnd + 1;
  }
}

export function loggedTxn(bytes: Uint8Array, start: number, end: number): LoggedTxn {
  const zxid = int(bytes, start + 12) * twoTo32 + (int(bytes, start + 16) >>> 0);
  return { zxid, hash: hashBytes(bytes, start, end) };
}

/** The records of an append, which are whole: [start, end) of each payload. */
export function* payloadsIn(bytes: Uint8Array): Iterable<readonly [start: number, end: number]> {
  for (let at = 0; at + prefixBytes < bytes.length;) {
    const start = at + prefixBytes;
    const end = start + int(bytes, at + 8);
    yield [start, end];
    at = end + 1;
  }
}

const int = (b: Uint8Array, at: number): number => (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3];
