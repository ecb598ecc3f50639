// Writes that may happen twice without harm: repeated over broken connections and lost sessions until they are answered.

import { ZkError } from '@corral/client';
import type { Client } from '@corral/client';
import { pause } from './vigil.ts';

const retryPauseMs = 50;

/** Repeats `work` while its failures only say that nobody answered. */
export async function insist<T>(zk: Client, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      if (!isPassing(error)) throw error;
      // The next request waits for the next connection or session; a server that is too busy is given a moment.
      if (ZkError.is(error, 'ThrottledOp') || ZkError.is(error, 'SessionMoved')) await pause(zk, retryPauseMs, signal);
    }
  }
}

const passing = ['ConnectionLoss', 'SessionExpired', 'ThrottledOp', 'SessionMoved'] as const;
const isPassing = (error: unknown): boolean => passing.some((code) => ZkError.is(error, code));
