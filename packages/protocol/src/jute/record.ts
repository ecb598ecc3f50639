// Codecs as values: a record is a list of named fields, and its reader, writer and TypeScript type all follow from that
// one list. Loops over fields cost well under a microsecond; hot paths that need less write the same bytes by hand.

import type { JuteReader } from './reader.ts';
import type { JuteWriter } from './writer.ts';

export interface Codec<T> {
  read(from: JuteReader): T;
  write(to: JuteWriter, value: T): void;
}
export type Infer<C> = C extends Codec<infer T> ? T : never;

export const bool: Codec<boolean> = { read: (r) => r.bool(), write: (w, v) => w.bool(v) };
export const int: Codec<number> = { read: (r) => r.int(), write: (w, v) => w.int(v) };
/** Exact 64 bits. */
export const long: Codec<bigint> = { read: (r) => r.long(), write: (w, v) => w.long(v) };
/** 64 bits held in a number: milliseconds and zxids. */
export const longNumber: Codec<number> = { read: (r) => r.longNumber(), write: (w, v) => w.longNumber(v) };
export const text: Codec<string | null> = { read: (r) => r.text(), write: (w, v) => w.text(v) };
/** Bytes; what is read is a view on the frame and must be copied to outlive it. */
export const bytes: Codec<Uint8Array | null> = { read: (r) => r.view(), write: (w, v) => w.buffer(v) };

export const vector = <T>(element: Codec<T>): Codec<readonly T[] | null> => ({
  read: (r) => r.vector((reader) => element.read(reader)),
  write: (w, v) => w.vector(v, (writer, item) => element.write(writer, item)),
});

/** A record: its fields in wire order. */
export function record<F extends Record<string, Codec<unknown>>>(fields: F): Codec<{ [K in keyof F]: Infer<F[K]> }> {
  type Value = { [K in keyof F]: Infer<F[K]> };
  const entries = Object.entries(fields) as [keyof F & string, Codec<unknown>][];
  return {
    read(from) {
      const value: Partial<Record<keyof F, unknown>> = {};
      for (const [name, codec] of entries) value[name] = codec.read(from);
      return value as Value;
    },
    write(to, value) {
      for (const [name, codec] of entries) codec.write(to, value[name]);
    },
  };
}

/** A record without fields. */
export const empty: Codec<Record<string, never>> = { read: () => ({}), write: () => undefined };
