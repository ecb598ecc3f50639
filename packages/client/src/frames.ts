// Cuts the byte stream into frames. A frame above the limit is skipped instead of collected: its header still tells which
// operation to blame, so one oversized reply does not cost the session.

import { records } from '@corral/protocol';

export type Frame =
  | { readonly kind: 'frame'; readonly bytes: Uint8Array }
  /** `head` holds the first bytes of the frame, enough for a reply header. */
  | { readonly kind: 'oversized'; readonly head: Uint8Array; readonly length: number };

const lengthBytes = 4;

export class FrameSplitter {
  readonly #frameBytesMax: number;
  #chunks: Uint8Array[] = [];
  #buffered = 0;
  /** Bytes of an oversized frame still to be thrown away. */
  #skip = 0;

  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  /** Takes what arrived and returns the frames that are complete now. */
  push(chunk: Uint8Array): Frame[] {
    const frames: Frame[] = [];
    const skipped = Math.min(this.#skip, chunk.length);
    this.#skip -= skipped;
    if (skipped === chunk.length) return frames;
    this.#chunks.push(skipped === 0 ? chunk : chunk.subarray(skipped));
    this.#buffered += chunk.length - skipped;
    for (let frame = this.#next(); frame !== null; frame = this.#next()) frames.push(frame);
    return frames;
  }

  #next(): Frame | null {
    if (this.#buffered < lengthBytes) return null;
    const head = this.#peek(lengthBytes);
    const length = ((head[0] << 24) | (head[1] << 16) | (head[2] << 8) | head[3]) >>> 0;
    if (length > this.#frameBytesMax) return this.#oversized(length);
    if (this.#buffered < lengthBytes + length) return null;
    return { kind: 'frame', bytes: this.#take(lengthBytes + length).subarray(lengthBytes) };
  }

  #oversized(length: number): Frame | null {
    const headBytes = lengthBytes + records.replyHeaderBytes;
    if (this.#buffered < headBytes) return null;
    const head = this.#take(headBytes).subarray(lengthBytes);
    const rest = length - records.replyHeaderBytes;
    const skipNow = Math.min(rest, this.#buffered);
    this.#take(skipNow);
    this.#skip = rest - skipNow;
    return { kind: 'oversized', head, length };
  }

  /** The first count bytes without removing them. */
  #peek(count: number): Uint8Array {
    if (this.#chunks[0].length < count) this.#chunks = [this.#join()];
    return this.#chunks[0];
  }

  #take(count: number): Uint8Array {
    if (count === 0) return new Uint8Array(0);
    if (this.#chunks[0].length < count) this.#chunks = [this.#join()];
    const first = this.#chunks[0];
    this.#buffered -= count;
    if (first.length === count) this.#chunks.shift();
    else this.#chunks[0] = first.subarray(count);
    return first.subarray(0, count);
  }

  #join(): Uint8Array {
    const joined = new Uint8Array(this.#buffered);
    let at = 0;
    for (const chunk of this.#chunks) {
      joined.set(chunk, at);
      at += chunk.length;
    }
    return joined;
  }
}
