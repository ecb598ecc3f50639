// Who am I inside of? `run` remembers for everything that happens within it what is held, so that taking the same thing
// again neither waits for itself nor takes it away. Needs Node's AsyncLocalStorage or something like it.

import type { Client } from '@corral/client';
import { builtin } from './identity.ts';

/** The part of AsyncLocalStorage that is needed; other platforms may bring their own. */
export interface AsyncStorage<T> {
  getStore(): T | undefined;
  run<R>(store: T, callback: () => R): R;
}

interface Frame {
  readonly zk: Client;
  readonly key: string;
  readonly held: object;
  readonly outer: Frame | undefined;
}

type StorageClass = new () => AsyncStorage<unknown>;

let storage: AsyncStorage<Frame> | null | undefined;

/**
 * Brings AsyncLocalStorage to a platform without `node:async_hooks`. With null, nested `run`s are not recognised; with
 * undefined, the platform's own is looked for again.
 */
export function setAsyncStorage(provided: AsyncStorage<unknown> | null | undefined): void {
  storage = provided as AsyncStorage<Frame> | null | undefined;
}

function current(): AsyncStorage<Frame> | null {
  if (storage !== undefined) return storage;
  const Class = builtin<{ AsyncLocalStorage: StorageClass }>('node:async_hooks')?.AsyncLocalStorage;
  storage = Class === undefined ? null : (new Class() as AsyncStorage<Frame>);
  return storage;
}

/** What the code that asks runs inside of; undefined outside. */
export function heldHere(zk: Client, key: string): object | undefined {
  for (let frame = current()?.getStore(); frame !== undefined; frame = frame.outer) {
    if (frame.key === key && frame.zk.shares(zk)) return frame.held;
  }
  return undefined;
}

export function runHolding<R>(zk: Client, key: string, held: object, work: () => R): R {
  const inUse = current();
  if (inUse === null) return work();
  return inUse.run({ zk, key, held, outer: inUse.getStore() }, work);
}
