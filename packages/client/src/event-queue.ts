// From listeners to `for await`: events wait here until the loop asks for the next one.

import { deferred } from './deferred.ts';
import type { Deferred } from './deferred.ts';

export class EventQueue<T> implements AsyncIterableIterator<T, undefined> {
  /** By key, in the order of their first arrival: an event with a key that waits already takes its place. */
  readonly #waiting = new Map<unknown, T>();
  readonly #readers: Deferred<IteratorResult<T, undefined>>[] = [];
  readonly #onReturn: () => void;
  readonly #max: number;
  #ended = false;
  #failure: { readonly error: unknown } | null = null;

  /** `onReturn` runs once when the consumer leaves its loop. Beyond `max` waiting events the oldest are dropped. */
  constructor(onReturn: () => void = () => undefined, max = Infinity) {
    this.#onReturn = onReturn;
    this.#max = max;
  }

  /** Events that wait for the loop. */
  get size(): number {
    return this.#waiting.size;
  }

  /** The event that waits under this key. */
  waiting(key: unknown): T | undefined {
    return this.#waiting.get(key);
  }

  /** Without a key, an event waits for itself. */
  push(item: T, key: unknown = {}): void {
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader !== undefined) return reader.resolve({ done: false, value: item });
    this.#waiting.set(key, item);
    if (this.#waiting.size > this.#max) this.#take();
  }

  /** Drops everything that waits. */
  clear(): void {
    this.#waiting.clear();
  }

  /** No further events: the loop ends after the buffered ones. */
  end(): void {
    this.#ended = true;
    for (const reader of this.#readers.splice(0)) reader.resolve({ done: true, value: undefined });
  }

  /** The loop throws after the buffered events. */
  fail(error: unknown): void {
    if (this.#ended) return;
    const reader = this.#readers.shift();
    if (reader === undefined) this.#failure = { error };
    else reader.reject(error);
    this.end();
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#waiting.size > 0) return Promise.resolve({ done: false, value: this.#take() });
    if (this.#failure !== null) {
      const { error } = this.#failure;
      this.#failure = null;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    const reader = deferred<IteratorResult<T, undefined>>();
    this.#readers.push(reader);
    return reader.promise;
  }

  #take(): T {
    const [key, item] = this.#waiting.entries().next().value!;
    this.#waiting.delete(key);
    return item;
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.clear();
    this.end();
    this.#onReturn();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
