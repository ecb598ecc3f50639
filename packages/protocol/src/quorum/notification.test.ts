import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../errors.ts';
import { encodeText } from '../jute/text.ts';
import { JuteWriter } from '../jute/writer.ts';
import { epochMax, zxidNone, zxidOf, zxidZero } from '../zxid.ts';
import type { HostPort } from './host-port.ts';
import {
  ballotNone,
  electionLimits,
  notificationEnd,
  parseInitialMessage,
  readNotification,
  writeInitialMessage,
  writeNotification,
} from './notification.ts';
import type { Ballot, InitialMessage } from './notification.ts';
import { fromHex, toHex } from './testing/hex.ts';

const parse = (bytes: Uint8Array): ReturnType<typeof parseInitialMessage> =>
  parseInitialMessage(bytes, 0, bytes.length);

function greeting(message: InitialMessage): Uint8Array {
  const out = new JuteWriter();
  writeInitialMessage(out, message);
  return out.toBytes();
}

const longHex = (value: bigint): string => BigInt.asUintN(64, value).toString(16).padStart(16, '0');
const v1Head = 'ffffffffffff0000 0000000000000002';
const textHex = (text: string): string => toHex(encodeText(text));
const addressed = (text: string): string => `${v1Head} ${text.length.toString(16).padStart(8, '0')} ${textHex(text)}`;

const host = fc.oneof(
  fc.constantFrom('127.0.0.1', 'zoo-1.example', '2001:db8::1', '::1'),
  fc.stringMatching(/^[a-z][a-z0-9.-]{0,20}$/),
);
const address: fc.Arbitrary<HostPort> = fc.record({ host, port: fc.integer({ min: 0, max: 65535 }) });
const sid = fc.option(fc.maxSafeNat(), { nil: undefined });
const initialMessage: fc.Arbitrary<InitialMessage> = fc.oneof(
  fc.record({
    form: fc.constantFrom('v1' as const, 'v2' as const),
    sid,
    addresses: fc.array(address, { minLength: 1, maxLength: 4 }),
  }),
  fc.record({ form: fc.constant('legacy' as const), sid, addresses: fc.constant([]) }),
);

describe('the greeting of an election connection', () => {
  test('is read and written as Apache servers write it', () => {
    const hex = 'ffffffffffff0000 0000000000000002 0000000f 3132372e302e302e313a3232303232';
    const message = parse(fromHex(hex));
    const expected: InitialMessage = { form: 'v1', sid: 2, addresses: [{ host: '127.0.0.1', port: 22022 }] };
    expect(message).toEqual({ ...expected, consumed: 35 });
    expect(toHex(greeting(expected))).toBe(hex.replaceAll(' ', ''));
  });

  test('is read as it was written, also between other bytes', () => {
    fc.assert(
      fc.property(initialMessage, fc.uint8Array({ maxLength: 9 }), (message, behind) => {
        const bytes = greeting(message);
        const all = Uint8Array.from([1, 2, 3, ...bytes, ...behind]);
        expect(parseInitialMessage(all, 3, all.length)).toEqual({ ...message, consumed: bytes.length });
      }),
    );
  });

  test('is waited for until it is complete', () => {
    fc.assert(
      fc.property(initialMessage, (message) => {
        const bytes = greeting(message);
        for (let end = 0; end < bytes.length; end++) expect(parseInitialMessage(bytes, 0, end)).toBeUndefined();
      }),
    );
  });

  test('leaves out addresses that stand for all interfaces', () => {
    const addresses = parse(fromHex(addressed('0.0.0.0:1|[::]:2|[0:0:0:0:0:0:0:0]:3|[::1]:4|a:5')))?.addresses;
    expect(addresses).toEqual([
      { host: '::1', port: 4 },
      { host: 'a', port: 5 },
    ]);
  });

  test.each([
    ['an unknown version', 'fffffffffffe0000'],
    ['the smallest version', '8000000000000000'],
    ['an id beyond 2^53 instead of a version', '0020000000000000'],
    ['a negative id', `ffffffffffff0000 ffffffffffffffff 00000001`],
    ['no addresses', `${v1Head} 00000000`],
    ['a negative length', `${v1Head} ffffffff`],
    ['too many addresses', `${v1Head} 00000801`],
    ['an address without a port', addressed('localhost')],
    ['an address with a port out of range', addressed('localhost:65536')],
    ['an address with two ports', addressed('localhost:1:2')],
    ['an address without a host', addressed(':1')],
    ['an IPv6 address without brackets', addressed('2001:db8::1:22022')],
    ['brackets that are not closed', addressed('[::1:22022')],
    ['an empty address between others', addressed('a:1||b:2')],
  ])('is refused with %s', (_, hex) => {
    expect(() => parse(fromHex(hex))).toThrow(ProtocolError);
  });
});

