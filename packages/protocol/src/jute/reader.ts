// Reads Jute, ZooKeeper's serialisation: big-endian fields one after another, no tags. One reader can be pointed at many
// frames (`reset`), so that the request path allocates nothing. A declared length is never trusted for an allocation: it
// is checked against the bytes that are really there first.

import { ProtocolError } from '../errors.ts';
import { limits } from '../limits.ts';
import { copyBytes } from './bytes.ts';
import { decodeText } from './text.ts';

const twoTo32 = 4294967296;

export class JuteReader {
  bytes: Uint8Array;
  /** Position of the next field. */
  at: number;
  /** End of the frame (exclusive). */
  end: number;
  /** Longest string or buffer accepted; a longer one is undecodable even when the bytes are there. */
  readonly fieldBytesMax: number;

  constructor(
    bytes: Uint8Array = new Uint8Array(0),
    start = 0,
    end = bytes.length,
    fieldBytesMax: number = limits.fieldBytesMax,
  ) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    this.fieldBytesMax = fieldBytesMax;
  }

  /** Points the reader at bytes[start, end). */
  reset(bytes: Uint8Array, start: number, end: number): this {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    return this;
  }

  get remaining(): number {
    return this.end - this.at;
  }

  #take(count: number): number {
    const start = this.at;
    if (count > this.end - start) throw new ProtocolError('record runs past the end of its frame');
    this.at = start + count;
    return start;
  }

  byte(): number {
    return this.bytes[this.#take(1)];
  }

  /** Any non-zero byte is true. */
  bool(): boolean {
    return this.byte() !== 0;
  }

  int(): number {
    const at = this.#take(4);
    const b = this.bytes;
    return (b[at] << 24) | (b[at + 1] << 16) | (b[at + 2] << 8) | b[at + 3];
  }

  /** Signed 64-bit integer, exact. */
  long(): bigint {
    const high = this.int();
    const low = this.int();
    return (BigInt(high) << 32n) | BigInt(low >>> 0);
  }

  /** Signed 64-bit integer as a number: exact for zxids and times in use, rounded beyond 2^53. */
  longNumber(): number {
    const high = this.int();
    return high * twoTo32 + (this.int() >>> 0);
  }

  /** A length that is -1 (null) or covered by the bytes that follow. */
  #length(): number {
    const length = this.int();
    if (length === -1) return -1;
    if (length < 0 || length > this.fieldBytesMax) throw new ProtocolError(`unreasonable length ${length}`);
    if (length > this.end - this.at) throw new ProtocolError('record runs past the end of its frame');
    return length;
  }

  /** UTF-8 string, null when its length is -1. */
  text(): string | null {
    const length = this.#length();
    if (length < 0) return null;
    const start = this.#take(length);
    return decodeText(this.bytes, start, start + length);
  }

  /** Bytes as a view on the frame: copy them before the frame's memory is reused. Null when the length is -1. */
  view(): Uint8Array | null {
    const length = this.#length();
    if (length < 0) return null;
    const start = this.#take(length);
    return this.bytes.subarray(start, start + length);
  }

  /** Bytes as a copy that the caller owns. Null when the length is -1. */
  buffer(): Uint8Array | null {
    const view = this.view();
    return view === null ? null : copyBytes(view, 0, view.length);
  }

  /** Skips one string or buffer and returns its length; its bytes end at `at`. -1 stands for null. */
  skipField(): number {
    const length = this.#length();
    if (length > 0) this.at += length;
    return length;
  }

  /**
   * Element count of a vector; -1 is null. Any other negative count reads as empty, as ZooKeeper 3.9 does. A count above
   * the bytes left is refused, since every element takes at least one byte.
   */
  count(): number {
    const count = this.int();
    if (count < -1) return 0;
    if (count > this.end - this.at) throw new ProtocolError(`unreasonable vector count ${count}`);
    return count;
  }

  /** Vector of elements read by `element`; null when the count is -1. */
  vector<T>(element: (reader: JuteReader) => T): T[] | null {
    const count = this.count();
    if (count < 0) return null;
    const items: T[] = [];
    for (let i = 0; i < count; i++) items.push(element(this));
    return items;
  }
}
