import * as zlib from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { adler32 } from './adler32.ts';
import { crc32 } from './crc32.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

test('the published test values come out', () => {
  expect(adler32(text('Wikipedia'))).toBe(0x11e60398);
  expect(adler32(new Uint8Array(0))).toBe(1);
  expect(crc32(text('123456789'))).toBe(0xcbf43926);
  expect(crc32(new Uint8Array(0))).toBe(0);
});

test('crc32 agrees with zlib on any bytes at any offset', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(20), (bytes, start) => {
      const from = Math.min(start, bytes.length);
      // The gzip trailer holds the CRC of what was packed.
      const packed = zlib.gzipSync(bytes.subarray(from));
      expect(crc32(bytes, from)).toBe(packed.readUInt32LE(packed.length - 8));
    }),
  );
});

test('adler32 agrees with zlib on any bytes at any offset', () => {
  const check = (bytes: Uint8Array, from: number): void => {
    const packed = zlib.deflateSync(bytes.subarray(from));
    expect(adler32(bytes, from)).toBe(packed.readUInt32BE(packed.length - 4));
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(20), (b, start) => check(b, Math.min(start, b.length))),
  );
  // Sums at their largest: no run may overflow.
  check(new Uint8Array(100_000).fill(255), 3);
});

test('a sum can be taken piece by piece', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(300), (bytes, cut) => {
      const at = Math.min(cut, bytes.length);
      expect(adler32(bytes, at, bytes.length, adler32(bytes, 0, at))).toBe(adler32(bytes));
      expect(crc32(bytes, at, bytes.length, crc32(bytes, 0, at))).toBe(crc32(bytes));
    }),
  );
});
