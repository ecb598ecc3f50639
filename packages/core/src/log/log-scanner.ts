// Reads a transaction log record by record and, where it stops making sense, says what that means. A crash leaves a torn
// tail: bytes that were on their way and that nobody was promised. Anything else that is wrong is damage to data that may
// have been promised, and is never cut away silently. Apache takes both for the end of the file in several cases.

import type { Zxid } from '@corral/protocol';
import { adler32 } from '@corral/protocol';
import { blankRestOfMark, isMarkStart, markBytes, markFirstByte, readCutMark, readMark } from './durable-mark.ts';
import { endOfRecord, logHeaderBytes, logHeaderProblem, recordPrefixBytes } from './log-codec.ts';
import { peekZxid, txnHeaderBytes } from './txn-codec.ts';

export interface LogSource {
  readonly size: number;
  /** Up to `length` bytes at `offset`; shorter only at the end of the file. */
  read(offset: number, length: number): Uint8Array;
}

/** A record; payload = bytes[start, payloadEnd), valid until the next call. `end` is where the next record begins. */
export interface LogRecord {
  readonly offset: number;
  readonly end: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly payloadEnd: number;
  readonly zxid: Zxid;
}

/**
 * How a file ends. empty: no byte at all. clean: right behind a record. padding: zeros to the end, perhaps with a mark. torn: the rest of a
 * write that a crash interrupted. damaged: something else, with the next readable record when there is one. header: the
 * file is not a log, or was cut inside its header.
 */
export type LogEnd =
  | { readonly kind: 'empty'; readonly offset: 0 }
  | { readonly kind: 'clean' | 'padding'; readonly offset: number }
  | { readonly kind: 'torn'; readonly offset: number; readonly reason: string }
  | {
      readonly kind: 'damaged';
      readonly offset: number;
      readonly reason: string;
      readonly next?: { readonly offset: number; readonly zxid: Zxid };
    }
  | { readonly kind: 'header'; readonly offset: 0; readonly reason: string };

const windowBytes = 1 << 20;
/** A disk persists whole sectors; a hole left by power loss starts and ends at their borders. */
const sectorBytes = 512;
/** So many bytes of a mark prove what they are; for fewer, a later mark has to say that nothing here was confirmed. */
const keptBytesMin = 4;
/** Shorter runs of zeros occur inside intact payloads and prove nothing. */
const holeBytesMin = 16;

/** Why there is no record at some place. */
interface NoRecord {
  readonly problem: string;
  /** The file ends inside the record. */
  readonly cutOff?: boolean;
  /** End of the record as far as its length can be believed. */
  readonly end?: number;
}

export class LogScanner {
  readonly #source: LogSource;
  #window: Uint8Array = new Uint8Array(0);
  #windowAt = 0;
  #at = logHeaderBytes;
  #end: LogEnd | undefined;

