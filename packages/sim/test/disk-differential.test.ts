// The disk work of the simulation beside that of the server: after the same random operations, both have the same files
// with the same bytes. What the simulator finds out about crashes rests on this.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { appendRawRecord, logFilesIn, truncateHistory, writeTxnPayload } from '@corral/core';
import { JuteWriter, encodeText, zxidOf } from '@corral/protocol';
import type { SessionId, Zxid } from '@corral/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { NodeFiles } from '../../server/src/storage/node-files.ts';
import { TxnLogWriter } from '../../server/src/storage/txn-log.ts';
import { SimFiles } from '../src/disk-files.ts';
import { LogAppender } from '../src/disk-work.ts';
import { SimDisk } from '../src/disk.ts';
import { Random } from '../src/random.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

const simDir = '/data';

class Pair {
  readonly dir = mkdtempSync(join(tmpdir(), 'corral-disk-'));
  readonly disk = new SimDisk(new Random(1));
  readonly simFiles = new SimFiles(this.disk);
  readonly nodeFiles = new NodeFiles();
  readonly #appender = new LogAppender(this.disk, simDir);
  #writer = this.#newWriter();

  constructor() {
    folders.push(this.dir);
    for (const [files, dir] of this.#both) files.writeDurably(`${dir}/snapshot.0`, new Uint8Array(0));
  }

  get #both(): [SimFiles | NodeFiles, string][] {
    return [
      [this.simFiles, simDir],
      [this.nodeFiles, this.dir],
    ];
  }

  #newWriter(): TxnLogWriter {
    return new TxnLogWriter({ dir: this.dir, forceSync: true, preallocBytes: 0, warn: () => undefined });
  }

  async append(first: Zxid, bytes: Uint8Array): Promise<void> {
    finish(this.#appender.append(first, bytes));
    await new Promise<void>((resolve, reject) => {
      this.#writer.append(first, bytes, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  async roll(): Promise<void> {
    finish(this.#appender.roll());
    await this.#reopen();
  }

  async truncate(to: Zxid): Promise<void> {
    this.#appender.forget();
    await this.#reopen();
    for (const [files, dir] of this.#both) truncateHistory(files, { snapDir: dir, logDir: dir }, to);
  }

  async #reopen(): Promise<void> {
    await this.#writer.close();
    this.#writer = this.#newWriter();
  }

  /** Name and content of each log file, of either side. */
  logs(): [sim: object, real: object] {
    const simulated = logFilesIn(this.simFiles.list(simDir)).map(({ name }): [string, string] => {
      const path = `${simDir}/${name}`;
      return [name, hex(this.disk.read(path, 0, this.disk.size(path)))];
    });
    const real = logFilesIn(this.nodeFiles.list(this.dir)).map(({ name }): [string, string] => {
      return [name, hex(readFileSync(join(this.dir, name)))];
    });
    return [Object.fromEntries(simulated), Object.fromEntries(real)];
  }
}

const finish = (steps: Iterator<void>): void => {
  while (steps.next().done !== true);
};
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

function records(first: Zxid, count: number, size: number): Uint8Array {
  const out = new JuteWriter(256);
  for (let i = 0; i < count; i++) {
    const w = new JuteWriter(256);
    const header = { clientId: 1n as SessionId, cxid: i, zxid: (first + i) as Zxid, time: 1 };
    writeTxnPayload(w, header, {
      kind: 'setData',
      code: 5,
      path: '/a',
      data: encodeText('x'.repeat(size)),
      version: i,
    });
    appendRawRecord(out, w.toBytes());
  }
  return out.toBytes();
}

describe('the disk work of the simulation and of the server', () => {
  it.each([1, 2, 3, 4, 5, 6])('leaves the same files, by random operations %i', async (seed) => {
    const pair = new Pair();
    const random = new Random(seed);
    let last = zxidOf(1, 0);
    for (let step = 0; step < 25; step++) {
      const kind = random.below(10);
      if (kind === 0) await pair.roll();
      else if (kind <= 2 && last > zxidOf(1, 1)) {
        last = zxidOf(1, random.between(1, last - zxidOf(1, 0)));
        await pair.truncate(last);
      } else {
        const count = random.between(1, 4);
        await pair.append((last + 1) as Zxid, records((last + 1) as Zxid, count, random.between(0, 700)));
        last = (last + count) as Zxid;
      }
      const [simulated, real] = pair.logs();
      expect(simulated).toEqual(real);
    }
  });
});
