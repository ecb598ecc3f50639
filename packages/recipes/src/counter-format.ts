// The bytes of a counter: a number as Curator or kazoo writes it, and behind a binary one the marks of the last writes.

import { ConflictError } from './errors.ts';

export type CounterFormat = 'int64' | 'int32' | 'text';

/** Marks that are kept: a write in doubt is found as long as no more than so many came after it. */
export const marksMax = 16;
const markBytes = 8;
const widths = { int64: 8, int32: 4 } as const;

export function encodeCounter(format: CounterFormat, value: bigint, marks: readonly string[]): Uint8Array {
  if (format === 'text') return new TextEncoder().encode(String(value));
  const width = widths[format];
  const bits = width * 8;
  if (BigInt.asIntN(bits, value) !== value) throw new RangeError(`${value} does not fit into ${bits} bits`);
  const bytes = new Uint8Array(width + marks.length * markBytes);
  const view = new DataView(bytes.buffer);
  if (format === 'int64') view.setBigInt64(0, value);
  else view.setInt32(0, Number(value));
  marks.forEach((mark, at) => view.setBigUint64(width + at * markBytes, BigInt(`0x${mark}`)));
  return bytes;
}

export function decodeCounter(
  format: CounterFormat,
  data: Uint8Array,
  path: string,
): { readonly value: bigint; readonly marks: readonly string[] } {
  // Curator reads an empty node as zero.
  if (data.length === 0) return { value: 0n, marks: [] };
  if (format === 'text') return { value: decodeText(data, path), marks: [] };
  const width = widths[format];
  if (data.length < width) throw new ConflictError(`${path} holds ${data.length} bytes, which is no ${format}`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const value = format === 'int64' ? view.getBigInt64(0) : BigInt(view.getInt32(0));
  const marks: string[] = [];
  for (let at = width; at + markBytes <= data.length; at += markBytes) {
    marks.push(view.getBigUint64(at).toString(16).padStart(16, '0'));
  }
  return { value, marks };
}

function decodeText(data: Uint8Array, path: string): bigint {
  const text = new TextDecoder().decode(data);
  if (/^-?\d+$/.test(text)) return BigInt(text);
  throw new ConflictError(`${path} holds "${text.slice(0, 40)}", which is no number`);
}
