import { formatZxid } from '@corral/protocol';
import type { Zxid } from '@corral/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { logFileName, snapshotFileName } from './file-names.ts';
import { recover } from './recovery.ts';
import type { RecoveryResult, RecoveryTarget } from './recovery.ts';
import { RecoveryRefused } from './recovery-refused.ts';
import { MemoryFiles } from './testing/memory-files.ts';
import { history, logOf, snapshotOf } from './testing/sample.ts';

/** Remembers what arrived; equal lists mean an equal state. */
class Recorder implements RecoveryTarget {
  readonly seen: string[] = [];
  session(id: bigint, timeoutMs: number): void {
    this.seen.push(`session ${id} ${timeoutMs}`);
  }
  acl(id: number): void {
    this.seen.push(`acl ${id}`);
  }
  node(node: { pathEnd: number; czxid: number }): void {
    this.seen.push(`node ${node.pathEnd} ${node.czxid}`);
  }
  snapshotDone(snapshot: { zxid: number }): void {
    this.seen.push(`snapshot ${snapshot.zxid}`);
  }
  txn(header: { zxid: number }, txn: object): void {
    this.seen.push(`txn ${formatZxid(header.zxid)} ${JSON.stringify(txn)}`);
  }
}

const dir = 'data';
let files: MemoryFiles;
beforeEach(() => {
  files = new MemoryFiles();
});
const snapshot = (zxid: number, children: readonly string[] = []): void =>
  files.writeDurably(`${dir}/${snapshotFileName(zxid as Zxid)}`, snapshotOf(zxid, children));
/** A log of the transactions first..last of the sample history. */
const log = (first: number, last: number, padding = 0): void =>
  files.writeDurably(`${dir}/${logFileName(first as Zxid)}`, logOf(history(last).slice(first - 1), padding));
const start = (options: object = {}): RecoveryResult<Recorder> =>
  recover(files, { snapDir: dir, logDir: dir, ...options }, () => new Recorder());
