// From listeners to `for await`: events wait here until the loop asks for the next one.

import { deferred } from './deferred.ts';
import type { Deferred } from './deferred.ts';

export class EventQueue<T> implements AsyncIterableIterator<T, undefined> {
  #items: T[] = [];
  readonly #waiters: Deferred<IteratorResult<T, undefined>>[] = [];
  #ended = false;
  #failure: { readonly error: unknown } | null = null;
  readonly #onReturn: () => void;

  /** `onReturn` runs once when the consumer leaves its loop. */
  constructor(onReturn: () => void = () => undefined) {
    this.#onReturn = onReturn;
  }

  get buffered(): readonly T[] {
    return this.#items;
  }

  push(item: T): void {
    if (this.#ended) return;
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#items.push(item);
    else waiter.resolve({ done: false, value: item });
  }

  /** Replaces what is buffered. */
  replace(items: readonly T[]): void {
    this.#items = [...items];
  }

  /** No further events: the loop ends after the buffered ones. */
  end(): void {
    this.#ended = true;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve({ done: true, value: undefined });
  }

  /** The loop throws after the buffered events. */
  fail(error: unknown): void {
    if (this.#ended) return;
    const waiter = this.#waiters.shift();
    if (waiter === undefined) this.#failure = { error };
    else waiter.reject(error);
    this.end();
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#items.length > 0) return Promise.resolve({ done: false, value: this.#items.shift()! });
    if (this.#failure !== null) {
      const { error } = this.#failure;
      this.#failure = null;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    const waiter = deferred<IteratorResult<T, undefined>>();
    this.#waiters.push(waiter);
    return waiter.promise;
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#items = [];
    this.end();
    this.#onReturn();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
