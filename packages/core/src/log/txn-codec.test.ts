import fc from 'fast-check';
import { JuteWriter, ProtocolError } from '@corral/protocol';
import type { SessionId, Zxid } from '@corral/protocol';
import { expect, test } from 'vitest';
import { anyDigest, anyHeader, anyTxn } from './testing/arbitrary.ts';
import { readTxnPayload, writeTxnPayload } from './txn-codec.ts';
import { fitsInto } from './txn-size.ts';
import type { Txn, TxnDigest, TxnHeader } from './txn.ts';

const header: TxnHeader = { clientId: 0x0100002854470000n as SessionId, cxid: 1, zxid: 0x100000002 as Zxid, time: 5 };

function encode(head: TxnHeader, txn: Txn, digest?: TxnDigest): Uint8Array {
  const w = new JuteWriter(16);
  writeTxnPayload(w, head, txn, digest);
  return w.toBytes();
}
const decode = (bytes: Uint8Array) => readTxnPayload(bytes, 0, bytes.length);
const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));

test('any transaction survives writing and reading, with and without a digest', () => {
  fc.assert(
    fc.property(anyHeader, anyTxn, fc.option(anyDigest, { nil: undefined }), (head, txn, digest) => {
      expect(decode(encode(head, txn, digest))).toEqual({ header: head, txn, ...(digest && { digest }) });
    }),
  );
});

test('what is read in place is the same and takes no memory for its data', () => {
  fc.assert(
    fc.property(anyHeader, anyTxn, (head, txn) => {
      const bytes = encode(head, txn);
      expect(readTxnPayload(bytes, 0, bytes.length, 'inPlace')).toEqual(decode(bytes));
    }),
  );
  const set: Txn = { kind: 'setData', code: 5, path: '/a', data: Uint8Array.of(1, 2, 3), version: 1 };
  const bytes = encode(header, { kind: 'multi', parts: [set] });
  const dataOf = (data: 'copied' | 'inPlace'): Uint8Array => {
    const { txn } = readTxnPayload(bytes, 0, bytes.length, data);
    const part = txn.kind === 'multi' ? txn.parts[0] : undefined;
    if (part?.kind !== 'setData' || part.data === null) throw new Error('no data was read');
    return part.data;
  };
  expect(dataOf('inPlace').buffer).toBe(bytes.buffer);
  expect(dataOf('copied').buffer).not.toBe(bytes.buffer);
});

test('a recorded proposal decodes and encodes to the same bytes', () => {
  const recorded = fromHex(`
    0100002854470000 00000001 0000000100000002 000001a204eb107f 00000001
    000000022f77 0000000568656c6c6f
    00000001 0000001f 00000005776f726c64 00000006616e796f6e65
    00 00000001 00000002 0000000227773f43`);
  const { header: head, txn, digest } = decode(recorded);
  expect(head).toMatchObject({ clientId: 0x0100002854470000n, cxid: 1, zxid: 0x100000002 });
  expect(txn).toMatchObject({ kind: 'create', code: 1, path: '/w', ephemeral: false, parentCversion: 1 });
  expect(digest).toEqual({ version: 2, value: 0x227773f43n });
  expect(encode(head, txn, digest)).toEqual(recorded);
});

test('a create of a server before 3.3 has no cversion of the parent', () => {
  const now: Txn = {
    ...{ kind: 'create', code: 1, path: '/a', data: null, acl: [], ephemeral: false, ttlMs: 0 },
    parentCversion: 7,
  };
  const bytes = encode(header, now);
  expect(decode(bytes.subarray(0, bytes.length - 4)).txn).toEqual({ ...now, parentCversion: -1 });
});

test('a closeSession without its list of paths is told from one with a list, digest or not', () => {
  const digest = { version: 2, value: 0x2f2f2f2fn };
  for (const paths of [null, [], ['/abc'], ['/a', '/b']]) {
    for (const d of [undefined, digest]) {
      const txn: Txn = { kind: 'closeSession', paths };
      expect(decode(encode(header, txn, d))).toEqual({ header, txn, ...(d && { digest: d }) });
    }
  }
});

test('a transaction may hold more than a client may send', () => {
  const data = new Uint8Array(3_000_000).fill(7);
  const txn: Txn = { kind: 'setData', code: 5, path: '/big', data, version: 1 };
  const read = decode(encode(header, txn)).txn;
  expect(read.kind === 'setData' && read.data?.length).toBe(data.length);
});

