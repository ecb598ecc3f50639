// Servers that do not know an operation: they say so and, as a rule, hang up.

import { makeCall } from './call.ts';
import type { CallSpec } from './call.ts';
import type { SubmitOptions } from './connection.ts';
import { ZkError } from './errors.ts';

/** The server does not know the operation, or one inside of a transaction. */
export const isTooOld = (error: unknown): boolean =>
  ZkError.is(error, 'Unimplemented') || (ZkError.is(error, 'MarshallingError') && error.op === 'multi');

/** A write after such a refusal. A read goes before it: that is repeated when the server hangs up, the write would not be. */
export async function afterHangUp<T>(
  connection: { submit<R>(call: CallSpec<R>, options: SubmitOptions): Promise<R> },
  write: CallSpec<T>,
  options: SubmitOptions,
): Promise<T> {
  const request = { path: '/', watch: false };
  const read = makeCall('exists', { request, path: '/', map: () => undefined });
  await connection.submit(read, { ...options, patient: true });
  return await connection.submit(write, options);
}
