// Writes in flight, oldest first.

import type { Write } from './connection.ts';

const compactAt = 1024;

export class WriteQueue {
  #writes: Write[] = [];
  #first = 0;

  get length(): number {
    return this.#writes.length - this.#first;
  }

  get head(): Write | undefined {
    return this.#writes[this.#first];
  }

  push(write: Write): void {
    this.#writes.push(write);
  }

  shift(): void {
    this.#first++;
    if (this.#first < compactAt || this.#first * 2 < this.#writes.length) return;
    this.#writes = this.#writes.slice(this.#first);
    this.#first = 0;
  }
}
