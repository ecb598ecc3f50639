import fc from 'fast-check';
import { JuteWriter, ProtocolError } from '@corral/protocol';
import type { SessionId, Zxid } from '@corral/protocol';
import { expect, test } from 'vitest';
import { anyDigest, anyHeader, anyTxn } from './testing/arbitrary.ts';
import { readTxnPayload, writeTxnPayload } from './txn-codec.ts';
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

test('bytes too few or too many, unknown types and impossible zxids are protocol errors', () => {
  const good = encode(header, { kind: 'delete', code: 2, path: '/a' });
  for (let length = 0; length < good.length; length++) {
    expect(() => decode(good.subarray(0, length))).toThrow(ProtocolError);
  }
  expect(() => decode(Uint8Array.of(...good, 0))).toThrow(ProtocolError);
  const unknown = Uint8Array.from(good);
  unknown[31] = 99;
  expect(() => decode(unknown)).toThrow('unknown transaction type 99');
  const epochTooLarge = Uint8Array.from(good);
  epochTooLarge[12] = 0x7f;
  expect(() => decode(epochTooLarge)).toThrow('zxid out of range');
});
