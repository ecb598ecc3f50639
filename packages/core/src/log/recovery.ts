// Start-up: from the files of a data directory to the state they hold. The newest snapshot that verifies is loaded into a
// fresh target, then every later transaction is replayed from the log. Nothing is guessed: what a crash explains is cut
// and reported, anything else refuses the start and says what is wrong, what would be lost and what to do. A refused start
// has changed nothing on disk; a successful one has made durable everything it relied on.

import { ProtocolError, counterOf, epochOf, formatZxid, zxidZero } from '@corral/protocol';
import type { Acl, SessionId, Zxid } from '@corral/protocol';
import { logFilesIn, logsAfter, snapshotsIn } from './file-names.ts';
import type { NamedFile } from './file-names.ts';
import type { Files } from './files.ts';
import { logHeaderBytes } from './log-codec.ts';
import { LogScanner } from './log-scanner.ts';
import type { LogEnd, LogRecord } from './log-scanner.ts';
import { RecoveryRefused } from './recovery-refused.ts';
import type { RefusalFacts } from './recovery-refused.ts';
import type { SnapshotNode } from './snapshot-node.ts';
import { SnapshotReader } from './snapshot-reader.ts';
import type { SnapshotSummary } from './snapshot-reader.ts';
import { errorTxnType, peekType, readTxnPayload } from './txn-codec.ts';
import type { TxnRecord } from './txn-codec.ts';
import type { Txn, TxnDigest, TxnHeader } from './txn.ts';

/** Where the state goes. A target that has seen a failed snapshot is never used again. */
export interface RecoveryTarget {
  session(id: SessionId, timeoutMs: number): void;
  acl(id: number, acl: readonly Acl[]): void;
  /** Valid during the call only. A node that cannot be placed is a ProtocolError. */
  node(node: SnapshotNode): void;
  /** The snapshot is complete and its checksums fit. `zxid` is the one of its name: replay starts behind it. */
  snapshotDone(snapshot: { readonly zxid: Zxid; readonly digest?: SnapshotSummary['digest'] }): void;
  /** `payload` is the record's, only borrowed. */
  txn(header: TxnHeader, txn: Txn, digest?: TxnDigest, payload?: Uint8Array): void;
}

export interface RecoveryOptions {
  readonly snapDir: string;
  readonly logDir: string;
  /** Replay a log from nothing when there is no snapshot at all (snapshot.trust.empty). */
  readonly trustEmptySnapshot?: boolean;
  /** Look, but change and sync nothing: for tools. */
  readonly readOnly?: boolean;
  /** Called after every file, and now and then inside a long one. */
  readonly progress?: (step: { readonly file: string; readonly replayed: number }) => void;
}

export interface RecoveryResult<T> {
  readonly target: T;
  /** 0 when there is no transaction at all. */
  readonly lastZxid: Zxid;
  /** Undefined when there was none: an empty directory, or a log trusted without one. */
  readonly snapshotFile: string | undefined;
  readonly snapshotZxid: Zxid | undefined;
  readonly replayed: number;
  /** What an operator should know: skipped snapshots, cut tails, removed empty files. */
  readonly notes: readonly string[];
}

/** Transactions between two reports of progress. */
const progressEvery = 50_000;

interface Loaded<T> {
  readonly target: T;
  readonly snapshot: NamedFile | undefined;
  /** Newer snapshots that could not be used: the log has to lead past them. */
  readonly skipped: readonly NamedFile[];
}

/** Restores the state of a data directory. Throws RecoveryRefused, or the error of a failing disk. */
export function recover<T extends RecoveryTarget>(
  files: Files,
  options: RecoveryOptions,
  makeTarget: () => T,
): RecoveryResult<T> {
  return new Recovery(files, options, makeTarget).run();
}

