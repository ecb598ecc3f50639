import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../errors.ts';
import { JuteWriter } from '../jute/writer.ts';
import { epochMax, zxidNone, zxidOf, zxidZero } from '../zxid.ts';
import type { Epoch, SessionId } from '../zxid.ts';
import * as bodies from './bodies.ts';
import { fromHex, toHex } from './testing/hex.ts';

interface Body<T> {
  readonly read: (data: Uint8Array | null) => T;
  readonly write: (out: JuteWriter, value: T) => void;
  readonly values: fc.Arbitrary<T>;
  /** Fewer bytes than these are refused. */
  readonly least: number;
}
const body = <T>(
  read: Body<T>['read'],
  write: Body<T>['write'],
  values: fc.Arbitrary<T>,
  least: number,
): Body<unknown> => ({ read, write, values, least }) as Body<unknown>;

const session = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((id) => id as SessionId);
const int = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const sid = fc.maxSafeNat();
const zxid = fc.oneof(
  fc.constant(zxidNone),
  fc.tuple(fc.nat({ max: epochMax }), fc.nat({ max: 0xffffffff })).map(([e, c]) => zxidOf(e, c)),
);
const epoch = fc.option(
  fc.nat({ max: epochMax }).map((e) => e as Epoch),
  { nil: undefined },
);
const opaque = fc.uint8Array({ maxLength: 40 });

const all: Record<string, Body<unknown>> = {
  learnerInfo: body(
    bodies.readLearnerInfo,
    bodies.writeLearnerInfo,
    fc.record({ sid, protocolVersion: int, configVersion: zxid }),
    8,
  ),
  leaderInfo: body(bodies.readLeaderInfo, bodies.writeLeaderInfo, int, 4),
  ackEpoch: body(bodies.readAckEpoch, bodies.writeAckEpoch, epoch, 4),
  revalidateRequest: body(
    bodies.readRevalidateRequest,
    bodies.writeRevalidateRequest,
    fc.record({ session, timeoutMs: int }),
    12,
  ),
  revalidateReply: body(
    bodies.readRevalidateReply,
    bodies.writeRevalidateReply,
    fc.record({ session, valid: fc.boolean() }),
    9,
  ),
  touches: body(bodies.readTouches, bodies.writeTouches, fc.array(fc.record({ session, timeoutMs: int })), 0),
  request: body(
    bodies.readRequest,
    bodies.writeRequest,
    fc.record({ session, cxid: int, opcode: int, body: opaque }),
    16,
  ),
  commitAndActivate: body(bodies.readCommitAndActivate, bodies.writeCommitAndActivate, sid, 8),
  informAndActivate: body(
    bodies.readInformAndActivate,
    bodies.writeInformAndActivate,
    fc.record({ designatedLeader: sid, txn: opaque }),
    8,
  ),
  handOver: body(
    bodies.readHandOver,
    (out, over) => {
      if (over !== undefined) bodies.writeHandOver(out, over);
    },
    fc.option(fc.record({ successor: sid, owners: fc.array(fc.tuple(session, sid)).map((pairs) => new Map(pairs)) }), {
      nil: undefined,
    }),
    0,
  ),
  newLeader: body(
    bodies.readNewLeader,
    (out, config) => bodies.writeNewLeader(out, config ?? ''),
    fc.string({ unit: 'grapheme', minLength: 2, maxLength: 40 }),
    0,
  ),
};

function encode<T>({ write }: Body<T>, value: T): Uint8Array {
  const out = new JuteWriter(8);
  write(out, value);
  return out.toBytes();
}

describe.each(Object.entries(all))('the body of %s', (_, one) => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(one.values, (value) => {
        expect(one.read(encode(one, value))).toEqual(value);
      }),
    );
  });

  test('is refused when it is cut short, and never fails otherwise', () => {
    fc.assert(
      fc.property(one.values, fc.nat(), (value, cut) => {
        const bytes = encode(one, value);
        const short = bytes.subarray(0, cut % (bytes.length + 1));
        if (short.length < one.least) expect(() => one.read(short)).toThrow(ProtocolError);
        else {
          try {
            one.read(short);
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        }
      }),
    );
    if (one.least > 0) expect(() => one.read(null)).toThrow(ProtocolError);
  });

  test('made of any bytes gives a value or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          one.read(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
    );
  });
});

