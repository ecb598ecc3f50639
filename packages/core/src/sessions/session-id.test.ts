import type { SessionId } from '@corral/protocol';
import { expect, test } from 'vitest';
import { firstSessionId, nextSessionId, samePassword, sessionPassword } from './session-id.ts';

test('the first id holds the server number, then the clock without its top bits', () => {
  expect(firstSessionId(3, 0x12_3456_789a)).toBe(0x0312_3456_789a_0000n);
  expect(firstSessionId(3, 0x0e12_3456_789a)).toBe(0x0312_3456_789a_0000n);
  expect(firstSessionId(200, 1_700_000_000_000)).toBeLessThan(0n);
});

test('ids count up and skip the one that marks containers', () => {
  expect(nextSessionId(7n as SessionId)).toBe(8n);
  expect(nextSessionId(((1n << 63n) - 1n) as SessionId)).toBe(-(1n << 63n) + 1n);
  expect(nextSessionId(-1n as SessionId)).toBe(0n);
});

test('the password is what java.util.Random makes of the id', () => {
  // new Random(0x100001b484f0003L ^ 0xB3415C00L).nextBytes, by the definition of the generator.
  const oracle = (id: bigint): number[] => {
    let seed = (BigInt.asUintN(64, id ^ 0xb3415c00n) ^ 0x5deece66dn) & ((1n << 48n) - 1n);
    return [0, 1, 2, 3].flatMap(() => {
      seed = (seed * 0x5deece66dn + 0xbn) & ((1n << 48n) - 1n);
      const word = Number(BigInt.asIntN(32, seed >> 16n));
      return [word & 0xff, (word >> 8) & 0xff, (word >> 16) & 0xff, (word >> 24) & 0xff];
    });
  };
  for (const id of [1n, 0x100001b484f0003n, -1n, -(1n << 63n)])
    expect([...sessionPassword(id as SessionId)]).toEqual(oracle(id));
});

test('passwords are compared to the last byte and by length', () => {
  const password = sessionPassword(5n as SessionId);
  expect(samePassword(password, password.slice())).toBe(true);
  expect(samePassword(password, password.slice(0, 15))).toBe(false);
  expect(samePassword(password, Uint8Array.of(...password, 0))).toBe(false);
  for (let at = 0; at < 16; at++) {
    const wrong = password.slice();
    wrong[at] ^= 1;
    expect(samePassword(password, wrong)).toBe(false);
  }
});
