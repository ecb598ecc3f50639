import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32 } from './checksums/crc32.ts';
import { errorCodes, errorName, errorTable } from './errors.ts';
import { opName, opNames, opcodes, ops } from './ops.ts';
import { baseName, parentPath } from './paths.ts';
import {
  counterOf,
  epochMax,
  epochOf,
  formatSessionId,
  formatZxid,
  isSafeZxid,
  nextZxid,
  zxidHex,
  zxidNone,
  zxidOf,
} from './zxid.ts';

describe('CRC-32', () => {
  const crcOf = (text: string, seed?: number): number => {
    const bytes = new TextEncoder().encode(text);
    return crc32(bytes, 0, bytes.length, seed);
  };

  test('gives the known values', () => {
    expect(crcOf('')).toBe(0);
    expect(crcOf('a')).toBe(0xe8b7be43);
    expect(crcOf('123456789')).toBe(0xcbf43926);
    expect(crcOf('The quick brown fox jumps over the lazy dog')).toBe(0x414fa339);
    expect(crc32(new Uint8Array(32), 0, 32)).toBe(0x190a55ad);
    expect(crc32(new Uint8Array(32).fill(0xff), 0, 32)).toBe(0xff6cab0b);
  });

  test('of a whole is that of its pieces, at any alignment', () => {
    const slow = (bytes: Uint8Array): number => {
      let c = 0xffffffff;
      for (const byte of bytes) {
        c ^= byte;
        for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
      }
      return ~c >>> 0;
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(), fc.nat({ max: 3 }), (bytes, cut, offset) => {
        const padded = new Uint8Array(bytes.length + offset);
        padded.set(bytes, offset);
        const middle = offset + (cut % (bytes.length + 1));
        const inPieces = crc32(padded, middle, padded.length, crc32(padded, offset, middle));
        return inPieces === slow(bytes) && crc32(padded, offset, padded.length) === inPieces;
      }),
    );
  });
});

describe('a zxid', () => {
  test('is epoch and counter, and compares like the 64-bit integer', () => {
    const part = { epoch: fc.integer({ min: 0, max: epochMax }), counter: fc.integer({ min: 0, max: 0xffffffff }) };
    const both = fc.record(part);
    fc.assert(
      fc.property(both, both, (a, b) => {
        const [x, y] = [zxidOf(a.epoch, a.counter), zxidOf(b.epoch, b.counter)];
        const wide = (z: typeof a): bigint => (BigInt(z.epoch) << 32n) | BigInt(z.counter);
        expect([epochOf(x), counterOf(x)]).toEqual([a.epoch, a.counter]);
        expect(BigInt(x)).toBe(wide(a));
        expect(x < y).toBe(wide(a) < wide(b));
        expect(isSafeZxid(x)).toBe(true);
        expect(zxidHex(x)).toBe(wide(a).toString(16));
      }),
    );
  });

  test('goes on behind the last counter, and ends at an epoch beyond 21 bits', () => {
    expect(nextZxid(zxidOf(1, 0xffffffff))).toBe(zxidOf(2, 0));
    expect(isSafeZxid((epochMax + 1) * 2 ** 32)).toBe(false);
    expect(isSafeZxid(zxidNone)).toBe(false);
  });

  test('is shown in hex, unsigned', () => {
    expect(formatZxid(zxidOf(1, 10))).toBe('0x10000000a');
    expect(formatZxid(zxidNone)).toBe('0xffffffffffffffff');
    expect(formatSessionId(-1n)).toBe('0xffffffffffffffff');
    expect(formatSessionId(0x100001b484f0003n)).toBe('0x100001b484f0003');
  });
});

describe('the tables', () => {
  test('name every operation and error once', () => {
    expect(new Set(Object.values(opcodes)).size).toBe(opNames.length);
    for (const name of opNames) expect(opName(ops[name].code)).toBe(name);
    expect(opName(12345)).toBeUndefined();
    const codes = Object.values(errorTable).map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
    expect(errorName(errorCodes.NoNode)).toBe('NoNode');
    expect(errorName(-9999)).toBeUndefined();
  });

  test('hold the codes of section 7 and no others below zero', () => {
    const specified = [
      0, -1, -2, -3, -4, -5, -6, -7, -8, -9, -12, -13, -14, -100, -101, -102, -103, -108, -110, -111, -112, -113, -114,
      -115, -116, -117, -118, -119, -120, -121, -122, -123, -124, -125, -127,
    ]; // prettier-ignore
    expect(Object.values(errorCodes).sort((a, b) => b - a)).toEqual(specified);
  });

  test('hold the opcodes of section 6', () => {
    expect(Object.values(opcodes).sort((a, b) => a - b)).toEqual([
      -11, -10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 100, 101, 102, 103, 104, 105, 106, 107,
    ]); // prettier-ignore
  });
});

test('a path is cut at its last slash', () => {
  expect(['/', '/a', '/a/b', '/a/b/', '//', 'x/y'].map(parentPath)).toEqual(['/', '/', '/a', '/a/b', '/', 'x']);
  expect(['/', '/a', '/a/b', 'x'].map(baseName)).toEqual(['', 'a', 'b', 'x']);
});
