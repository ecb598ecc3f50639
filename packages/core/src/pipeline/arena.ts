// Keeps the data of writes in flight: a request lies in memory that the next bytes from the network overwrite. Many small
// copies share one chunk, which is garbage as soon as none of them is needed.

import { copyBytes } from '@corral/protocol';

const chunkBytes = 65536;

export class Arena {
  #chunk = new Uint8Array(chunkBytes);
  #used = 0;

  copy(bytes: Uint8Array | null): Uint8Array | null {
    if (bytes === null) return null;
    if (bytes.length > chunkBytes / 4) return copyBytes(bytes, 0, bytes.length);
    if (this.#used + bytes.length > chunkBytes) {
      this.#chunk = new Uint8Array(chunkBytes);
      this.#used = 0;
    }
    const copy = this.#chunk.subarray(this.#used, this.#used + bytes.length);
    copy.set(bytes);
    this.#used += bytes.length;
    return copy;
  }
}
