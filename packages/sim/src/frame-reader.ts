// Puts the frames of a client's connection together from bytes that are cut anywhere.

import { JuteReader } from '@corral/protocol';

export class FrameReader {
  #bytes: Uint8Array = new Uint8Array(0);

  push(bytes: Uint8Array, start: number, end: number): void {
    const all = new Uint8Array(this.#bytes.length + end - start);
    all.set(this.#bytes);
    all.set(bytes.subarray(start, end), this.#bytes.length);
    this.#bytes = all;
  }

  /** The next complete frame, without its length. */
  next(): JuteReader | undefined {
    if (this.#bytes.length < 4) return undefined;
    const end = 4 + new JuteReader(this.#bytes).int();
    if (this.#bytes.length < end) return undefined;
    const frame = new JuteReader(this.#bytes.slice(4, end));
    this.#bytes = this.#bytes.slice(end);
    return frame;
  }
}
