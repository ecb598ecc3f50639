import fc from 'fast-check';
import { expect, test } from 'vitest';
import { containerOwner, ownerKind, sessionOfOwner, sessionOwner, ttlOf, ttlOwner } from './owner.ts';

const off = { extendedTypes: false, emulate353: false };
const on = { extendedTypes: true, emulate353: false };
const old = { extendedTypes: true, emulate353: true };

test('a session id goes there and back, all 64 bits of it', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (id) => {
      const { high, low } = sessionOwner(id);
      return sessionOfOwner(high, low) === id && (high | 0) === high && (low | 0) === low;
    }),
  );
});

test('a TTL goes there and back, all 40 bits of it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0xffffffffff }), (ttlMs) => {
      const { high, low } = ttlOwner(ttlMs);
      expect(BigInt.asUintN(64, sessionOfOwner(high, low))).toBe((0xffn << 56n) | BigInt(ttlMs));
      expect(ttlOf(high, low)).toBe(ttlMs);
      expect(ownerKind(high, low, on)).toBe('ttl');
    }),
  );
});

test('the owner tells the kind of a node, by the settings', () => {
  const kinds = (value: bigint) => {
    const { high, low } = sessionOwner(BigInt.asIntN(64, value));
    return [off, on, old].map((options) => ownerKind(high, low, options));
  };
  expect(kinds(0n)).toEqual(['persistent', 'persistent', 'persistent']);
  expect(kinds(0x8000000000000000n)).toEqual(['container', 'container', 'container']);
  expect(kinds(0x100001b484f0003n)).toEqual(['ephemeral', 'ephemeral', 'ephemeral']);
  expect(kinds(1n)).toEqual(['ephemeral', 'ephemeral', 'ephemeral']);
  expect(kinds(0xff00000000000005n)).toEqual(['ephemeral', 'ttl', 'ttl']);
  expect(kinds(0x8000000000000005n)).toEqual(['ephemeral', 'ephemeral', 'ttl']);
  expect(kinds(0xc800000000000005n)).toEqual(['ephemeral', 'ephemeral', 'ttl']);
  expect(containerOwner).toEqual(sessionOwner(-(2n ** 63n)));
  const { high, low } = sessionOwner(BigInt.asIntN(64, 0x8000000000001388n));
  expect(ttlOf(high, low)).toBe(5000);
});