const ballot: fc.Arbitrary<Ballot & { config: string }> = fc.record({
  state: fc.constantFrom('looking' as const, 'following' as const, 'leading' as const, 'observing' as const),
  leader: fc.option(fc.maxSafeNat(), { nil: undefined }),
  zxid: fc.option(
    fc.oneof(
      fc.constant(zxidNone),
      fc.tuple(fc.nat({ max: epochMax }), fc.nat({ max: 0xffffffff })).map(([e, c]) => zxidOf(e, c)),
    ),
    { nil: undefined },
  ),
  round: fc.oneof(fc.constant(ballotNone), fc.maxSafeNat()),
  peerEpoch: fc.option(fc.integer({ min: -1, max: epochMax }), { nil: undefined }),
  config: fc.string({ unit: 'grapheme', maxLength: 60 }),
});

function frame(value: Ballot & { config: string }): Uint8Array {
  const out = new JuteWriter(8);
  writeNotification(out, value);
  return out.toBytes();
}

/** A notification from its fields, by default the 40 bytes every form since 3.3 shares. */
const message = (...fields: string[]): Uint8Array => fromHex(fields.join(''));
const none = longHex(-(2n ** 63n));

describe('a notification', () => {
  test('is read and written as Apache servers write it', () => {
    const config = 'server.1=h:1:2:participant\nversion=0';
    const hex = `00000050 00000002 0000000000000003 0000000000000000 0000000000000001 0000000000000001 00000002
      00000024 ${textHex(config)}`.replaceAll(/\s/g, '');
    const value = { state: 'leading', leader: 3, zxid: zxidZero, round: 1, peerEpoch: 1, config } as const;
    expect(readNotification(fromHex(hex).subarray(4))).toEqual({ ...value, version: 2 });
    expect(toHex(frame(value))).toBe(hex);
  });

  test('says explicitly that a server has no vote', () => {
    const value = { state: 'looking', leader: undefined, zxid: undefined, round: 1, peerEpoch: undefined } as const;
    const bytes = frame({ ...value, config: '' });
    expect(toHex(bytes.subarray(8, 40))).toBe(`${none}${none}${longHex(1n)}${none}`);
    expect(readNotification(bytes.subarray(4))).toEqual({ ...value, version: 2, config: '' });
  });

  test('is read as it was written', () => {
    fc.assert(
      fc.property(ballot, fc.uint8Array({ maxLength: 9 }), (value, behind) => {
        const bytes = Uint8Array.from([...frame(value), ...behind]);
        const end = notificationEnd(bytes, 0, bytes.length);
        expect(end).toBe(bytes.length - behind.length);
        expect(readNotification(bytes.subarray(4, end))).toEqual({ ...value, version: 2 });
      }),
    );
  });

  test('of 28 bytes takes the epoch of its zxid, and has version 0', () => {
    const bytes = message('00000000', longHex(1n), longHex(0x300000004n), longHex(5n));
    expect(readNotification(bytes)).toEqual({
      state: 'looking',
      leader: 1,
      zxid: zxidOf(3, 4),
      round: 5,
      peerEpoch: 3,
      version: 0,
      config: undefined,
    });
    const voteless = readNotification(message('00000000', none, none, longHex(5n)));
    expect(voteless.peerEpoch).toBeUndefined();
    expect(readNotification(message('00000000', longHex(1n), longHex(-1n), longHex(5n))).peerEpoch).toBe(-1);
  });

  test('of 40 bytes has an epoch and four bytes that mean nothing', () => {
    const bytes = message('00000001', longHex(1n), longHex(0x300000004n), longHex(5n), longHex(4n), '7fffffff');
    expect(readNotification(bytes)).toMatchObject({ state: 'following', peerEpoch: 4, version: 0, config: undefined });
  });

  test('of version 1 has no configuration', () => {
    const bytes = message('00000003', longHex(1n), longHex(4n), longHex(5n), longHex(4n), '00000001 00000009');
    expect(readNotification(bytes)).toMatchObject({ state: 'observing', version: 1, config: undefined });
  });

  test('of a later version is read as far as it is known', () => {
    const bytes = message('00000003', longHex(1n), longHex(4n), longHex(5n), longHex(4n), '00000007 00000001 41 99');
    expect(readNotification(bytes)).toMatchObject({ version: 7, config: 'A' });
  });

  const start = ['00000000', longHex(1n), longHex(4n)];
  const voted = [...start, longHex(5n), longHex(4n)];
  test.each([
    ['no bytes', []],
    ['27 bytes', ['00000000', longHex(1n), longHex(4n), '00000000000000']],
    ['an epoch that is cut', [...start, longHex(5n), '00000000']],
    ['no version', voted],
    ['no configuration', [...voted, '00000002', '00']],
    ['a negative configuration length', [...voted, '00000002', 'ffffffff']],
    ['another negative configuration length', [...voted, '00000002', 'fffffffe']],
    ['a configuration that is cut', [...voted, '00000002', '00000003', '4141']],
    ['an unknown state', ['00000004', longHex(1n), longHex(4n), longHex(5n)]],
    ['a negative state', ['ffffffff', longHex(1n), longHex(4n), longHex(5n)]],
    ['a negative leader', ['00000000', longHex(-1n), longHex(4n), longHex(5n)]],
    ['a leader next to none', ['00000000', longHex(-(2n ** 63n) + 1n), longHex(4n), longHex(5n)]],
    ['an epoch beyond 2^21 in its zxid', ['00000000', longHex(1n), longHex(2n ** 53n), longHex(5n)]],
    ['a negative zxid', ['00000000', longHex(1n), longHex(-2n), longHex(5n)]],
    ['a negative round', [...start, longHex(-2n)]],
    ['no round', [...start, none]],
    ['a round beyond 2^53', [...start, longHex(2n ** 53n)]],
    ['an epoch beyond 2^21', [...start, longHex(5n), longHex(2n ** 21n), '00000000']],
    ['a negative epoch', [...start, longHex(5n), longHex(-2n), '00000000']],
  ])('is dropped with %s', (_, fields) => {
    expect(() => readNotification(message(...fields))).toThrow(ProtocolError);
  });

  test('that is cut anywhere, or of any bytes, leads to nothing but a ProtocolError', () => {
    const bytes = fc.oneof(
      fc.tuple(ballot, fc.nat()).map(([value, cut]) => frame(value).slice(4, 4 + (cut % 100))),
      fc.uint8Array({ maxLength: 60 }),
    );
    fc.assert(
      fc.property(bytes, (input) => {
        for (const read of [() => readNotification(input), () => parse(input), () => notificationEnd(input, 0, 9)]) {
          try {
            read();
          } catch (error) {
            expect(error).toBeInstanceOf(ProtocolError);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('is waited for within its frame, whose length is bounded', () => {
    const bytes = frame({ state: 'looking', leader: 1, zxid: zxidZero, round: 1, peerEpoch: 0, config: 'c' });
    for (let end = 0; end < bytes.length; end++) expect(notificationEnd(bytes, 0, end)).toBeUndefined();
    expect(notificationEnd(fromHex('00080000'), 0, 4)).toBeUndefined();
    expect(electionLimits.notificationBytesMax).toBe(0x80000);
    for (const hex of ['00000000', 'ffffffff', '00080001', '7fffffff']) {
      expect(() => notificationEnd(fromHex(hex), 0, 4)).toThrow(ProtocolError);
    }
  });
});
