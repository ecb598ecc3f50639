import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { JuteWriter } from '@corral/protocol';
import type { SessionId, Zxid } from '@corral/protocol';
import { LogScanner, appendRecord, logHeaderBytes } from '@corral/core';
import type { LogEnd } from '@corral/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { NodeFiles } from './node-files.ts';
import { TxnLogWriter } from './txn-log.ts';
import type { TxnLogOptions } from './txn-log.ts';

vi.mock(import('node:fs'), async (original) => ({ ...(await original()) }));

let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(tmpdir(), 'corral-log-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  fs.rmSync(dir, { recursive: true, force: true });
});

const writer = (options: Partial<TxnLogOptions> = {}): TxnLogWriter =>
  new TxnLogWriter({ dir, forceSync: true, preallocBytes: 65536 * 1024, warn: () => undefined, ...options });

/** Records first..last, each with `bytes` bytes of data. */
function records(first: number, last: number, bytes = 50): Uint8Array {
  const w = new JuteWriter();
  for (let zxid = first; zxid <= last; zxid++) {
    const header = { clientId: 1n as SessionId, cxid: zxid, zxid: zxid as Zxid, time: 1 };
    appendRecord(w, header, {
      kind: 'setData',
      code: 5,
      path: '/a',
      data: new Uint8Array(bytes).fill(zxid),
      version: zxid,
    });
  }
  return w.toBytes();
}

const append = (log: TxnLogWriter, first: number, bytes: Uint8Array): Promise<void> =>
  new Promise((resolve, reject) => {
    log.append(first as Zxid, bytes, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });

function read(name: string): { zxids: number[]; end: LogEnd } {
  const files = new NodeFiles();
  const file = path.join(dir, name);
  const scanner = new LogScanner({ size: files.size(file), read: (at, length) => files.read(file, at, length) });
  const zxids: number[] = [];
  for (let record = scanner.next(); record !== undefined; record = scanner.next()) zxids.push(record.zxid);
  return { zxids, end: scanner.ending };
}

test('what was confirmed can be read while the log is open, with reserved zeros behind it', async () => {
  const log = writer();
  await append(log, 1, records(1, 3));
  await append(log, 4, records(4, 4));
  expect(read('log.1').zxids).toEqual([1, 2, 3, 4]);
  await vi.waitFor(() => expect(read('log.1').end.kind).toBe('padding'), { timeout: 300_000 });
  await log.close();
});

test('closing cuts the file to its data', async () => {
  const log = writer();
  const batch = records(1, 3);
  await append(log, 1, batch);
  expect(log.bytesSinceRoll).toBe(logHeaderBytes + batch.length);
  await log.close();
  expect(fs.statSync(path.join(dir, 'log.1')).size).toBe(logHeaderBytes + batch.length);
  expect(read('log.1').end.kind).toBe('clean');
});

test('a roll starts a file named after the next transaction, in hex', async () => {
  const log = writer();
  await append(log, 1, records(1, 3));
  log.roll();
  expect(log.bytesSinceRoll).toBe(0);
  await append(log, 0x1f, records(0x1f, 0x20));
  await log.close();
  expect(fs.readdirSync(dir).sort()).toEqual(['log.1', 'log.1f']);
  expect(read('log.1f').zxids).toEqual([0x1f, 0x20]);
});

test('data and the zeros that run ahead of it never meet', async () => {
  for (const preallocBytes of [0, 1000, 65536, 1 << 26]) {
    const log = writer({ preallocBytes });
    const from = preallocBytes * 10_000 + 1;
    const count = 200;
    for (let at = 0; at < count; at++) await append(log, from + at, records(from + at, from + at, 10_000 + at * 7));
    await log.close();
    const { zxids, end } = read(`log.${from.toString(16)}`);
    expect(zxids).toEqual(Array.from({ length: count }, (_, at) => from + at));
    expect(end.kind).toBe('clean');
  }
});

test('a short write is completed', async () => {
  const { write } = fs;
  let calls = 0;
  vi.spyOn(fs, 'writev').mockImplementation(((fd: number, parts: Uint8Array[], at: number, done: never) => {
    write(fd, parts[0], 0, 10, at, done);
  }) as never);
  vi.spyOn(fs, 'write').mockImplementation(((
    fd: number,
    bytes: Uint8Array,
    at: number,
    length: number,
    ...rest: never[]
  ) => {
    calls += 1;
    (write as (...all: unknown[]) => void)(fd, bytes, at, Math.min(length, 100), ...rest);
  }) as never);
  const log = writer({ preallocBytes: 0 });
  await append(log, 1, records(1, 9));
  await log.close();
  expect(calls).toBeGreaterThan(5);
  expect(read('log.1').zxids.length).toBe(9);
});

test('after an error nothing is ever appended again', async () => {
  const log = writer({ preallocBytes: 0 });
  await append(log, 1, records(1, 2));
  const failure = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
  const spy = vi.spyOn(fs, 'writev').mockImplementationOnce((...all: unknown[]) => {
    setImmediate(() => (all.at(-1) as (error: Error) => void)(failure));
  });
  await expect(append(log, 3, records(3, 3))).rejects.toBe(failure);
  const calls = spy.mock.calls.length;
  await expect(append(log, 4, records(4, 4))).rejects.toBe(failure);
  expect(spy.mock.calls.length).toBe(calls);
  await expect(log.close()).rejects.toBe(failure);
  expect(read('log.1').zxids).toEqual([1, 2]);
});

test('a disk that fails while zeros are written is a failure of the log', async () => {
  const failure = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
  let failNow: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    vi.spyOn(fs, 'fdatasync').mockImplementation((_fd: number, done: (error: Error) => void) => {
      failNow = () => done(failure);
      resolve();
    });
  });
  const onFailure = vi.fn();
  const log = writer({ onFailure });
  await append(log, 1, records(1, 1));
  await asked;
  failNow();
  await vi.waitFor(() => expect(onFailure).toHaveBeenCalledWith(failure), { timeout: 300_000 });
  await expect(append(log, 2, records(2, 2))).rejects.toBe(failure);
});

