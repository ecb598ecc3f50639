// A note behind the last record of a log that is being written: everything before offset D was confirmed durable when
// this batch was sent to the disk. A power failure may keep later parts of one batch and lose earlier ones; without the
// note that could not be told from damage to confirmed data. It lies where the reserved zeros begin and has a zero where a
// record has its length, so that every reader of the format takes it for the end of the log. The next batch covers it.

import { JuteReader, JuteWriter } from '@corral/protocol';
import { adler32 } from '@corral/protocol';

/** `CRLM`; the checksum of a record starts with zeros instead. */
const magic = 0x43524c4d;
export const markFirstByte = magic >>> 24;
export const markBytes = 28;
const checksumFrom = 4;
/** What the checksum covers: up to where is durable, and the place of the mark. */
const checkedFrom = 12;
const positionFrom = 20;

/** The mark to write at `position`, in the same write as the batch before it. */
export function durableMark(position: number, durableTo: number): Uint8Array {
  const w = new JuteWriter(markBytes);
  w.int(magic);
  w.int(0);
  w.int(0);
  w.longNumber(durableTo);
  // Bound to its place: the same bytes elsewhere, in a copy of a log say, mean nothing.
  w.longNumber(position);
  w.setInt(4, adler32(w.bytes, checkedFrom, markBytes));
  return w.bytes;
}

/** Whether these bytes, fewer than a mark has, are the beginning of the one at `position`, as far as they tell. */
export function isMarkStart(bytes: Uint8Array, position: number): boolean {
  const tellsAll = bytes.length >= positionFrom;
  const durableTo = tellsAll ? new JuteReader(bytes, checkedFrom, positionFrom).longNumber() : 0;
  const mark = durableMark(position, durableTo);
  // Without the place up to which it was durable the checksum cannot be known.
  return bytes.every((byte, i) => byte === mark[i] || (!tellsAll && i >= checksumFrom && (i < 8 || i >= checkedFrom)));
}

/** What the mark in bytes[at, ...), found at file offset `position`, says is durable; undefined when there is none. */
export function readMark(bytes: Uint8Array, at: number, position: number): number | undefined {
  if (bytes[at] !== markFirstByte || at + markBytes > bytes.length) return undefined;
  const r = new JuteReader(bytes, at, at + markBytes);
  if (r.int() !== magic) return undefined;
  const checksum = r.int() >>> 0;
  if (r.int() !== 0 || checksum !== adler32(bytes, at + checkedFrom, at + markBytes)) return undefined;
  const durableTo = r.longNumber();
  return r.longNumber() === position && durableTo <= position ? durableTo : undefined;
}

/**
 * What a mark says that the end of the file has cut off, as on a disk without room. Its own place, which is missing, is
 * known; of one that is cut off before it says what was durable, it can be said whether that was `expected`.
 */
export function readCutMark(bytes: Uint8Array, at: number, position: number, expected: number): number | undefined {
  const left = bytes.subarray(at);
  if (left.length === 0 || left.length >= markBytes) return undefined;
  const tellsAll = left.length >= positionFrom;
  const durableTo = tellsAll ? new JuteReader(left, checkedFrom, positionFrom).longNumber() : expected;
  const mark = durableMark(position, durableTo);
  return durableTo <= position && left.every((byte, i) => byte === mark[i]) ? durableTo : undefined;
}

/** Blanks what is left of the mark at bytes[0] behind its first `covered` bytes: the next batch has reached only those. */
export function blankRestOfMark(bytes: Uint8Array, position: number, covered: number): void {
  const from = Math.max(covered, positionFrom);
  const placed = durableMark(position, 0).subarray(from);
  if (placed.every((byte, i) => byte === bytes[from + i])) bytes.fill(0, covered, markBytes);
}