test('bytes too few, unknown types and impossible zxids are protocol errors', () => {
  const good = encode(header, { kind: 'delete', code: 2, path: '/a' });
  for (let length = 0; length < good.length; length++) {
    expect(() => decode(good.subarray(0, length))).toThrow(ProtocolError);
  }
  const unknown = Uint8Array.from(good);
  unknown[31] = 99;
  expect(() => decode(unknown)).toThrow('unknown transaction type 99');
  const epochTooLarge = Uint8Array.from(good);
  epochTooLarge[12] = 0x7f;
  expect(() => decode(epochTooLarge)).toThrow('zxid out of range');
});

test('bytes behind a transaction are ignored as Apache does, and twelve of them are its digest', () => {
  fc.assert(
    fc.property(anyHeader, anyTxn, anyDigest, fc.uint8Array({ maxLength: 11 }), (head, txn, digest, extra) => {
      // A closeSession may lack its list, so a digest could be one, or the reverse.
      fc.pre(txn.kind !== 'closeSession');
      const withDigest = Uint8Array.of(...encode(head, txn, digest), ...extra);
      expect(decode(withDigest)).toEqual({ header: head, txn, digest });
      fc.pre(txn.kind !== 'create' || txn.code !== 1);
      expect(decode(Uint8Array.of(...encode(head, txn), ...extra))).toEqual({ header: head, txn });
    }),
  );
});

/** A multi with parts as they lie in the log: a type, and a body of any bytes. */
function multiOf(parts: readonly (readonly [type: number, body: Uint8Array | null])[]): Uint8Array {
  const w = new JuteWriter(16);
  w.raw(encode(header, { kind: 'multi', parts: [] }).subarray(0, 32));
  w.vector(parts, (writer, [type, body]) => {
    writer.int(type);
    writer.buffer(body);
  });
  return w.toBytes();
}

test('a multi that failed at an Apache leader keeps the old bodies under the type of an error', () => {
  // multi [create /m1, check /a 0, delete /nope, create /m2] as an Apache 3.9.5 leader sends it to a late learner.
  const mutated = multiOf([
    [-1, fromHex('000000032f6d31 00000000 000000010000001f00000005776f726c6400000006616e796f6e65 00 00000003')],
    [-1, fromHex('000000022f61 00000001')],
    [-1, fromHex('ffffff9b')],
    [-1, fromHex('fffffffe')],
  ]);
  expect(decode(mutated).txn).toEqual({
    kind: 'multi',
    parts: [0, 0, -101, -2].map((code) => ({ kind: 'error', code })),
  });
});

test('a failed multi is read whatever its parts hold, and never looks like a success', () => {
  const anyPart = fc.tuple(
    fc.constantFrom(-1, 1, 2, 5, 7, 13, 14, 15, 16, 19, 20, 21, 99),
    fc.option(fc.uint8Array({ maxLength: 40 })),
  );
  const anyFailed = fc.tuple(fc.array(anyPart, { maxLength: 5 }), fc.option(fc.uint8Array({ maxLength: 40 })));
  fc.assert(
    fc.property(anyFailed, fc.nat(5), ([parts, body], at) => {
      const { txn } = decode(multiOf(parts.toSpliced(at, 0, [-1, body])));
      if (txn.kind !== 'multi') throw new Error('no multi was read');
      expect(txn.parts.length).toBe(parts.length + 1);
      expect(txn.parts.some((part) => part.kind === 'error' && part.code !== 0)).toBe(true);
    }),
  );
});

test('a multi that did not fail is refused when one of its parts cannot be read', () => {
  const whole: [number, Uint8Array] = [2, fromHex('000000022f61')];
  expect(decode(multiOf([whole, [2, fromHex('000000022f6299')]])).txn).toMatchObject({
    parts: [{ path: '/a' }, { path: '/b' }],
  });
  for (const part of [
    [2, fromHex('000000032f62')],
    [99, fromHex('000000022f62')],
    [14, fromHex('00000000')],
    [5, null],
  ])
    expect(() => decode(multiOf([whole, part as [number, Uint8Array | null]]))).toThrow(ProtocolError);
});

test('a missing list of permissions is an open one, as it is for Apache', () => {
  const create: Txn = {
    ...{ kind: 'create', code: 19, path: '/a', data: null, acl: [], ephemeral: false, ttlMs: 0 },
    parentCversion: 1,
  };
  const bytes = encode(header, create);
  bytes.set([255, 255, 255, 255], bytes.length - 8);
  expect(decode(bytes).txn).toMatchObject({ acl: [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }] });
});

test('the size that is asked for before a transaction is written is at least its own, and not much more', () => {
  fc.assert(
    fc.property(anyHeader, anyTxn, anyDigest, (head, txn, digest) => {
      const { length } = encode(head, txn, digest);
      expect(fitsInto(length - 1, txn)).toBe(false);
      const parts = txn.kind === 'multi' ? txn.parts.length : 1;
      expect(fitsInto(length + 12 * parts, txn)).toBe(true);
    }),
  );
});
