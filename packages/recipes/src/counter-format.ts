// The bytes of a counter: a number as Curator or kazoo writes it.

import { ConflictError } from './errors.ts';

/** How the number is written: as Curator's DistributedAtomicLong, its SharedCount, or kazoo's Counter. */
export type CounterFormat = 'int64' | 'int32' | 'text';

const widths = { int64: 8, int32: 4 } as const;

export function encodeCounter(format: CounterFormat, value: bigint): Uint8Array {
  if (format === 'text') return new TextEncoder().encode(String(value));
  const width = widths[format];
  const bits = width * 8;
  if (BigInt.asIntN(bits, value) !== value) throw new RangeError(`${value} does not fit into ${bits} bits`);
  const bytes = new Uint8Array(width);
  const view = new DataView(bytes.buffer);
  if (format === 'int64') view.setBigInt64(0, value);
  else view.setInt32(0, Number(value));
  return bytes;
}

export function decodeCounter(format: CounterFormat, data: Uint8Array, path: string): bigint {
  // As Curator and kazoo begin a number that nobody has written yet.
  if (data.length === 0) return 0n;
  if (format === 'text') return decodeText(data, path);
  if (data.length !== widths[format]) {
    throw new ConflictError(`${path} holds ${data.length} bytes, which is no ${format}`);
  }
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return format === 'int64' ? view.getBigInt64(0) : BigInt(view.getInt32(0));
}

function decodeText(data: Uint8Array, path: string): bigint {
  const text = new TextDecoder().decode(data);
  if (/^-?\d+$/.test(text)) return BigInt(text);
  throw new ConflictError(`${path} holds "${text.slice(0, 40)}", which is no number`);
}
