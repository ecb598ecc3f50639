// Read, change, write back if nobody was faster, or start over.

import type { Codec } from './codec.ts';
import type { CallOptions } from './connection.ts';
import { ZkError } from './errors.ts';
import { setData } from './idempotent.ts';
import { getValue } from './reads.ts';
import type { Data, Stat } from './results.ts';
import { sharedLimit } from './view.ts';
import type { View } from './view.ts';

/** Options of `update`. */
export interface UpdateOptions extends CallOptions {
  /** Times to try before the last BadVersion is the answer; 10 unless given. */
  readonly attempts?: number | undefined;
}

const defaultAttempts = 10;

export async function update<T>(
  view: View,
  path: string,
  codec: Codec<T>,
  change: (value: T, stat: Stat) => T | Promise<T>,
  options: UpdateOptions,
): Promise<Data<T>> {
  const limit = sharedLimit(options, view.clock);
  const attempts = options.attempts ?? defaultAttempts;
  for (let attempt = 1; ; attempt++) {
    const { data: before, stat } = await getValue(view, path, codec, limit());
    const data = await change(before, stat);
    try {
      const written = { version: stat.version, idempotent: true };
      return { data, hasData: true, stat: await setData(view, path, codec.encode(data), { ...limit(), ...written }) };
    } catch (error) {
      // When nobody knows whether this change happened, making it once more would be a guess.
      const overtaken = ZkError.is(error, 'BadVersion') && !error.ambiguous;
      if (!overtaken || attempt >= attempts) throw error;
    }
  }
}