test('without room to reserve the log still takes data, and says so once', async () => {
  const { write } = fs;
  const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
  vi.spyOn(fs, 'write').mockImplementation(((fd: number, bytes: Uint8Array, ...rest: unknown[]) => {
    const done = rest.at(-1) as (error: Error) => void;
    if (bytes.length === 256 * 1024) setImmediate(() => done(full));
    else (write as (...all: unknown[]) => void)(fd, bytes, ...rest);
  }) as never);
  const warn = vi.fn();
  const log = writer({ warn });
  for (let zxid = 1; zxid < 20; zxid++) await append(log, zxid, records(zxid, zxid));
  await log.close();
  expect(warn).toHaveBeenCalledTimes(1);
  expect(read('log.1').zxids.length).toBe(19);
});

test('an existing file is never overwritten', async () => {
  fs.writeFileSync(path.join(dir, 'log.1'), 'precious');
  await expect(append(writer(), 1, records(1, 1))).rejects.toThrow('EEXIST');
  expect(fs.readFileSync(path.join(dir, 'log.1'), 'utf8')).toBe('precious');
});

test('a new file is durable by name before its first transactions are confirmed', async () => {
  const order: string[] = [];
  const { writev } = fs;
  vi.spyOn(fs, 'writev').mockImplementation(((...all: never[]) => {
    order.push('write');
    (writev as (...args: unknown[]) => void)(...all);
  }) as never);
  const { open } = fs.promises;
  const handle = await open(dir, 'r');
  const prototype = Object.getPrototypeOf(handle) as { sync: () => Promise<void> };
  await handle.close();
  const { sync } = prototype;
  vi.spyOn(prototype, 'sync').mockImplementation(function (this: typeof prototype) {
    order.push('sync of the directory');
    return sync.call(this);
  });
  const log = writer({ preallocBytes: 0 });
  await append(log, 1, records(1, 1));
  order.push('confirmed');
  await log.close();
  expect(order).toEqual(['write', 'sync of the directory', 'confirmed']);
});

test('every append is timed and slow ones are warned about', async () => {
  const onSync = vi.fn();
  const warn = vi.fn();
  const log = writer({ onSync, warn, syncWarningMs: -1 });
  await append(log, 1, records(1, 1));
  await append(log, 2, records(2, 2));
  await log.close();
  expect(onSync).toHaveBeenCalledTimes(2);
  expect(warn).toHaveBeenCalledWith(expect.stringContaining('every write waits for this disk'));
});

test('two appends at once are a mistake of the caller', async () => {
  const log = writer();
  const first = append(log, 1, records(1, 1));
  expect(() => log.append(2 as Zxid, records(2, 2), () => undefined)).toThrow('already under way');
  await first;
  await log.close();
});
