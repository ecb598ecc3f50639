import fc from 'fast-check';
import { JuteWriter } from '@corral/protocol';
import type { SessionId, Zxid } from '@corral/protocol';
import { expect, test } from 'vitest';
import { durableMark, markBytes, readMark } from './durable-mark.ts';
import { appendRecord, logFileHeader } from './log-codec.ts';
import { LogScanner } from './log-scanner.ts';
import type { LogEnd } from './log-scanner.ts';

/** A log as a server writes it: batch over mark over reserved zeros. Before and after its last batch. */
function written(batches: readonly (readonly number[])[]): {
  before: Uint8Array;
  after: Uint8Array;
  confirmed: number;
} {
  const file = new Uint8Array(64 * 1024);
  let before = file.slice();
  file.set(logFileHeader());
  let position = 16;
  let zxid = 0;
  let confirmed = 0;
  for (const batch of batches) {
    confirmed = zxid;
    const w = new JuteWriter();
    for (const size of batch) {
      zxid += 1;
      const header = { clientId: 1n as SessionId, cxid: 1, zxid: zxid as Zxid, time: 1 };
      appendRecord(w, header, { kind: 'setData', code: 5, path: '/a', data: new Uint8Array(size).fill(7), version: 1 });
    }
    if (confirmed > 0) before = file.slice();
    file.set(w.view(), position);
    file.set(durableMark(position + w.length, position), position + w.length);
    position += w.length;
  }
  return { before, after: file, confirmed };
}

function scan(bytes: Uint8Array): { last: number; end: LogEnd } {
  const scanner = new LogScanner({ size: bytes.length, read: (at, length) => bytes.slice(at, at + length) });
  let last = 0;
  for (let record = scanner.next(); record !== undefined; record = scanner.next()) last = record.zxid;
  return { last, end: scanner.ending };
}

test('a mark is read where it was written and nowhere else', () => {
  const mark = durableMark(1000, 500);
  expect(readMark(mark, 0, 1000)).toBe(500);
  expect(readMark(mark, 0, 1001)).toBeUndefined();
  for (let at = 0; at < markBytes; at++) {
    const damaged = Uint8Array.from(mark);
    damaged[at] ^= 4;
    expect(readMark(damaged, 0, 1000)).toBeUndefined();
  }
});

test('a log with its mark ends like any other', () => {
  expect(scan(written([[10], [20, 30]]).after)).toMatchObject({ last: 3, end: { kind: 'padding' } });
});

test('a mark that a full disk cut short at any byte leaves a log that can be read', () => {
  const { after } = written([[10], [20, 30]]);
  const end = scan(after).end.offset;
  for (let size = end; size <= end + markBytes; size++) {
    const { last, end: ending } = scan(after.subarray(0, size));
    expect(last).toBe(3);
    expect(['clean', 'padding', 'torn'], `${size - end} bytes of the mark`).toContain(ending.kind);
  }
});

test('a mark whose one half a power failure kept leaves a log that can be read, wherever the border lies', () => {
  const { after } = written([[10], [20, 30]]);
  const end = scan(after).end.offset;
  for (let border = end; border <= end + markBytes; border++) {
    for (const [from, to] of [
      [end, border],
      [border, end + markBytes],
    ]) {
      const disk = after.slice().fill(0, from, to);
      const { last, end: ending } = scan(disk);
      expect(last).toBe(3);
      expect(['padding', 'torn'], `${border - end} bytes`).toContain(ending.kind);
    }
  }
});

const sizes = fc.array(fc.array(fc.integer({ min: 0, max: 1500 }), { minLength: 1, maxLength: 8 }), {
  minLength: 1,
  maxLength: 6,
});

test('whatever sectors of the last batch a power failure keeps, no confirmed transaction is lost', () => {
  const outcomes = new Map<string, number>();
  fc.assert(
    fc.property(sizes, fc.infiniteStream(fc.boolean()), (batches, kept) => {
      const { before, after, confirmed } = written(batches);
      const disk = before.slice();
      for (let sector = 0; sector < disk.length; sector += 512) {
        if (kept.next().value === true) disk.set(after.subarray(sector, sector + 512), sector);
      }
      const { last, end } = scan(disk);
      outcomes.set(end.kind, (outcomes.get(end.kind) ?? 0) + 1);
      expect(last).toBeGreaterThanOrEqual(confirmed);
    }),
    { numRuns: 500, seed: 4 },
  );
  // Refusing is for what cannot be told from damage: the mark itself is lost, and later parts of the batch are there.
  expect((outcomes.get('damaged') ?? 0) + (outcomes.get('header') ?? 0)).toBeLessThan(60);
  expect(outcomes.get('torn') ?? 0).toBeGreaterThan(200);
});