describe('bodies as Apache servers write them', () => {
  test('a learner names itself, its handshake and its configuration', () => {
    const hex = '0000000000000001 00010000 0000000000000000';
    const info = bodies.readLearnerInfo(fromHex(hex));
    expect(info).toEqual({ sid: 1, protocolVersion: bodies.learnerProtocolVersion, configVersion: zxidZero });
    expect(toHex(encode(all['learnerInfo'], info))).toBe(hex.replaceAll(' ', ''));
  });

  test('an older learner names less', () => {
    expect(bodies.readLearnerInfo(fromHex('0000000000000001 00010000'))).toEqual({
      sid: 1,
      protocolVersion: 0x10000,
      configVersion: 0,
    });
    const { protocolVersion } = bodies.readLearnerInfo(fromHex('0000000000000001'));
    expect(protocolVersion).toBeLessThan(bodies.learnerProtocolVersion);
  });

  test('a configuration version of -1 is none', () => {
    const info = bodies.readLearnerInfo(fromHex('0000000000000001 00010000 ffffffffffffffff'));
    expect(info.configVersion).toBe(zxidNone);
  });

  test.each([
    ['negative', 'ffffffffffffffff'],
    ['beyond 2^53', '0020000000000000'],
    ['the smallest', '8000000000000000'],
  ])('a server id that is %s is refused', (_, hex) => {
    expect(() => bodies.readLearnerInfo(fromHex(hex))).toThrow(ProtocolError);
    expect(() => bodies.readCommitAndActivate(fromHex(hex))).toThrow(ProtocolError);
    expect(() => bodies.readInformAndActivate(fromHex(hex))).toThrow(ProtocolError);
  });

  test('ackEpoch says -1 when the epoch was promised before', () => {
    expect(bodies.readAckEpoch(fromHex('ffffffff'))).toBeUndefined();
    expect(() => bodies.readAckEpoch(fromHex('fffffffe'))).toThrow(ProtocolError);
    expect(() => bodies.readAckEpoch(fromHex('00200000'))).toThrow(ProtocolError);
  });

  test('ping lists sessions, and one that is ragged is refused', () => {
    const data = fromHex('0100002854470000 00004e20');
    expect(bodies.readTouches(data)).toEqual([{ session: 0x0100002854470000n, timeoutMs: 20_000 }]);
    expect(bodies.readTouches(null)).toEqual([]);
    expect(bodies.readTouches(new Uint8Array(0))).toEqual([]);
    expect(() => bodies.readTouches(data.subarray(1))).toThrow(ProtocolError);
  });

  test('revalidate is asked with a timeout and answered with a verdict', () => {
    const session = 0x01000028cc020000n;
    expect(bodies.readRevalidateRequest(fromHex('01000028cc020000 00004e20'))).toEqual({ session, timeoutMs: 20_000 });
    expect(bodies.readRevalidateReply(fromHex('01000028cc020000 01'))).toEqual({ session, valid: true });
  });

  test('a request leaves the body of the client as it is', () => {
    const data = fromHex('0100002854470000 00000001 fffffff5');
    expect(bodies.readRequest(data)).toEqual({
      session: 0x0100002854470000n,
      cxid: 1,
      opcode: -11,
      body: new Uint8Array(0),
    });
  });

  test('newLeader without a configuration is from an older peer', () => {
    expect(bodies.readNewLeader(null)).toBeUndefined();
    expect(bodies.readNewLeader(Uint8Array.of(0))).toBeUndefined();
    expect(bodies.readNewLeader(fromHex('763d30'))).toBe('v=0');
  });
});
