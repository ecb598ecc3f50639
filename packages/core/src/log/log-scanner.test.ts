import { JuteWriter } from '@corral/protocol';
import { expect, test } from 'vitest';
import { appendRawRecord, appendRecord, logHeaderBytes } from './log-codec.ts';
import { LogScanner } from './log-scanner.ts';
import type { LogEnd } from './log-scanner.ts';
import { history, logOf } from './testing/sample.ts';

function scan(bytes: Uint8Array): { zxids: number[]; offsets: number[]; end: LogEnd } {
  const scanner = new LogScanner({
    size: bytes.length,
    read: (offset, length) => bytes.slice(offset, offset + length),
  });
  const zxids: number[] = [];
  const offsets: number[] = [];
  for (let record = scanner.next(); record !== undefined; record = scanner.next()) {
    zxids.push(record.zxid);
    offsets.push(record.offset);
  }
  return { zxids, offsets, end: scanner.ending };
}

const whole = logOf(history(12));
const { offsets } = scan(whole);

test('records come back in order and the file ends clean or in padding', () => {
  expect(scan(whole)).toMatchObject({ zxids: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], end: { kind: 'clean' } });
  expect(scan(logOf(history(12), 5000)).end).toEqual({ kind: 'padding', offset: whole.length });
  expect(scan(logOf([])).end).toEqual({ kind: 'clean', offset: logHeaderBytes });
  expect(scan(new Uint8Array(0)).end).toEqual({ kind: 'empty', offset: 0 });
});

test('a record written from bytes equals one written from a transaction', () => {
  const [first] = history(1);
  const encoded = new JuteWriter();
  const start = appendRecord(encoded, first.header, first.txn);
  const raw = new JuteWriter();
  appendRawRecord(raw, encoded.bytes.slice(start, encoded.length - 1));
  expect(raw.view()).toEqual(encoded.view());
});

test('records larger than the reading window are read whole', () => {
  const big = history(3).map(({ header }) => ({
    header,
    txn: { kind: 'setData', code: 5, path: '/a', data: new Uint8Array(1_500_000).fill(3), version: 1 } as const,
  }));
  expect(scan(logOf(big)).zxids).toEqual([1, 2, 3]);
});

test('a file cut at any byte keeps every complete record and has a torn tail', () => {
  for (let size = logHeaderBytes; size < whole.length; size++) {
    const { zxids, end } = scan(whole.subarray(0, size));
    const complete = [...offsets.slice(1), whole.length].filter((recordEnd) => recordEnd <= size).length;
    expect(zxids.length, `cut at ${size}`).toBe(complete);
    // The checksum of a record starts with zeros, which alone look like padding.
    const atBorder = offsets.includes(size);
    expect(atBorder ? ['clean'] : ['torn', 'padding'], `cut at ${size}`).toContain(end.kind);
  }
});

test('a file that turns to zeros at any byte keeps every complete record and never loses one in the middle', () => {
  const kinds = new Map<string, number>();
  for (let size = logHeaderBytes; size < whole.length; size++) {
    const bytes = new Uint8Array(whole.length + 600);
    bytes.set(whole.subarray(0, size));
    const { zxids, end } = scan(bytes);
    const complete = [...offsets.slice(1), whole.length].filter((recordEnd) => recordEnd <= size).length;
    // A payload may end in zeros of its own: then it is complete a little earlier.
    expect(zxids.length - complete).toBeLessThanOrEqual(0);
    kinds.set(end.kind, (kinds.get(end.kind) ?? 0) + 1);
  }
  expect([...kinds.keys()].sort()).toEqual(['padding', 'torn']);
  // An end mark alone missing in the middle of a sector, with more behind it, is something no crash does.
  const marked = whole.slice();
  marked[offsets[3] - 1] = 0;
  expect(scan(marked).end.kind).toBe('damaged');
});

test('a sector that never reached the disk is a torn tail in the last record and damage before others', () => {
  const data = new Uint8Array(4000).fill(9);
  const record = (zxid: number) => ({
    header: { ...history(1)[0].header, zxid: zxid as never },
    txn: { kind: 'setData', code: 5, path: '/a', data, version: 1 } as const,
  });
  const hole = (bytes: Uint8Array, sector: number): Uint8Array => bytes.fill(0, sector * 512, sector * 512 + 512);
  for (let sector = 1; sector < 8; sector++) {
    expect(scan(hole(logOf([record(1)], 2000), sector)).end).toMatchObject({ kind: 'torn', offset: 16 });
    // The eighth sector holds the start of the second record too.
    if (sector === 7) continue;
    expect(scan(hole(logOf([record(1), record(2)], 2000), sector)).end).toMatchObject({
      kind: 'damaged',
      offset: 16,
      next: { zxid: 2 },
    });
  }
});

test('any single wrong bit is damage, never a shorter log, unless it lies in the padding', () => {
  const bytes = logOf(history(12), 700);
  for (let at = logHeaderBytes; at < bytes.length; at++) {
    for (const mask of [0x01, 0x02, 0x10, 0x80, 0xff]) {
      const damaged = Uint8Array.from(bytes);
      damaged[at] ^= mask;
      const { zxids, end } = scan(damaged);
      if (at >= whole.length) expect(zxids.length).toBe(12);
      else expect(end.kind, `byte ${at} mask ${mask}`).toBe('damaged');
    }
  }
});

test('a wrong header is told from a missing one', () => {
  for (const at of [0, 1, 2, 3]) {
    const damaged = Uint8Array.from(whole);
    damaged[at] ^= 1;
    expect(scan(damaged).end.kind).toBe('header');
  }
  expect(scan(whole.subarray(0, 7)).end.kind).toBe('header');
});

test('reading can go on behind damage', () => {
  const damaged = Uint8Array.from(whole);
  damaged[offsets[4] + 20] ^= 1;
  const scanner = new LogScanner({ size: damaged.length, read: (at, length) => damaged.slice(at, at + length) });
  while (scanner.next() !== undefined);
  expect(scanner.ending).toMatchObject({ kind: 'damaged', offset: offsets[4], next: { zxid: 6 } });
  expect(scanner.resume()).toBe(true);
  expect(scanner.next()?.zxid).toBe(6);
});
