// Writes that may happen twice without harm: repeated over broken connections and lost sessions until they are answered.

import { ZkError } from '@corral/client';
import type { Client } from '@corral/client';
import { timedOut } from './patience.ts';
import { pause } from './vigil.ts';

const retryPauseMs = 50;

/** Repeats `work` while its failures only say that nobody answered, for as long as one call may take. */
export async function insist<T>(zk: Client, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  const end = zk.clock.now() + zk.callTimeout;
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      if (!isPassing(error)) throw error;
      if (zk.clock.now() >= end) throw timedOut(zk, (error as ZkError).path ?? '/', error);
      // The next request waits for the next connection or session; a server that is too busy is given a moment.
      if (ZkError.is(error, 'ThrottledOp') || ZkError.is(error, 'SessionMoved')) await pause(zk, retryPauseMs, signal);
    }
  }
}

const passing = ['ConnectionLoss', 'SessionExpired', 'ThrottledOp', 'SessionMoved'] as const;
const isPassing = (error: unknown): boolean => passing.some((code) => ZkError.is(error, code));