const change = (name: string, edit: (bytes: Uint8Array) => Uint8Array | void): void => {
  const bytes = Uint8Array.from(files.content.get(`${dir}/${name}`)!);
  files.content.set(`${dir}/${name}`, edit(bytes) ?? bytes);
};
function refusal(options: object = {}): RecoveryRefused {
  const before = new Map(files.content);
  try {
    start(options);
  } catch (error) {
    expect(files.content).toEqual(before);
    if (error instanceof RecoveryRefused) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('a healthy directory', () => {
  test('an empty one starts at zxid 0 without a snapshot', () => {
    expect(start()).toMatchObject({ lastZxid: 0, snapshotFile: undefined, replayed: 0, notes: [] });
  });

  test('the newest snapshot is loaded and only later transactions are replayed, across files', () => {
    snapshot(0);
    snapshot(3);
    log(1, 5);
    log(6, 9, 100);
    const result = start();
    expect(result).toMatchObject({ lastZxid: 9, snapshotFile: 'snapshot.3', snapshotZxid: 3, replayed: 6, notes: [] });
    expect(result.target.seen.filter((line) => line.startsWith('txn')).length).toBe(6);
  });

  test('every file that was relied on is synced, and the directory', () => {
    snapshot(0);
    log(1, 5);
    log(6, 9);
    files.synced.clear();
    start();
    expect([...files.synced].sort()).toEqual(['data', 'data/log.1', 'data/log.6', 'data/snapshot.0']);
  });

  test('temporary and foreign files are ignored', () => {
    snapshot(0);
    log(1, 2);
    for (const name of ['.tmp-snapshot.5.ab', 'snapshot.zz', 'log.', 'log.1.old', 'currentEpoch', 'snapshot.9.tmp']) {
      files.content.set(`${dir}/${name}`, new Uint8Array(3));
    }
    expect(start().lastZxid).toBe(2);
  });

  test('a new epoch starts at 1, in the same file or in another', () => {
    snapshot(0);
    files.writeDurably(`${dir}/log.1`, logOf([...history(2), ...history(3, 1)]));
    files.writeDurably(`${dir}/log.200000001`, logOf(history(2, 2)));
    expect(start()).toMatchObject({ lastZxid: 0x200000002, replayed: 7 });
  });

  test('looking only changes and syncs nothing', () => {
    snapshot(0);
    log(1, 5);
    change('log.1', (bytes) => bytes.slice(0, -3));
    files.synced.clear();
    const size = files.size(`${dir}/log.1`);
    expect(start({ readOnly: true }).lastZxid).toBe(4);
    expect(files.size(`${dir}/log.1`)).toBe(size);
    expect(files.synced.size).toBe(0);
  });
});

describe('what a crash leaves', () => {
  test('a torn tail is cut and reported', () => {
    snapshot(0);
    log(1, 5);
    change('log.1', (bytes) => bytes.slice(0, -3));
    const { lastZxid, notes } = start();
    expect(lastZxid).toBe(4);
    expect(notes).toEqual([expect.stringContaining('unfinished write')]);
    expect(start()).toMatchObject({ lastZxid: 4, notes: [] });
  });

  test.each([0, 7])('a last log file of %i bytes is removed', (size) => {
    snapshot(0);
    log(1, 5);
    files.content.set(`${dir}/log.6`, new Uint8Array(size));
    expect(start()).toMatchObject({ lastZxid: 5, notes: [expect.stringContaining('removed')] });
    expect(files.content.has(`${dir}/log.6`)).toBe(false);
  });

  test('a last log file of zeros is removed although a snapshot is newer: others decided while this disk was writing', () => {
    snapshot(0);
    snapshot(5);
    files.content.set(`${dir}/log.1`, new Uint8Array(93));
    expect(start()).toMatchObject({ lastZxid: 5, replayed: 0, notes: [expect.stringContaining('removed')] });
    expect(files.content.has(`${dir}/log.1`)).toBe(false);
  });

  test('a last log file with nothing but a header, padding or a torn record makes room for its name', () => {
    for (const bytes of [logOf([]), logOf([], 500), logOf(history(6).slice(5)).slice(0, -4), new Uint8Array(4096)]) {
      files = new MemoryFiles();
      snapshot(0);
      log(1, 5);
      files.content.set(`${dir}/log.6`, bytes);
      expect(start().lastZxid).toBe(5);
      expect(files.content.has(`${dir}/log.6`)).toBe(false);
    }
  });

  test('a torn tail of an earlier start is fine when the next file goes on where it ends', () => {
    snapshot(0);
    log(1, 5);
    change('log.1', (bytes) => bytes.slice(0, -3));
    log(5, 9);
    expect(start()).toMatchObject({ lastZxid: 9, replayed: 9 });
  });

  test('a tail that looks torn held promised transactions when the next file goes on behind them', () => {
    snapshot(0);
    log(1, 5);
    change('log.1', (bytes) => bytes.slice(0, -3));
    log(6, 9);
    expect(refusal().facts).toMatchObject({ file: 'data/log.6', lostFrom: 5, lostBefore: 6 });
  });
});

describe('what no crash explains', () => {
  test('a missing file in the middle is refused', () => {
    snapshot(0);
    log(1, 5);
    log(9, 12);
    expect(refusal().facts).toMatchObject({ lostFrom: 6, lostBefore: 9 });
  });

  test('an epoch without its first transaction is refused', () => {
    snapshot(0);
    files.writeDurably(`${dir}/log.1`, logOf([...history(2), ...history(3, 1).slice(1)]));
    expect(refusal().facts).toMatchObject({ lostBefore: 0x100000002 });
  });

  test('two histories are refused', () => {
    snapshot(0);
    log(1, 7);
    log(6, 9);
    expect(refusal().message).toContain('two histories');
  });

  test('an error with the zxid of the transaction before it changes nothing; any other such transaction is refused', () => {
    snapshot(0);
    const [first, second, third] = history(3);
    const error = { kind: 'error', code: -5 } as const;
    files.writeDurably(`${dir}/log.1`, logOf([first, second, { header: second.header, txn: error }]));
    files.writeDurably(`${dir}/log.2`, logOf([{ header: second.header, txn: error }, third]));
    expect(start()).toMatchObject({ lastZxid: 3, replayed: 3 });
    files.writeDurably(`${dir}/log.2`, logOf([second, third]));
    expect(refusal().message).toContain('two histories');
  });

  test('damage in the middle names file, offset and the transactions at stake', () => {
    snapshot(0);
    log(1, 9);
    change('log.1', (bytes) => void (bytes[300] ^= 1));
    const { facts } = refusal();
    expect(facts.file).toBe('data/log.1');
    expect(facts.lostFrom).toBeGreaterThan(1);
    expect(facts.lostBefore).toBe((facts.lostFrom ?? 0) + 1);
  });

  test('damage wholly before the snapshot costs nothing', () => {
    snapshot(0);
    snapshot(8);
    log(1, 9);
    change('log.1', (bytes) => void (bytes[300] ^= 1));
    expect(start()).toMatchObject({
      lastZxid: 9,
      replayed: 1,
      notes: [expect.stringContaining('before the snapshot')],
    });
  });

  test('transactions without any snapshot are refused unless they are trusted', () => {
    log(1, 5);
    expect(refusal().message).toContain('snapshot.trust.empty');
    expect(start({ trustEmptySnapshot: true })).toMatchObject({ lastZxid: 5, snapshotFile: undefined });
  });

  test('a log in the snapshot directory, or the reverse, is refused', () => {
    snapshot(0);
    log(1, 5);
    expect(refusal({ logDir: 'logs' }).facts.file).toBe('data/log.1');
    expect(refusal({ snapDir: 'snaps' }).facts.file).toBe('data/snapshot.0');
  });

  test('a disk that fails is not taken for damage', () => {
    snapshot(0);
    log(1, 5);
    files.broken.add('data/log.1');
    expect(() => start()).toThrow('EIO');
  });
});

describe('a damaged snapshot', () => {
  test('an older one and the log give the same state, in a fresh target', () => {
    snapshot(0);
    snapshot(4, ['x', 'y']);
    log(1, 6);
    change('snapshot.4', (bytes) => void (bytes[bytes.length - 60] ^= 1));
    const { target, notes, snapshotFile } = start();
    expect(snapshotFile).toBe('snapshot.0');
    expect(notes).toEqual([expect.stringContaining('snapshot.4')]);
    expect(target.seen.filter((line) => line.startsWith('node')).length).toBe(1);
  });

  test('an unreadable one is skipped like a damaged one', () => {
    snapshot(0);
    snapshot(4);
    log(1, 6);
    files.broken.add('data/snapshot.4');
    expect(start()).toMatchObject({ lastZxid: 6, snapshotFile: 'snapshot.0' });
  });

  test('when the log does not lead through it the start is refused', () => {
    snapshot(0);
    log(1, 3);
    snapshot(0x200000000);
    change('snapshot.200000000', (bytes) => void (bytes[40] ^= 1));
    expect(refusal().facts).toMatchObject({ file: 'data/snapshot.200000000', lostFrom: 4 });
    // An epoch that starts behind it looks like a continuation, but what the snapshot held is gone.
    files.writeDurably(`${dir}/log.200000001`, logOf(history(2, 2)));
    expect(refusal().facts.file).toBe('data/snapshot.200000000');
  });

  test('with none left the start is refused', () => {
    snapshot(0);
    log(1, 3);
    change('snapshot.0', (bytes) => bytes.slice(0, 30));
    expect(refusal().message).toContain('none of the 1 snapshots');
  });
});

describe('every single fault in a small directory', () => {
  const prepare = (): string[] => {
    files = new MemoryFiles();
    snapshot(0, ['a']);
    log(1, 6);
    snapshot(6, ['a', 'b']);
    log(7, 12, 40);
    return start().target.seen;
  };
  /** A state is right when it is the full one, or the full one without some of its last transactions. */
  function outcome(whole: readonly string[]): 'same' | 'cut' | 'refused' | 'fallback' | 'wrong' {
    let seen: readonly string[];
    let result: RecoveryResult<Recorder>;
    try {
      result = start();
      seen = result.target.seen;
    } catch (error) {
      expect(error).toBeInstanceOf(RecoveryRefused);
      return 'refused';
    }
    if (result.snapshotFile === 'snapshot.0') return result.lastZxid === 12 ? 'fallback' : 'wrong';
    if (seen.length === whole.length) return seen.every((line, at) => line === whole[at]) ? 'same' : 'wrong';
    return seen.every((line, at) => line === whole[at]) ? 'cut' : 'wrong';
  }

  test('each flipped bit or byte: the same state, a fallback to it, or a refusal', () => {
    const whole = prepare();
    const counts = new Map<string, number>();
    for (const name of files.list(dir)) {
      const intact = files.content.get(`${dir}/${name}`)!;
      for (let at = 0; at < intact.length; at++) {
        for (const mask of [0x01, 0x40, 0xff]) {
          prepare();
          change(name, (bytes) => void (bytes[at] ^= mask));
          const got = outcome(whole);
          counts.set(got, (counts.get(got) ?? 0) + 1);
          expect(['same', 'fallback', 'refused'], `${name} byte ${at}`).toContain(got);
        }
      }
    }
    expect([...counts.keys()].sort()).toEqual(['fallback', 'refused', 'same']);
  });

  test('each truncation: the same state, a clean cut, a fallback, or a refusal', () => {
    const whole = prepare();
    const counts = new Map<string, number>();
    for (const name of files.list(dir)) {
      const size = files.size(`${dir}/${name}`);
      for (let cut = 0; cut < size; cut++) {
        prepare();
        change(name, (bytes) => bytes.slice(0, cut));
        const got = outcome(whole);
        counts.set(got, (counts.get(got) ?? 0) + 1);
        expect(got, `${name} cut at ${cut}`).not.toBe('wrong');
      }
    }
    expect([...counts.keys()].sort()).toEqual(['cut', 'fallback', 'refused', 'same']);
  });
});