class Recovery<T extends RecoveryTarget> {
  readonly #files: Files;
  readonly #options: RecoveryOptions;
  readonly #makeTarget: () => T;
  readonly #notes: string[] = [];
  /** Paths that the state rests on. */
  readonly #used: string[] = [];
  /** Changes to the disk, made only after everything was read well. */
  readonly #repairs: (() => void)[] = [];
  /** A snapshot was skipped because the disk could not read it. */
  #diskFailed = false;
  #last: Zxid = zxidZero;
  #replayed = 0;
  /** Last record that was read, replayed or not. */
  #lastInLog: Zxid = zxidZero;

  constructor(files: Files, options: RecoveryOptions, makeTarget: () => T) {
    this.#files = files;
    this.#options = options;
    this.#makeTarget = makeTarget;
  }

  run(): RecoveryResult<T> {
    const { snapDir, logDir } = this.#options;
    this.#checkDirs();
    const logs = logFilesIn(this.#files.list(logDir));
    const loaded = this.#loadSnapshot(snapshotsIn(this.#files.list(snapDir)), logs);
    this.#last = loaded.snapshot?.zxid ?? zxidZero;
    const unproven = new Set(loaded.skipped.map((snapshot) => snapshot.zxid));
    const needed = logsAfter(logs, this.#last);
    needed.forEach((log, index) => this.#replayFile(log, needed[index + 1], loaded.target, unproven));
    this.#checkSkipped(loaded, unproven);
    this.#retireCoveredLogs(logs, loaded);
    if (this.#options.readOnly !== true) this.#settle();
    return {
      target: loaded.target,
      lastZxid: this.#last,
      snapshotFile: loaded.snapshot?.name,
      snapshotZxid: loaded.snapshot?.zxid,
      replayed: this.#replayed,
      notes: this.#notes,
    };
  }

  /**
   * A log that ends before the snapshot (it came from a leader) is covered by it. What is logged next starts behind the
   * snapshot, so the old files would show a gap then.
   */
  #retireCoveredLogs(logs: readonly NamedFile[], { snapshot, skipped }: Loaded<T>): void {
    if (snapshot === undefined || this.#replayed > 0 || skipped.length > 0 || this.#lastInLog >= snapshot.zxid) return;
    if (this.#lastInLog === zxidZero) return;
    for (const { name } of [...logs].reverse()) {
      const path = `${this.#options.logDir}/${name}`;
      this.#used.splice(0, this.#used.length, ...this.#used.filter((used) => used !== path));
      this.#notes.push(`${path} ends before the snapshot ${snapshot.name}, which holds all of it; removed`);
      this.#repairs.push(() => {
        if (this.#files.list(this.#options.logDir).includes(name)) this.#files.remove(path);
      });
    }
  }

  /** With two directories, a file in the wrong one means the configuration has changed under the data. */
  #checkDirs(): void {
    const { snapDir, logDir } = this.#options;
    if (snapDir === logDir) return;
    const strayLog = logFilesIn(this.#files.list(snapDir))[0];
    const straySnapshot = snapshotsIn(this.#files.list(logDir))[0];
    if (strayLog === undefined && straySnapshot === undefined) return;
    const file = strayLog ? `${snapDir}/${strayLog.name}` : `${logDir}/${straySnapshot?.name}`;
    throw new RecoveryRefused({
      file,
      problem: strayLog ? 'a transaction log lies in the snapshot directory' : 'a snapshot lies in the log directory',
      advice:
        'set dataDir and dataLogDir as they were when the data was written, or move the file to the other directory',
    });
  }

  #loadSnapshot(snapshots: readonly NamedFile[], logs: readonly NamedFile[]): Loaded<T> {
    const skipped: NamedFile[] = [];
    for (const snapshot of [...snapshots].reverse()) {
      const target = this.#makeTarget();
      const path = `${this.#options.snapDir}/${snapshot.name}`;
      try {
        const { digest } = readSnapshotInto(this.#files, path, target);
        target.snapshotDone({ zxid: snapshot.zxid, ...(digest && { digest }) });
        this.#used.push(path);
        return { target, snapshot, skipped };
      } catch (error) {
        if (!isDamage(error)) throw error;
        if (!(error instanceof ProtocolError)) this.#diskFailed = true;
        this.#notes.push(`snapshot ${path} cannot be used (${error.message}); trying the one before`);
        skipped.push(snapshot);
      }
    }
    if (skipped.length > 0) throw this.#noGoodSnapshot(skipped);
    this.#checkEmpty(logs);
    return { target: this.#makeTarget(), snapshot: undefined, skipped };
  }

  /** What cannot be read now may be read another time, so a failing disk makes no damage. */
  #damage(facts: RefusalFacts): RecoveryRefused {
    return new RecoveryRefused({ ...facts, isDamage: !this.#diskFailed });
  }

  #noGoodSnapshot(skipped: readonly NamedFile[]): RecoveryRefused {
    return this.#damage({
      file: `${this.#options.snapDir}/${skipped[0]?.name}`,
      problem: `none of the ${skipped.length} snapshots can be read: ${this.#notes.join('; ')}`,
      advice:
        'restore a snapshot from a backup, or empty this directory and let the server fetch its data from the ensemble',
    });
  }

  /** No snapshot: fine for a new directory, but a log alone may lack its beginning. */
  #checkEmpty(logs: readonly NamedFile[]): void {
    if (this.#options.trustEmptySnapshot === true) return;
    const holding = logs.find((log) => this.#scan(`${this.#options.logDir}/${log.name}`).next() !== undefined);
    if (holding === undefined) return;
    throw new RecoveryRefused({
      file: `${this.#options.logDir}/${holding.name}`,
      problem: 'there are transactions but no snapshot they could be added to',
      advice: 'restore the snapshots, or set snapshot.trust.empty=true when the log is known to hold everything',
    });
  }

  #scan(path: string): LogScanner {
    const files = this.#files;
    return new LogScanner({ size: files.size(path), read: (offset, length) => files.read(path, offset, length) });
  }

  #replayFile(log: NamedFile, following: NamedFile | undefined, target: T, unproven: Set<Zxid>): void {
    const path = `${this.#options.logDir}/${log.name}`;
    this.#used.push(path);
    const scanner = this.#scan(path);
    let previous = -1;
    for (;;) {
      const record = scanner.next();
      if (record !== undefined) {
        if (isRepeatedError(record, Math.max(previous, this.#lastInLog))) continue;
        if (record.zxid <= previous) throw this.#outOfOrder(path, record, previous);
        if (previous === this.#last && leavesOut(record.zxid, previous)) throw this.#leftOut(path, record);
        previous = record.zxid;
        unproven.delete(record.zxid);
        this.#lastInLog = record.zxid;
        if (record.zxid > this.#last) this.#replay(path, record, target);
        else if (this.#replayed > 0) throw this.#outOfOrder(path, record, this.#last);
        continue;
      }
      if (!this.#skipsOldDamage(path, scanner)) break;
    }
    this.#options.progress?.({ file: path, replayed: this.#replayed });
    this.#settleEnding(path, log, following, scanner.ending);
  }

  /** Damage that lies wholly before the snapshot costs nothing. */
  #skipsOldDamage(path: string, scanner: LogScanner): boolean {
    const end = scanner.ending;
    if (end.kind !== 'damaged' || end.next === undefined || this.#replayed > 0) return false;
    if (end.next.zxid > this.#last + 1) return false;
    this.#notes.push(
      `${path} is damaged at offset ${end.offset} (${end.reason}), before the snapshot: nothing is lost`,
    );
    return scanner.resume();
  }

  #replay(path: string, record: LogRecord, target: T): void {
    const { zxid } = record;
    if (!follows(zxid, this.#last)) throw this.#gap(path, record);
    const { header, txn, digest } = this.#decode(path, record);
    target.txn(header, txn, digest, record.bytes.subarray(record.start, record.payloadEnd));
    this.#last = zxid;
    this.#replayed += 1;
    if (this.#replayed % progressEvery === 0) this.#options.progress?.({ file: path, replayed: this.#replayed });
  }

  #decode(path: string, record: LogRecord): TxnRecord {
    try {
      return readTxnPayload(record.bytes, record.start, record.payloadEnd);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      throw new RecoveryRefused({
        file: path,
        offset: record.offset,
        // Nothing is lost and nothing is at risk: there is nothing to cut or to set aside.
        isDamage: false,
        problem: `transaction ${formatZxid(record.zxid)} is intact, but of no kind that this version knows (${error.message})`,
        advice:
          'start the version of the software that wrote it; in an ensemble, this directory can also be emptied ' +
          'so that the server fetches its data from the others',
      });
    }
  }

  #gap(path: string, record: LogRecord): RecoveryRefused {
    return this.#damage({
      file: path,
      offset: record.offset,
      lostFrom: (this.#last + 1) as Zxid,
      lostBefore: record.zxid,
      problem: `transaction ${formatZxid(record.zxid)} comes right after ${formatZxid(this.#last)}: some are missing between`,
      advice: 'restore the missing log file, or see `corral doctor`',
    });
  }

  /** No file is missing between two records of one file: whoever wrote it left the zxid out, or lost what it stood for. */
  #leftOut(path: string, record: LogRecord): RecoveryRefused {
    return this.#damage({
      file: path,
      offset: record.offset,
      problem:
        `transaction ${formatZxid(record.zxid)} comes right after ${formatZxid(this.#last)} in the same file. Both are ` +
        'intact: Apache before 3.9.4 leaves zxids out after requests that it cannot decode, but also when it loses ' +
        'transactions, which cannot be told apart',
      advice:
        'in an ensemble: empty this directory and let the server fetch its data; alone: start the release that wrote ' +
        'it once more, so that it begins a new snapshot behind this place, and use that',
    });
  }

  #outOfOrder(path: string, record: LogRecord, previous: number): RecoveryRefused {
    return this.#damage({
      file: path,
      offset: record.offset,
      lostFrom: record.zxid,
      problem: `transaction ${formatZxid(record.zxid)} comes after ${formatZxid(previous)}: the log has two histories`,
      advice: 'empty this directory and let the server fetch its data from the ensemble, or see `corral doctor`',
    });
  }

  #settleEnding(path: string, log: NamedFile, following: NamedFile | undefined, end: LogEnd): void {
    switch (end.kind) {
      case 'clean':
      case 'padding':
        if (end.offset === logHeaderBytes && following === undefined) this.#dropEmpty(path, 'holds no transaction');
        return;
      case 'empty':
        return this.#emptyFile(path, following);
      case 'torn':
        return this.#tornTail(path, following, end);
      case 'damaged':
        throw this.#damaged(path, end);
      case 'header':
        if (this.#cutInHeader(path, log)) return this.#emptyFile(path, following);
        throw this.#damage({
          file: path,
          offset: 0,
          lostFrom: log.zxid,
          problem: end.reason,
          advice: 'restore the file from a backup, or see `corral doctor`',
        });
    }
  }

  /**
   * A crash while the file was made leaves less than a header, or zeros where the header was to be. Zeros also when a
   * snapshot is newer: what it holds may have been decided by others while the disk here was still writing.
   */
  #cutInHeader(path: string, log: NamedFile): boolean {
    const size = this.#files.size(path);
    if (size > 0 && size < logHeaderBytes && log.zxid > this.#last) return true;
    for (let offset = 0; offset < size; offset += 1 << 20) {
      if (this.#files.read(path, offset, 1 << 20).some((byte) => byte !== 0)) return false;
    }
    return true;
  }

  #emptyFile(path: string, following: NamedFile | undefined): void {
    if (following !== undefined) {
      this.#notes.push(`${path} is empty; the log goes on in the next file`);
      return;
    }
    this.#dropEmpty(path, 'is empty: the server stopped while it made the file');
  }

  /** The next transaction may need this very file name, so the file goes. */
  #dropEmpty(path: string, why: string): void {
    this.#used.splice(this.#used.indexOf(path), 1);
    this.#notes.push(`${path} ${why}; removed`);
    this.#repairs.push(() => this.#files.remove(path));
  }

