// Writes Jute into one growing buffer. `reserve` makes room once per record so that the fields themselves need no check
// beyond their own; `beginFrame`/`endFrame` fill in the length afterwards, so a frame is never built twice.

import { encodeText } from './text.ts';

const twoTo32 = 4294967296;

export class JuteWriter {
  bytes: Uint8Array;
  /** Number of bytes written. */
  length = 0;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
  }

  /** What was written, as a view that the next growth or `clear` invalidates. */
  view(): Uint8Array {
    return this.bytes.subarray(0, this.length);
  }

  /** What was written, as a copy. */
  toBytes(): Uint8Array {
    return this.bytes.slice(0, this.length);
  }

  clear(): void {
    this.length = 0;
  }

  /** Hands the written bytes over and starts again with a new buffer of the given capacity. */
  detach(capacity: number = this.bytes.length): Uint8Array {
    const bytes = this.view();
    this.bytes = new Uint8Array(capacity);
    this.length = 0;
    return bytes;
  }

  /** Makes room for count more bytes. */
  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.view());
    this.bytes = grown;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.length++] = value;
  }

  bool(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  int(value: number): void {
    this.reserve(4);
    this.setInt(this.length, value);
    this.length += 4;
  }

  /** Overwrites four bytes at an earlier position. */
  setInt(at: number, value: number): void {
    const b = this.bytes;
    b[at] = value >>> 24;
    b[at + 1] = value >>> 16;
    b[at + 2] = value >>> 8;
    b[at + 3] = value;
  }

  long(value: bigint): void {
    this.int(Number(BigInt.asIntN(32, value >> 32n)));
    this.int(Number(BigInt.asIntN(32, value)));
  }

  /** A safe integer (zxid, milliseconds) as 64 bits; negative values are sign-extended. */
  longNumber(value: number): void {
    const high = Math.floor(value / twoTo32);
    this.int(high);
    this.int(value - high * twoTo32);
  }

  text(value: string | null): void {
    if (value === null) return this.int(-1);
    const lengthAt = this.length;
    this.reserve(4 + value.length);
    let at = lengthAt + 4;
    const b = this.bytes;
    for (let i = 0; i < value.length; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x80) return this.buffer(encodeText(value));
      b[at++] = unit;
    }
    this.setInt(lengthAt, value.length);
    this.length = at;
  }

  buffer(value: Uint8Array | null): void {
    if (value === null) return this.int(-1);
    this.int(value.length);
    this.raw(value);
  }

  /** Bytes without a length. */
  raw(value: Uint8Array): void {
    this.reserve(value.length);
    const length = value.length;
    if (length < 64) {
      const b = this.bytes;
      let at = this.length;
      for (let i = 0; i < length; i++) b[at++] = value[i]!;
    } else this.bytes.set(value, this.length);
    this.length += length;
  }

  /** source[start, end) without a length: no view is made, which lists of a million names would have one of each. */
  rawFrom(source: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length >= 64) return this.raw(source.subarray(start, end));
    this.reserve(length);
    const b = this.bytes;
    let at = this.length;
    for (let i = start; i < end; i++) b[at++] = source[i]!;
    this.length = at;
  }

  vector<T>(items: readonly T[] | null, element: (writer: JuteWriter, item: T) => void): void {
    if (items === null) return this.int(-1);
    this.int(items.length);
    for (const item of items) element(this, item);
  }

  /** Starts a length-prefixed frame; returns the position to give to `endFrame`. */
  beginFrame(): number {
    const at = this.length;
    this.int(0);
    return at;
  }

  endFrame(at: number): void {
    this.setInt(at, this.length - at - 4);
  }
}
