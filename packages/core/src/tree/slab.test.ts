import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Slab } from './slab.ts';

const size = fc.oneof(
  fc.integer({ min: 0, max: 300 }),
  fc.constantFrom(
    8,
    9,
    128,
    129,
    160,
    161,
    255,
    256,
    257,
    4096,
    65_535,
    65_536,
    65_537,
    200_000,
    1 << 20,
    (1 << 20) + 1,
  ),
);
type Step = { readonly store: number } | { readonly free: number };
const step: fc.Arbitrary<Step> = fc.oneof(fc.record({ store: size }), fc.record({ free: fc.nat({ max: 50 }) }));

/** What a block must hold: bytes that depend on its number. */
function contentOf(number: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (number * 31 + i * 7) & 0xff;
  return bytes;
}

const read = (slab: Slab, address: number, length: number): Uint8Array => {
  const at = slab.offset(address);
  return slab.chunk(address).subarray(at, at + length);
};

test('blocks keep their content and never overlap, whatever is stored and freed', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const slab = new Slab();
      const blocks: { number: number; address: number; length: number }[] = [];
      for (const [number, next] of steps.entries()) {
        if ('store' in next) {
          const content = contentOf(number, next.store);
          const padded = new Uint8Array(next.store + 5);
          padded.set(content, 3);
          blocks.push({ number, length: next.store, address: slab.store(padded, 3, next.store) });
        } else if (blocks.length > 0) {
          const [freed] = blocks.splice(next.free % blocks.length, 1);
          slab.free(freed.address, freed.length);
        }
        for (const block of blocks.slice(-3)) expect(block.address === 0).toBe(block.length === 0);
      }
      for (const { number, address, length } of blocks)
        if (!read(slab, address, length).every((byte, i) => byte === ((number * 31 + i * 7) & 0xff)))
          throw new Error(`block ${number} of ${length} bytes was overwritten`);
    }),
    { numRuns: 60 },
  );
});

describe('memory', () => {
  test('of a freed block is used again for one of the same class', () => {
    const slab = new Slab();
    const first = slab.allocate(100);
    slab.free(first, 100);
    expect(slab.allocate(104)).toBe(first);
    const second = slab.allocate(97);
    expect(second).not.toBe(first);
    slab.free(first, 104);
    slab.free(second, 97);
    expect([slab.allocate(99), slab.allocate(99)]).toEqual([second, first]);
  });

  test('of large blocks is given back, and their place is used again', () => {
    const slab = new Slab();
    const before = slab.capacityBytes;
    const first = slab.allocate(3 << 20);
    expect(slab.capacityBytes).toBe(before + (3 << 20));
    slab.free(first, 3 << 20);
    expect(slab.capacityBytes).toBe(before);
    expect(slab.allocate(70_000)).toBe(first);
  });

  test('is not crossed at the end of a chunk', () => {
    for (const length of [8, 16, 24, 1000, 5000, 65_536]) {
      const slab = new Slab();
      const count = Math.ceil((2.5 * (1 << 20)) / length);
      const addresses = Array.from({ length: count }, (_, i) => slab.store(new Uint8Array(length).fill(i), 0, length));
      const isIntact = (address: number, i: number): boolean => {
        const block = read(slab, address, length);
        return block.length === length && block[0] === (i & 0xff) && block[length - 1] === (i & 0xff);
      };
      expect(addresses.every(isIntact)).toBe(true);
    }
  });

  test('does not grow while blocks come and go', () => {
    const slab = new Slab();
    for (let round = 0; round < 50; round++) {
      const blocks = Array.from({ length: 200 }, (_, i) => slab.allocate(i * 9));
      for (const [i, address] of blocks.entries()) slab.free(address, i * 9);
    }
    expect(slab.capacityBytes).toBeLessThanOrEqual(2 << 20);
  });

  test('wastes at most a quarter of a block', () => {
    for (let length = 129; length <= 65_536; length += 61) {
      const slab = new Slab();
      const [a, b] = [slab.allocate(length), slab.allocate(length)];
      const room = (b - a) * 8;
      if (room > 0 && room < 1 << 20) {
        expect(room).toBeGreaterThanOrEqual(length);
        expect(room).toBeLessThanOrEqual(length * 1.25 + 8);
      }
    }
  });
});
