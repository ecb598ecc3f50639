import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolError } from '../errors.ts';
import { JuteWriter } from '../jute/writer.ts';
import { epochMax, zxidNone, zxidOf, zxidZero } from '../zxid.ts';
import { PacketReader, beginPacket, endPacket, packetNames, packetTypes, writePacket } from './packet.ts';
import type { QuorumPacket } from './packet.ts';
import { fromHex, toHex } from './testing/hex.ts';

const zxid = fc.oneof(
  fc.constant(zxidNone),
  fc.constant(zxidZero),
  fc
    .tuple(fc.integer({ min: 0, max: epochMax }), fc.integer({ min: 0, max: 0xffffffff }))
    .map(([e, c]) => zxidOf(e, c)),
);
const nullable = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(arbitrary, { nil: null });
const text = nullable(fc.string({ unit: 'grapheme', maxLength: 12 }));
const packet: fc.Arbitrary<QuorumPacket> = fc.record({
  type: fc.oneof(fc.integer({ min: 1, max: 19 }), fc.integer({ min: -0x80000000, max: 0x7fffffff })),
  zxid,
  data: nullable(fc.uint8Array({ maxLength: 60 })),
  authinfo: nullable(fc.array(fc.record({ scheme: text, id: text }), { maxLength: 3 })),
});

function encode(packets: readonly QuorumPacket[]): Uint8Array {
  const out = new JuteWriter();
  for (const { type, zxid, data, authinfo } of packets) writePacket(out, type, zxid, data, authinfo);
  return out.toBytes();
}

const copied = (p: QuorumPacket): QuorumPacket => ({ ...p, data: p.data && Uint8Array.from(p.data) });

function drain(reader: PacketReader): QuorumPacket[] {
  const packets: QuorumPacket[] = [];
  for (let p = reader.next(); p !== undefined; p = reader.next()) packets.push(copied(p));
  return packets;
}

/** All packets of a stream that comes in chunks of the given sizes, in turn; each chunk is wiped once it is drained. */
function decode(bytes: Uint8Array, sizes: readonly number[], reader = new PacketReader()): QuorumPacket[] {
  const packets: QuorumPacket[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = Math.max(1, sizes[turn % sizes.length]);
    const chunk = new Uint8Array(size + 4).fill(0xee);
    const part = bytes.subarray(at, at + size);
    chunk.set(part, 2);
    reader.push(chunk, 2, 2 + part.length);
    packets.push(...drain(reader));
    chunk.fill(0xdd);
    at += size;
  }
  return packets;
}

const ask = (bytes: Uint8Array): QuorumPacket | undefined => {
  const reader = new PacketReader();
  reader.push(bytes);
  return reader.next();
};

const one = (hex: string): QuorumPacket | undefined => ask(fromHex(hex));

describe('packets as Apache servers write them', () => {
  test.each([
    ['leaderInfo', '00000011 0000000100000000 00000004 00010000 ffffffff', zxidOf(1, 0), '00010000'],
    ['ackEpoch', '00000012 0000000000000000 00000004 00000000 ffffffff', zxidZero, '00000000'],
    ['diff', '0000000d 0000000000000000 ffffffff ffffffff', zxidZero, null],
    ['trunc', '0000000e 0000000100000002 ffffffff ffffffff', zxidOf(1, 2), null],
    ['ack', '00000003 0000000100000000 ffffffff ffffffff', zxidOf(1, 0), null],
    ['upToDate', '0000000c ffffffffffffffff ffffffff ffffffff', zxidNone, null],
    ['ping', '00000005 000000010000000d ffffffff ffffffff', zxidOf(1, 13), null],
    ['ping', '00000005 000000010000000d 00000000 ffffffff', zxidOf(1, 13), ''],
    ['sync', '00000007 0000000000000000 ffffffff ffffffff', zxidZero, null],
  ])('%s is read and written byte for byte', (name, hex, zxid, data) => {
    const packet = one(hex);
    expect(packetNames.get(packet?.type ?? 0)).toBe(name);
    expect(packet?.zxid).toBe(zxid);
    expect(packet?.data && toHex(packet.data)).toBe(data);
    expect(packet?.authinfo).toBeNull();
    expect(toHex(encode([packet!]))).toBe(hex.replaceAll(' ', ''));
  });

  test('a request carries the identities of its client', () => {
    const hex = `00000001 ffffffffffffffff 00000010 0100002854470000 00000001 00000001
      00000002 00000002 6970 00000009 3132372e302e302e31 00000006 646967657374 00000003 613a62`;
    const packet = one(hex);
    expect(packet?.authinfo).toEqual([
      { scheme: 'ip', id: '127.0.0.1' },
      { scheme: 'digest', id: 'a:b' },
    ]);
    expect(toHex(encode([packet!]))).toBe(hex.replaceAll(/\s/g, ''));
  });

  test('have the nineteen types, each with its own number; three more are extensions', () => {
    const theirs = Array.from({ length: 19 }, (_, i) => i + 1);
    expect([...packetNames.keys()].sort((a, b) => a - b)).toEqual([
      ...theirs,
      packetTypes.handOver,
      packetTypes.differs,
      packetTypes.historyId,
    ]);
  });
});

