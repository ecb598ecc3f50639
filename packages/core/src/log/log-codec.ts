// The transaction log on disk: a header of 16 bytes, then records (checksum, length, payload, end byte), then whatever
// was reserved ahead, which reads as zeros. Writing happens here in place; reading back is log-scanner.ts.

import { JuteReader } from '@corral/protocol';
import type { JuteWriter } from '@corral/protocol';
import { adler32 } from '@corral/protocol';
import { digestVersion } from '@corral/protocol';
import type { DigestHalves } from '@corral/protocol';
import type { Txn, TxnHeader } from './txn.ts';
import { writeTxnPayload } from './txn-codec.ts';

/** `ZKLG`. */
const magic = 0x5a4b4c47;
const formatVersion = 2;
export const logHeaderBytes = 16;
/** Checksum (8) and length (4) in front of a payload. */
export const recordPrefixBytes = 12;
/** Closes every record: a record whose last page never reached the disk shows a zero here. */
export const endOfRecord = 0x42;

export function logFileHeader(): Uint8Array {
  const header = new Uint8Array(logHeaderBytes);
  header.set([magic >>> 24, (magic >>> 16) & 0xff, (magic >>> 8) & 0xff, magic & 0xff, 0, 0, 0, formatVersion]);
  return header;
}

/** What is wrong with the header of a log file, or undefined. Like Apache, only the magic is looked at. */
export function logHeaderProblem(bytes: Uint8Array): string | undefined {
  if (bytes.length < logHeaderBytes)
    return `the file has ${bytes.length} bytes, its header alone takes ${logHeaderBytes}`;
  if (new JuteReader(bytes).int() !== magic) return 'the file does not start like a transaction log';
  return undefined;
}

/** Appends one record to the batch in `w`; returns the position of its payload there, which ends one byte before the end. */
export function appendRecord(w: JuteWriter, header: TxnHeader, txn: Txn, digest?: DigestHalves): number {
  const start = beginRecord(w);
  writeTxnPayload(w, header, txn);
  if (digest !== undefined) {
    w.int(digestVersion);
    w.int(digest.high);
    w.int(digest.low);
  }
  endRecord(w, start);
  return start;
}

/** Appends a record whose payload arrived as bytes, as it does from a leader; returns where the payload lies. */
export function appendRawRecord(w: JuteWriter, payload: Uint8Array): number {
  const start = beginRecord(w);
  w.raw(payload);
  endRecord(w, start);
  return start;
}

function beginRecord(w: JuteWriter): number {
  w.longNumber(0);
  w.int(0);
  return w.length;
}

function endRecord(w: JuteWriter, start: number): void {
  const checksum = adler32(w.bytes, start, w.length);
  w.setInt(start - recordPrefixBytes, 0);
  w.setInt(start - recordPrefixBytes + 4, checksum);
  w.setInt(start - 4, w.length - start);
  w.byte(endOfRecord);
}