  /** Later files are checked by the sequence: had a promised transaction been in the tail, the next one would not fit. */
  #tornTail(path: string, following: NamedFile | undefined, end: LogEnd & { kind: 'torn' }): void {
    const where = `${path} ends at offset ${end.offset} in an unfinished write (${end.reason})`;
    if (following !== undefined) {
      this.#notes.push(`${where}; the log goes on in ${following.name}`);
      return;
    }
    if (end.offset <= logHeaderBytes) return this.#dropEmpty(path, `holds only an unfinished write (${end.reason})`);
    this.#notes.push(`${where}; cut there, the last transaction is ${formatZxid(this.#last)}`);
    this.#repairs.push(() => this.#files.truncate(path, end.offset));
  }

  #damaged(path: string, end: LogEnd & { kind: 'damaged' }): RecoveryRefused {
    return this.#damage({
      file: path,
      offset: end.offset,
      lostFrom: (this.#last + 1) as Zxid,
      ...(end.next && { lostBefore: end.next.zxid }),
      problem: end.next
        ? `${end.reason}, and good transactions follow from offset ${end.next.offset} (${formatZxid(end.next.zxid)})`
        : `${end.reason}, and no interrupted write explains it`,
      advice:
        'in an ensemble: empty this directory and let the server fetch its data; alone: restore a backup, ' +
        'or run `corral doctor --repair` to go on without the lost transactions',
    });
  }

  /** A snapshot that was skipped held a state; only a log that runs through it proves that nothing of it is lost. */
  #checkSkipped(loaded: Loaded<T>, unproven: ReadonlySet<Zxid>): void {
    const missing = loaded.skipped.find((snapshot) => unproven.has(snapshot.zxid));
    if (missing === undefined) return;
    throw this.#damage({
      file: `${this.#options.snapDir}/${missing.name}`,
      lostFrom: (this.#last + 1) as Zxid,
      problem: `the snapshot cannot be read, and the log does not lead from an older one through ${formatZxid(missing.zxid)}`,
      advice: 'restore it from a backup, or empty this directory and let the server fetch its data from the ensemble',
    });
  }

  /** A crash may have left bytes in the cache only: what was read is made durable before anyone is told of it. */
  #settle(): void {
    const { snapDir, logDir } = this.#options;
    for (const repair of this.#repairs) repair();
    for (const path of this.#used) this.#files.sync(path);
    this.#files.syncDir(snapDir);
    if (logDir !== snapDir) this.#files.syncDir(logDir);
  }
}

