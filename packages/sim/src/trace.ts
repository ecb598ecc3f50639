// A rolling hash over everything that happens: two runs of one seed must end with the same value, on every machine.
// Invariant 45.

export class Trace {
  #high = 0x811c9dc5;
  #low = 0x1234567;

  number(value: number): void {
    this.#high = Math.imul(this.#high ^ value, 0x01000193);
    this.#low = (Math.imul(this.#low, 0x19660d) + value + (this.#high >>> 15)) | 0;
  }

  text(value: string): void {
    for (let i = 0; i < value.length; i++) this.number(value.charCodeAt(i));
  }

  bytes(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    this.number(end - start);
    this.number(hashBytes(bytes, start, end));
  }

  get value(): string {
    return hex(this.#high) + hex(this.#low);
  }
}

const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');

/** 32 bits of a content. */
export function hashBytes(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  let hash = 0x811c9dc5 ^ (end - start);
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
