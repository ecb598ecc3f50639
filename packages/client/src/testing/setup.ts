// A client on an ensemble in memory, under a clock that stands still until told otherwise.

import type { AddressInput } from '../address-source.ts';
import { createClient } from '../node.ts';
import type { ClientOptions } from '../node.ts';
import type { Client } from '../client.ts';
import { agreeable, FakeEnsemble } from './fake-ensemble.ts';
import { ManualClock } from './manual-clock.ts';

export interface Setup {
  readonly ensemble: FakeEnsemble;
  readonly clock: ManualClock;
  readonly client: Client;
  /** State changes, sessions and whatever a test adds, in order. */
  readonly log: string[];
}

export const sessionTimeout = 9000;

export async function setUp(options: ClientOptions & { readonly address?: string } = {}): Promise<Setup> {
  const { address = 'a:1', ...rest } = options;
  const ensemble = new FakeEnsemble();
  ensemble.handler = agreeable;
  const made = start(ensemble, address, rest);
  await made.clock.settle();
  return made;
}

export function start(ensemble: FakeEnsemble, address: AddressInput, options: ClientOptions = {}): Setup {
  const clock = new ManualClock();
  const client = createClient(address, { sessionTimeout, transport: ensemble, clock, ...options });
  const log: string[] = [];
  client.on('state', (state) => log.push(state));
  client.on('session', ({ old, new: id }) => log.push(`session ${old} -> ${id}`));
  return { ensemble, clock, client, log };
}

/** The error a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('the promise did not reject with an error');
}
