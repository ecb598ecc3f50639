import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../errors.ts';
import { opNames, ops } from '../ops.ts';
import type { OpRow } from '../ops.ts';
import * as records from '../records.ts';
import { JuteReader } from './reader.ts';
import type { Codec } from './record.ts';
import { decodeText, encodeText, isAscii } from './text.ts';
import { JuteWriter } from './writer.ts';

const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const text = fc.option(fc.string({ unit: 'grapheme', maxLength: 30 }));
const buffer = fc.option(fc.uint8Array({ maxLength: 200 }));

type Field =
  | { readonly kind: 'byte' | 'int'; readonly value: number }
  | { readonly kind: 'longNumber'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'long'; readonly value: bigint }
  | { readonly kind: 'text'; readonly value: string | null }
  | { readonly kind: 'buffer'; readonly value: Uint8Array | null }
  | { readonly kind: 'vector'; readonly value: readonly (string | null)[] | null };
const field: fc.Arbitrary<Field> = fc.oneof(
  fc.record({ kind: fc.constant('byte' as const), value: fc.integer({ min: 0, max: 255 }) }),
  fc.record({ kind: fc.constant('int' as const), value: int32 }),
  fc.record({ kind: fc.constant('longNumber' as const), value: fc.maxSafeInteger() }),
  fc.record({ kind: fc.constant('bool' as const), value: fc.boolean() }),
  fc.record({ kind: fc.constant('long' as const), value: int64 }),
  fc.record({ kind: fc.constant('text' as const), value: text }),
  fc.record({ kind: fc.constant('buffer' as const), value: buffer }),
  fc.record({ kind: fc.constant('vector' as const), value: fc.option(fc.array(text, { maxLength: 5 })) }),
);

function write(w: JuteWriter, { kind, value }: Field): void {
  switch (kind) {
    case 'byte':
      return w.byte(value);
    case 'int':
      return w.int(value);
    case 'longNumber':
      return w.longNumber(value);
    case 'bool':
      return w.bool(value);
    case 'long':
      return w.long(value);
    case 'text':
      return w.text(value);
    case 'buffer':
      return w.buffer(value);
    case 'vector':
      return w.vector(value, (writer, item) => writer.text(item));
  }
}

const read = (r: JuteReader, { kind }: Field): unknown =>
  kind === 'vector' ? r.vector((reader) => reader.text()) : r[kind]();

describe('what is written', () => {
  test('is read back, field by field, whatever the capacity and the position', () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 20 }), fc.integer({ min: 0, max: 40 }), (fields, capacity) => {
        const w = new JuteWriter(capacity);
        for (const one of fields) write(w, one);
        const bytes = new Uint8Array(w.length + 7).fill(0xee);
        bytes.set(w.view(), 3);
        const r = new JuteReader(bytes, 3, 3 + w.length);
        expect(fields.map((one) => read(r, one))).toEqual(fields.map(({ value }) => value));
        expect(r.remaining).toBe(0);
      }),
    );
  });

  test('is big endian, with lengths in bytes and -1 for null', () => {
    const w = new JuteWriter();
    w.int(-2);
    w.long(-2n);
    w.longNumber(-2);
    w.longNumber(2 ** 40 + 1);
    w.bool(true);
    w.text('ä');
    w.text(null);
    w.buffer(new Uint8Array(0));
    w.vector(null, () => undefined);
    const hex = [...w.view()].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    expect(hex).toBe(
      'fffffffe' + 'fffffffffffffffe'.repeat(2) + '0000010000000001' + '01' + '00000002c3a4' + 'ffffffff' + '00000000' + 'ffffffff',
    ); // prettier-ignore
  });

  test('can be handed over; the writer starts again', () => {
    const w = new JuteWriter(2);
    w.int(1);
    const first = w.detach();
    w.int(2);
    expect([[...first], [...w.toBytes()]]).toEqual([
      [0, 0, 0, 1],
      [0, 0, 0, 2],
    ]);
    w.clear();
    const frame = w.beginFrame();
    w.raw(new Uint8Array(100));
    w.endFrame(frame);
    expect(new JuteReader(w.toBytes()).int()).toBe(100);
  });
});