  constructor(source: LogSource) {
    this.#source = source;
    if (source.size === 0) {
      this.#end = { kind: 'empty', offset: 0 };
      return;
    }
    const reason = logHeaderProblem(this.#view(0, logHeaderBytes));
    if (reason === undefined) return;
    this.#end = this.#headerIsTorn() ? { kind: 'torn', offset: 0, reason } : { kind: 'header', offset: 0, reason };
  }

  /** Even the header can be missing when the very first write was interrupted. */
  #headerIsTorn(): boolean {
    if (this.#wasUnconfirmed(0)) return true;
    const firstSector = this.#view(0, sectorBytes);
    if (firstSector.length < sectorBytes || !isZero(firstSector, 0, sectorBytes)) return false;
    return this.#findRecord(logHeaderBytes, this.#dataEnd(0)) === undefined;
  }

  /** The next record, or undefined at the end. */
  next(): LogRecord | undefined {
    if (this.#end !== undefined) return undefined;
    const record = this.#parse(this.#at);
    if ('problem' in record) {
      this.#end = this.#classify(record);
      return undefined;
    }
    this.#at = record.end;
    return record;
  }

  /** How the file ends; known once `next` has returned undefined. */
  get ending(): LogEnd {
    if (this.#end === undefined) throw new Error('the ending of a log is known only after its last record');
    return this.#end;
  }

  /** Goes on behind damage at the next readable record, for tools that save what can be saved. */
  resume(): boolean {
    const end = this.#end;
    if (end?.kind !== 'damaged' || end.next === undefined) return false;
    this.#at = end.next.offset;
    this.#end = undefined;
    return true;
  }

  /** Up to `length` bytes at `offset` as a view on the window, which moves when they are not inside. */
  #view(offset: number, length: number): Uint8Array {
    const wanted = Math.min(length, this.#source.size - offset);
    if (offset < this.#windowAt || offset + wanted > this.#windowAt + this.#window.length) {
      this.#window = this.#source.read(offset, Math.max(wanted, windowBytes));
      this.#windowAt = offset;
    }
    const start = offset - this.#windowAt;
    return this.#window.subarray(start, start + wanted);
  }

  #parse(offset: number): LogRecord | NoRecord {
    const prefix = this.#view(offset, recordPrefixBytes);
    if (prefix.length < recordPrefixBytes) return { problem: 'the file ends inside a record', cutOff: true };
    const length = int(prefix, 8);
    if (length === 0) return { problem: 'a record has no length' };
    if (length < txnHeaderBytes) return { problem: `a record has the impossible length ${length}` };
    const payloadEnd = recordPrefixBytes + length;
    const end = offset + payloadEnd + 1;
    if (end > this.#source.size) return { problem: 'the file ends inside a record', cutOff: true };
    const bytes = this.#view(offset, end - offset);
    if (bytes[payloadEnd] !== endOfRecord) return { problem: 'a record does not end with its end mark', end };
    if (!checksumFits(bytes, payloadEnd)) return { problem: 'the checksum of a record is wrong', end };
    const zxid = peekZxid(bytes, recordPrefixBytes);
    if (zxid === undefined) return { problem: 'a record has an impossible zxid', end };
    return { offset, end, bytes, start: recordPrefixBytes, payloadEnd, zxid };
  }

  #classify(found: NoRecord): LogEnd {
    const offset = this.#at;
    const size = this.#source.size;
    if (offset === size) return { kind: 'clean', offset };
    const dataEnd = this.#dataEnd(offset);
    if (dataEnd === offset) return { kind: 'padding', offset };
    // A mark that is still there was not overwritten: the first sector of the next batch never arrived.
    const isWhole = readMark(this.#view(offset, markBytes), 0, offset) !== undefined;
    if (isWhole && dataEnd <= offset + markBytes) return { kind: 'padding', offset };
    const marked = isWhole || this.#startsAsMark(offset);
    const reason = marked ? 'the beginning of a batch is missing' : found.problem;
    const torn = marked || this.#looksTorn(offset, dataEnd, found);
    const next = this.#findRecord(offset + 1, dataEnd);
    if (torn && (next === undefined || (marked ? this.#confirmedTo(offset) <= offset : this.#wasUnconfirmed(offset))))
      return { kind: 'torn', offset, reason };
    return next === undefined ? { kind: 'damaged', offset, reason } : { kind: 'damaged', offset, reason, next };
  }

  /** Whether the sector ends inside a mark, of which the next batch has covered what lies in the next sector. */
  #startsAsMark(offset: number): boolean {
    const kept = sectorBytes - (offset % sectorBytes);
    if (kept >= markBytes || !isMarkStart(this.#view(offset, kept), offset)) return false;
    return kept >= keptBytesMin || this.#wasUnconfirmed(offset);
  }

  /** Whether a mark says that the disk had confirmed nothing at or behind `offset`. */
  #wasUnconfirmed(offset: number): boolean {
    const durableTo = this.#confirmedTo(offset);
    return durableTo >= 0 && durableTo <= offset;
  }

  /** The highest place that a mark at or behind `offset` calls durable; -1 when there is none. */
  #confirmedTo(offset: number): number {
    let durableTo = -1;
    for (let block = offset; block < this.#source.size; block += windowBytes) {
      const bytes = this.#source.read(block, windowBytes + markBytes);
      for (
        let at = bytes.indexOf(markFirstByte);
        at >= 0 && at < windowBytes;
        at = bytes.indexOf(markFirstByte, at + 1)
      ) {
        const found = readMark(bytes, at, block + at) ?? readCutMark(bytes, at, block + at, offset);
        durableTo = Math.max(durableTo, found ?? -1);
      }
    }
    return durableTo;
  }

  /** Where the zeros at the end of the file begin, not looking before `offset`. */
  #dataEnd(offset: number): number {
    let end = this.#source.size;
    while (end > offset) {
      const start = Math.max(offset, end - windowBytes);
      const bytes = this.#source.read(start, end - start);
      let at = bytes.length;
      while (at > 0 && bytes[at - 1] === 0) at--;
      if (at > 0) return start + at;
      end = start;
    }
    return offset;
  }

  /** The first intact record at or behind `from`: four zero bytes, a length that fits, the end mark, the checksum. */
  #findRecord(from: number, dataEnd: number): { offset: number; zxid: Zxid } | undefined {
    const smallest = recordPrefixBytes + txnHeaderBytes + 1;
    for (let block = from; block + smallest <= dataEnd; block += windowBytes) {
      const bytes = this.#source.read(block, windowBytes + recordPrefixBytes);
      const last = Math.min(windowBytes, bytes.length - recordPrefixBytes + 1, dataEnd - block);
      for (let at = 0; at < last; at++) {
        if ((bytes[at] | bytes[at + 1] | bytes[at + 2] | bytes[at + 3]) !== 0) continue;
        const length = int(bytes, at + 8);
        if (length < txnHeaderBytes || block + at + recordPrefixBytes + length >= dataEnd) continue;
        const record = this.#parse(block + at);
        if (!('problem' in record)) return { offset: record.offset, zxid: record.zxid };
      }
    }
    return undefined;
  }

  /**
   * Whether an interrupted write explains the bad record: the file ends inside it, or it runs out into zeros, or a whole
   * sector of it is missing. A wrong bit looks like none of these. `dataEnd` is where the zeros at the end begin.
   */
  #looksTorn(offset: number, dataEnd: number, found: NoRecord): boolean {
    // No record is as short as a mark: so little is the beginning of a write, over what is left of the last mark.
    if (dataEnd <= offset + markBytes) return true;
    const { end } = found;
    const bytes = this.#source.read(offset, Math.max(dataEnd, end ?? 0) - offset);
    if (end !== undefined && checksumFits(bytes, end - offset - 1)) {
      // Only the end mark can be missing: alone in its sector, or as the last byte of a write that came to a short end.
      return bytes[end - offset - 1] === 0 && ((end - 1) % sectorBytes === 0 || dataEnd < end);
    }
    if (fitsAnotherLength(bytes)) return false;
    if (found.cutOff === true || (end !== undefined && dataEnd < end)) return true;
    const covered = sectorBytes - (offset % sectorBytes);
    if (covered < markBytes) blankRestOfMark(bytes, offset, covered);
    return hasHole(bytes.subarray(0, (end ?? dataEnd) - offset), offset);
  }
}

/** Whether bytes[12, payloadEnd) have the checksum in front of them. */
const checksumFits = (bytes: Uint8Array, payloadEnd: number): boolean =>
  int(bytes, 0) === 0 && adler32(bytes, recordPrefixBytes, payloadEnd) === int(bytes, 4) >>> 0;

/** The payload and its checksum are intact and only the length between them is wrong: damage, whatever follows. */
function fitsAnotherLength(bytes: Uint8Array): boolean {
  if (bytes.length < recordPrefixBytes || int(bytes, 0) !== 0) return false;
  const checksum = int(bytes, 4) >>> 0;
  let sum = 1;
  let summed = recordPrefixBytes;
  for (let at = recordPrefixBytes + txnHeaderBytes; at < bytes.length; at++) {
    if (bytes[at] !== endOfRecord) continue;
    sum = adler32(bytes, summed, at, sum);
    summed = at;
    if (sum === checksum) return true;
  }
  return false;
}

/** Whether some sector's share of the bytes is all zero although it should not be. */
function hasHole(bytes: Uint8Array, offset: number): boolean {
  let start = 0;
  while (start < bytes.length) {
    const end = Math.min(bytes.length, start + sectorBytes - ((offset + start) % sectorBytes));
    const coversLength = start < recordPrefixBytes && end >= recordPrefixBytes;
    if (isZero(bytes, start, end) && (end - start >= holeBytesMin || coversLength || end === bytes.length)) return true;
    start = end;
  }
  return false;
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] !== 0) return false;
  return true;
}

const int = (b: Uint8Array, at: number): number => (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3];