test('a batch whose first sector is missing is torn, also where that sector ends inside the mark that is still there', () => {
  const smallest = scan(written([[0]]).after).end.offset;
  for (let border = 1; border <= markBytes; border++) {
    const { before, after, confirmed } = written([[512 - border - smallest], [900, 900]]);
    const end = scan(after).end.offset;
    for (const disk of [after.slice(), after.slice().fill(0, end)]) {
      const hasLaterMark = disk[end] !== 0;
      disk.set(before.subarray(0, 512));
      // Of this mark so little is left that it may be damage; good records follow it.
      const kind = border < 4 && !hasLaterMark ? 'damaged' : 'torn';
      expect(scan(disk), `${border} bytes`).toMatchObject({ last: confirmed, end: { kind } });
    }
  }
});

test('a batch whose first sector is missing and whose mark a full disk cut short is torn', () => {
  const smallest = scan(written([[0]]).after).end.offset;
  for (const border of [1, 3, 4, 16, 27]) {
    const { before, after, confirmed } = written([[512 - border - smallest], [150, 900]]);
    const { offset } = scan(after).end;
    for (let kept = 1; kept <= markBytes; kept++) {
      const disk = after.slice(0, offset + kept);
      disk.set(before.subarray(0, 512));
      const found = scan(disk);
      expect(found, `${border} bytes, ${kept} of the mark`).toMatchObject({ last: confirmed, end: { kind: 'torn' } });
    }
  }
});

test('a write that ended short anywhere is a torn tail, also inside the mark it was to cover', () => {
  const { before, after, confirmed } = written([[10], [20, 30]]);
  const from = before.findLastIndex((byte) => byte !== 0) + 1 - markBytes;
  const to = after.findLastIndex((byte) => byte !== 0) + 1;
  for (let end = from; end <= to; end++) {
    const disk = before.slice();
    disk.set(after.subarray(from, end), from);
    const found = scan(disk);
    expect(found.last, `short at ${end}`).toBeGreaterThanOrEqual(confirmed);
    expect(['torn', 'padding'], `short at ${end}`).toContain(found.end.kind);
  }
});

/** Whose last mark but one begins `kept` bytes before a border of sectors, and a batch of several sectors behind it. */
function straddling(kept: number) {
  const first = written([[0]]).after.findLastIndex((byte) => byte !== 0) + 1 - markBytes;
  const sizes = [512 - kept - first];
  const log = written([sizes, [900, 300, 5]]);
  expect(scan(log.before).end.offset % 512).toBe(512 - kept);
  return log;
}

test('a batch with a sector lost in which the mark before it ended is a torn tail', () => {
  for (let kept = 1; kept < markBytes; kept++) {
    const { before, after } = straddling(kept);
    const disk = after.slice();
    disk.set(before.subarray(512, 1024), 512);
    expect(scan(disk), `${kept} bytes`).toMatchObject({ last: 1, end: { kind: 'torn' } });
  }
});

test('the beginning of a mark in the wrong place, or with a wrong bit, proves nothing', () => {
  const { before, after, confirmed } = straddling(24);
  for (let at = 512 - 24; at < 512; at++) {
    const disk = after.slice();
    disk.set(before.subarray(0, 512));
    disk.fill(0, disk.findLastIndex((byte) => byte !== 0) + 1 - markBytes);
    disk[at] ^= 4;
    const found = scan(disk);
    expect(found.last, `byte ${at}`).toBe(confirmed);
    expect(found.end.kind, `byte ${at}`).toBe('damaged');
  }
});

test('a lost sector in confirmed data is damage, mark or not', () => {
  const { after } = written([[700, 700, 700], [10], [10]]);
  const disk = after.slice();
  disk.fill(0, 1024, 1536);
  expect(scan(disk)).toMatchObject({ last: 1, end: { kind: 'damaged', next: { zxid: 3 } } });
});

test('a wrong bit in the last batch is damage: it leaves no hole', () => {
  const { after } = written([[10], [700, 700]]);
  const disk = after.slice();
  disk[400] ^= 1;
  expect(scan(disk).end.kind).toBe('damaged');
});