describe('hostile input', () => {
  test('cut anywhere is a ProtocolError, never anything else, and never read past its end', () => {
    fc.assert(
      fc.property(fc.array(field, { minLength: 1, maxLength: 8 }), fc.nat(), (fields, cut) => {
        const w = new JuteWriter();
        for (const one of fields) write(w, one);
        const end = cut % w.length;
        const r = new JuteReader(w.bytes, 0, end);
        expect(() => fields.forEach((one) => read(r, one))).toThrow(ProtocolError);
        expect(r.at).toBeLessThanOrEqual(end);
      }),
    );
  });

  const codecs: readonly [string, Codec<unknown>][] = opNames.flatMap((name) => [
    [`${name} request`, (ops[name] as OpRow).request],
    [`${name} response`, (ops[name] as OpRow).response],
  ]);
  test.each(codecs)('for %s gives a value or a ProtocolError', (_, codec) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        try {
          codec.read(new JuteReader(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 50 },
    );
  });

  test('with declared lengths beyond the bytes there are allocates nothing', () => {
    const claims = [-2, -0x80000000, 0x7fffffff, 1 << 28, 13];
    for (const claim of claims) {
      const bytes = new Uint8Array(16);
      new DataView(bytes.buffer).setInt32(0, claim);
      const before = process.memoryUsage().arrayBuffers;
      for (const kind of ['text', 'buffer', 'view', 'skipField'] as const)
        expect(() => new JuteReader(bytes)[kind]()).toThrow(ProtocolError);
      if (claim < 0) expect(new JuteReader(bytes).vector((r) => r.int())).toEqual([]);
      else expect(() => new JuteReader(bytes).vector((r) => r.byte())).toThrow(ProtocolError);
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
    }
  });

  test('beyond the field limit is refused even when the bytes are there', () => {
    const w = new JuteWriter();
    w.buffer(new Uint8Array(101));
    expect(() => new JuteReader(w.toBytes(), 0, w.length, 100).view()).toThrow(ProtocolError);
    expect(new JuteReader(w.toBytes(), 0, w.length, 101).view()).toHaveLength(101);
  });
});

describe('a view', () => {
  test('shares the memory of the frame, a buffer does not', () => {
    const w = new JuteWriter();
    w.buffer(Uint8Array.of(1, 2));
    const bytes = w.toBytes();
    const view = new JuteReader(bytes).view();
    const copy = new JuteReader(bytes).buffer();
    bytes[4] = 9;
    expect([[...view!], [...copy!]]).toEqual([
      [9, 2],
      [1, 2],
    ]);
  });

  test('is copied by `buffer` also when the memory is one of Node', () => {
    const bytes = Buffer.from([0, 0, 0, 1, 5]);
    const copy = new JuteReader(bytes).buffer();
    bytes[4] = 9;
    expect([...copy!]).toEqual([5]);
  });
});

describe('text', () => {
  test('goes there and back when it is well formed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (value) => {
        const bytes = encodeText(value);
        expect(decodeText(bytes, 0, bytes.length)).toBe(value);
        const w = new JuteWriter(0);
        w.text(value);
        expect(w.view().slice(4)).toEqual(bytes);
        expect(isAscii(value)).toBe(bytes.length === value.length);
      }),
    );
  });

  test('loses lone surrogates on the way out, so that what leaves is UTF-8', () => {
    for (const value of ['\ud800', 'a\udfffb', '\udc00\ud800', 'x'.repeat(200) + '\ud83d']) {
      const bytes = encodeText(value);
      expect(() => new TextDecoder('utf-8', { fatal: true }).decode(bytes)).not.toThrow();
      expect(decodeText(bytes, 0, bytes.length)).toBe(value.replace(/\p{Surrogate}/gu, '\ufffd'));
    }
  });

  test('is decoded like the platform does it, valid or not', () => {
    const platform = new TextDecoder('utf-8', { ignoreBOM: true });
    const bytes = fc.array(fc.constantFrom(0x00, 0x41, 0x7f, 0x80, 0xc0, 0xc3, 0xa4, 0xe2, 0x82, 0xac, 0xed, 0xa0, 0xf0, 0x9f, 0x98, 0xff, 0xef, 0xbb, 0xbf), { maxLength: 150 }); // prettier-ignore
    fc.assert(
      fc.property(bytes, fc.nat({ max: 4 }), (list, start) => {
        const input = Uint8Array.from([...new Array<number>(start).fill(0xff), ...list, 0xff]);
        expect(decodeText(input, start, start + list.length)).toBe(platform.decode(Uint8Array.from(list)));
      }),
    );
  });

  test('keeps a byte order mark and NUL', () => {
    expect(decodeText(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0), 0, 5)).toBe('\ufeffa\0');
  });
});

test('records keep their order on the wire: a Stat takes 68 bytes, a reply header 16', () => {
  const w = new JuteWriter();
  records.statRecord.write(w, { czxid: 1n, mzxid: 2n, ctime: 3, mtime: 4, version: 5, cversion: 6, aversion: 7, ephemeralOwner: -8n, dataLength: 9, numChildren: 10, pzxid: 11n }); // prettier-ignore
  expect(w.length).toBe(records.statBytes);
  const r = new JuteReader(w.toBytes());
  expect([r.long(), r.long(), r.long(), r.long()]).toEqual([1n, 2n, 3n, 4n]);
  expect([r.int(), r.int(), r.int(), r.long(), r.int(), r.int(), r.long()]).toEqual([5, 6, 7, -8n, 9, 10, 11n]);
  w.clear();
  records.replyHeader.write(w, { xid: 1, zxid: 2n, err: 3 });
  expect(w.length).toBe(records.replyHeaderBytes);
});
