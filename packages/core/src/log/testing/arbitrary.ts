// Random transactions for property tests.

import fc from 'fast-check';
import { isSafeZxid } from '@corral/protocol';
import type { Acl, SessionId, Zxid } from '@corral/protocol';
import type { CreateTxn, SingleTxn, Txn, TxnDigest, TxnHeader } from '../txn.ts';

const int32 = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
// Well-formed text only: a lone surrogate is not something UTF-8 can carry.
const text = fc.string({ unit: 'grapheme', maxLength: 12 });
export const anyPath = fc.array(text, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
export const anyData = fc.option(fc.uint8Array({ maxLength: 200 }), { nil: null });
export const anyAcl: fc.Arbitrary<readonly Acl[]> = fc.array(
  fc.record({ perms: int32, id: fc.record({ scheme: fc.option(text), id: fc.option(text) }) }),
  { maxLength: 3 },
);
export const anyZxid: fc.Arbitrary<Zxid> = fc
  .integer({ min: 0, max: 2 ** 53 - 1 })
  .filter((value): value is Zxid => isSafeZxid(value));

const anyCreate: fc.Arbitrary<CreateTxn> = fc
  .record({
    kind: fc.constant('create' as const),
    code: fc.constantFrom(1, 15, 19, 21),
    path: anyPath,
    data: anyData,
    acl: anyAcl,
    ephemeral: fc.boolean(),
    parentCversion: int32,
    ttlMs: fc.integer({ min: 1, max: 0xffffffffff }),
  })
  .map((txn) => ({
    ...txn,
    ephemeral: txn.code <= 15 && txn.ephemeral,
    ttlMs: txn.code === 21 ? txn.ttlMs : 0,
  }));

const anySingle: fc.Arbitrary<SingleTxn> = fc.oneof(
  anyCreate,
  fc.record({ kind: fc.constant('delete' as const), code: fc.constantFrom(2, 20), path: anyPath }),
  fc.record({
    kind: fc.constant('setData' as const),
    code: fc.constantFrom(5, 16),
    path: anyPath,
    data: anyData,
    version: int32,
  }),
  fc.record({ kind: fc.constant('setAcl' as const), path: anyPath, acl: anyAcl, version: int32 }),
  fc.record({ kind: fc.constant('check' as const), path: anyPath, version: int32 }),
  // No write fails with success.
  fc.record({ kind: fc.constant('error' as const), code: int32.filter((code) => code !== 0) }),
);

export const anyTxn: fc.Arbitrary<Txn> = fc.oneof(
  anySingle,
  fc.record({ kind: fc.constant('createSession' as const), timeoutMs: int32 }),
  fc.record({
    kind: fc.constant('closeSession' as const),
    paths: fc.option(fc.array(anyPath, { maxLength: 4 }), { nil: null }),
  }),
  fc.record({ kind: fc.constant('multi' as const), parts: fc.array(anySingle, { maxLength: 5 }) }),
);

export const anyHeader: fc.Arbitrary<TxnHeader> = fc.record({
  clientId: long as fc.Arbitrary<SessionId>,
  cxid: int32,
  zxid: anyZxid,
  time: fc.integer({ min: 0, max: 2 ** 44 }),
});

export const anyDigest: fc.Arbitrary<TxnDigest> = fc.record({
  version: fc.constant(2),
  value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
});