/**
 * Apache 3.9 answers a request that it cannot decode with an error transaction, and gives it the zxid of the transaction
 * before. It changes nothing.
 */
const isRepeatedError = ({ zxid, bytes, start }: LogRecord, previous: number): boolean =>
  zxid === previous && peekType(bytes, start) === errorTxnType;

/** Whether zxids of one epoch are missing between two. */
const leavesOut = (zxid: Zxid, last: number): boolean => epochOf(zxid) === epochOf(last as Zxid) && zxid > last + 1;

/** Zxids are dense inside an epoch, and an epoch starts at 1. */
function follows(zxid: Zxid, last: Zxid): boolean {
  return epochOf(zxid) === epochOf(last) ? zxid === last + 1 : counterOf(zxid) === 1;
}

/** Loads one snapshot; throws when any of its checksums does not fit. */
export function readSnapshotInto(
  files: Files,
  path: string,
  target: Pick<RecoveryTarget, 'session' | 'acl' | 'node'>,
): SnapshotSummary {
  const reader = new SnapshotReader(target);
  for (const chunk of files.readSnapshot(path)) reader.push(chunk);
  return reader.finish();
}

/** Bad content or an unreadable sector; a missing permission or too many open files is nothing an older file would cure. */
function isDamage(error: unknown): error is Error {
  return error instanceof ProtocolError || (error instanceof Error && 'code' in error && error.code === 'EIO');
}