describe('a stream of packets', () => {
  test('gives the same packets, however it is cut', () => {
    fc.assert(
      fc.property(
        fc.array(packet, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 6 }),
        (packets, sizes) => {
          const bytes = encode(packets);
          expect(decode(bytes, sizes)).toEqual(packets);
          expect(decode(bytes, [1])).toEqual(packets);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('gives the same packets when several chunks are pushed before one is asked for', () => {
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 8 }), fc.integer({ min: 1, max: 70 }), (packets, size) => {
        const bytes = encode(packets);
        const reader = new PacketReader();
        const found: QuorumPacket[] = [];
        for (let at = 0, turn = 0; at < bytes.length; at += size, turn++) {
          reader.push(bytes, at, Math.min(at + size, bytes.length));
          const next = turn % 3 === 0 ? reader.next() : undefined;
          if (next) found.push(copied(next));
        }
        expect([...found, ...drain(reader)]).toEqual(packets);
      }),
    );
  });

  test('hands out the rest at any point, and goes on with it later', () => {
    fc.assert(
      fc.property(
        fc.array(packet, { minLength: 1, maxLength: 6 }),
        fc.nat({ max: 5 }),
        fc.uint8Array({ maxLength: 300 }),
        fc.nat(),
        (packets, before, stream, cut) => {
          const first = packets.slice(0, before);
          const head = encode(first);
          const bytes = Uint8Array.from([...head, ...stream, ...encode(packets.slice(before))]);
          const reader = new PacketReader();
          const middle = Math.min(cut % (bytes.length + 1), head.length);
          reader.push(bytes, 0, middle);
          const found = drain(reader);
          reader.push(bytes, middle, bytes.length);
          while (found.length < first.length) found.push(copied(reader.next()!));
          const rest = reader.takeRest();
          expect(rest).toEqual(bytes.subarray(head.length));
          expect(reader.takeRest()).toHaveLength(0);
          reader.push(rest, stream.length);
          expect([...found, ...drain(reader)]).toEqual(packets);
        },
      ),
    );
  });

  test('is read where it lies as long as packets are not cut', () => {
    const packets = Array.from({ length: 5 }, (_, i) => ({
      type: packetTypes.proposal,
      zxid: zxidOf(1, i),
      data: Uint8Array.of(i, i),
      authinfo: null,
    }));
    const bytes = encode(packets);
    const reader = new PacketReader();
    const cut = bytes.length / 2;
    reader.push(bytes, 0, cut);
    const inPlace: boolean[] = [];
    const collect = (): void => {
      for (let p = reader.next(); p; p = reader.next()) inPlace.push(p.data?.buffer === bytes.buffer);
    };
    collect();
    reader.push(bytes, cut, bytes.length);
    collect();
    expect(inPlace).toEqual([true, true, false, true, true]);
  });

  test('takes time in proportion to its length, also when a large packet comes in small pieces', () => {
    const large = { type: 2, zxid: zxidOf(1, 1), data: new Uint8Array(2_000_000).fill(7), authinfo: null };
    const small = { type: 4, zxid: zxidOf(1, 1), data: null, authinfo: null };
    const found = decode(encode([large, small, large]), [61]);
    expect(found.map((p) => [p.type, p.data?.length])).toEqual([
      [2, 2_000_000],
      [4, undefined],
      [2, 2_000_000],
    ]);
  });
});

describe('a packet in the making', () => {
  test('is the same whether its data is written in place or given', () => {
    const out = new JuteWriter(4);
    const at = beginPacket(out, packetTypes.revalidate, zxidNone);
    out.long(5n);
    out.bool(true);
    endPacket(out, at);
    const data = fromHex('0000000000000005 01');
    expect(out.toBytes()).toEqual(encode([{ type: packetTypes.revalidate, zxid: zxidNone, data, authinfo: null }]));
  });
});

describe('what is no packet', () => {
  test('is waited for, while it could become one', () => {
    fc.assert(
      fc.property(packet, (p) => {
        const bytes = encode([p]);
        for (let end = 0; end < bytes.length; end++) expect(ask(bytes.slice(0, end))).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  test.each([
    ['a negative length', '00000002 0000000100000001 fffffffe'],
    ['a length above the limit', '00000002 0000000100000001 001ffffff'.slice(0, -1)],
    ['a length beyond all memory', '00000002 0000000100000001 7fffffff'],
    ['an epoch beyond 2^21', '00000002 0020000000000000 ffffffff'],
    ['a negative zxid', '00000002 fffffffffffffffe ffffffff'],
    ['the smallest zxid', '00000002 8000000000000000 ffffffff'],
    ['a negative number of identities', '00000001 0000000100000001 ffffffff fffffffe'],
    ['millions of identities', '00000001 0000000100000001 ffffffff 7fffffff'],
    ['an identity of impossible length', '00000001 0000000100000001 ffffffff 00000001 ffffff00'],
  ])('is refused as soon as it shows: %s', (_, hex) => {
    const bytes = fromHex(hex);
    const reader = new PacketReader();
    reader.push(bytes, 0, bytes.length - 1);
    expect(reader.next()).toBeUndefined();
    reader.push(bytes, bytes.length - 1);
    expect(() => reader.next()).toThrow(ProtocolError);
    expect(() => reader.next()).toThrow(ProtocolError);
  });

  test('is refused when its identities together are longer than a field may be', () => {
    const id = { scheme: 'x'.repeat(100), id: 'y'.repeat(100) };
    const p = { type: 1, zxid: zxidNone, data: new Uint8Array(250), authinfo: [id, id, id] };
    expect(() => decode(encode([p]), [50], new PacketReader(256))).toThrow(ProtocolError);
    expect(decode(encode([p]), [50], new PacketReader(1024))).toEqual([p]);
  });

  test('never leads to anything but a ProtocolError', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 80 }),
      fc
        .tuple(fc.array(packet, { minLength: 1, maxLength: 3 }), fc.nat(), fc.nat({ max: 255 }))
        .map(([ps, at, byte]) => {
          const broken = encode(ps);
          broken[at % broken.length] = byte;
          return broken;
        }),
    );
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 30 }), (input, size) => {
        try {
          decode(input, [size]);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
