import { decodeText, encodeText } from '@corral/protocol';
import type { Zxid } from '@corral/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { logFileName, snapshotFileName } from './file-names.ts';
import { RecoveryRefused } from './recovery-refused.ts';
import type { RefusalFacts } from './recovery-refused.ts';
import type { RecoveryTarget } from './recovery.ts';
import { restoreMember } from './restore-member.ts';
import type { MemberRecovery, RestoredMember } from './restore-member.ts';
import { isSetAside } from './set-aside.ts';
import { MemoryFiles } from './testing/memory-files.ts';
import { history, logOf, snapshotOf } from './testing/sample.ts';

const [snapDir, logDir] = ['snap', 'log'];
const epoch = 2 ** 32;
const nothing = (): void => undefined;
const ignoring: RecoveryTarget = { session: nothing, acl: nothing, node: nothing, snapshotDone: nothing, txn: nothing };

/** A power failure behind the n-th change of the disk. */
class CrashingFiles extends MemoryFiles {
  changesLeft = Infinity;

  #changed(): void {
    if (--this.changesLeft <= 0) throw new Error('the power fails');
  }
  override rename(from: string, to: string): void {
    super.rename(from, to);
    this.#changed();
  }
  override remove(path: string): void {
    super.remove(path);
    this.#changed();
  }
  override writeDurably(path: string, bytes: Uint8Array): void {
    super.writeDurably(path, bytes);
    this.#changed();
  }
}

let files: CrashingFiles;
let told: (RefusalFacts | undefined)[];
let starts: number;

const put = (path: string, bytes: Uint8Array | string): void =>
  files.writeDurably(path, typeof bytes === 'string' ? encodeText(bytes) : bytes);
const text = (path: string): string => decodeText(files.content.get(path)!, 0, files.size(path));

/** Epoch 1, transactions 1 to 12, in two snapshots and two logs; this server has promised epoch 3. */
beforeEach(() => {
  files = new CrashingFiles();
  told = [];
  starts = 0;
  put(`${snapDir}/${snapshotFileName(epoch as Zxid)}`, snapshotOf(epoch, []));
  put(`${snapDir}/${snapshotFileName((epoch + 4) as Zxid)}`, snapshotOf(epoch + 4, ['a']));
  put(`${logDir}/${logFileName((epoch + 1) as Zxid)}`, logOf(history(12, 1).slice(0, 8)));
  put(`${logDir}/${logFileName((epoch + 9) as Zxid)}`, logOf(history(12, 1).slice(8)));
  put(`${snapDir}/acceptedEpoch`, '3');
  put(`${snapDir}/currentEpoch`, '1');
});

function damage(path: string, at: number): void {
  const bytes = files.content.get(path)!.slice();
  bytes[at] ^= 1;
  put(path, bytes);
}
const secondLog = `${logDir}/log.100000009`;
/** In its first record, behind which there are good ones. */
const damageLog = (): void => damage(secondLog, 60);

const start = (options: Partial<MemberRecovery> = {}): RestoredMember<RecoveryTarget> =>
  restoreMember(
    files,
    {
      snapDir,
      logDir,
      mayBegin: false,
      maySetAside: true,
      asideName: `damaged-${++starts}`,
      settingAside: (facts) => told.push(facts),
      ...options,
    },
    () => ignoring,
  );
function refusalOf(options: Partial<MemberRecovery> = {}): RecoveryRefused {
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
const contents = (): string[] => [...files.content.values()].map((bytes) => bytes.join());

describe('a damaged history', () => {
  test('is moved aside as a whole, and the server has its promise and no vote', () => {
    damageLog();
    const { epochs, isEmpty, result } = start();
    expect({ epochs, isEmpty, last: result.lastZxid }).toMatchObject({
      epochs: { accepted: 3, current: -1, isUnknown: true },
      isEmpty: true,
      last: 0,
    });
    expect(files.list(snapDir).sort()).toEqual(['acceptedEpoch', 'currentEpoch']);
    expect(files.list(logDir)).toEqual([]);
    expect(files.list(`${snapDir}/damaged-1`).sort()).toEqual([
      'acceptedEpoch',
      'currentEpoch',
      'snapshot.100000000',
      'snapshot.100000004',
    ]);
    expect(text(`${snapDir}/damaged-1/currentEpoch`)).toBe('1');
    expect(files.list(`${logDir}/damaged-1`).sort()).toEqual(['log.100000001', 'log.100000009']);
    expect(told).toEqual([expect.objectContaining({ file: secondLog, offset: 16, lostFrom: epoch + 9 })]);
  });

  test('is one whose snapshots are, or whose epochs are, as well', () => {
    damage(`${snapDir}/snapshot.100000004`, 40);
    damage(`${snapDir}/snapshot.100000000`, 40);
    expect(start().epochs).toMatchObject({ accepted: 3, current: -1, isUnknown: true });
  });

  test.each([
    ['acceptedEpoch', 'x', { accepted: 1, current: -1, isUnknown: true }],
    ['acceptedEpoch', '0', { accepted: 1, current: -1, isUnknown: true }],
    ['currentEpoch', '', { accepted: 3, current: -1, isUnknown: true }],
  ])(
    'an epoch file that cannot be right (%s: %j) is damage too; what is still known of the promise is kept',
    (name, content, epochs) => {
      put(`${snapDir}/${name}`, content);
      expect(start().epochs).toMatchObject(epochs);
      expect(text(`${snapDir}/damaged-1/${name}`)).toBe(content);
    },
  );

  test('leaves no vote until a leader has given the server another, whatever is on the disk by then', () => {
    damageLog();
    start();
    put(`${snapDir}/${snapshotFileName((3 * epoch) as Zxid)}`, snapshotOf(3 * epoch, ['a']));
    expect(start()).toMatchObject({ epochs: { accepted: 3, current: -1, isUnknown: true }, isEmpty: false });
    expect(told).toHaveLength(1);
    expect(isSetAside(files, snapDir)).toBe(true);
    put(`${snapDir}/currentEpoch`, '3');
    expect(start().epochs).toMatchObject({ accepted: 3, current: 3, isUnknown: false });
  });

  test('does not begin a new ensemble, even where somebody says that this is one', () => {
    damageLog();
    expect(start({ mayBegin: true })).toMatchObject({ isEmpty: true, epochs: { isUnknown: true } });
    expect(start({ mayBegin: true })).toMatchObject({ isEmpty: true, epochs: { isUnknown: true } });
  });

  test('that is interrupted behind any change of the disk is finished at the next start, and nothing is deleted', () => {
    const intact = new Map(files.content);
    let crashes = 0;
    for (let change = 1; ; change++) {
      files.content.clear();
      for (const [path, bytes] of intact) files.content.set(path, bytes);
      damageLog();
      const before = contents();
      files.changesLeft = change;
      try {
        start();
        files.changesLeft = Infinity;
        break;
      } catch (error) {
        expect((error as Error).message).toBe('the power fails');
        crashes++;
      }
      files.changesLeft = Infinity;
      expect(start(), `crash behind change ${change}`).toMatchObject({
        epochs: { accepted: 3, current: -1, isUnknown: true },
        isEmpty: true,
      });
      const after = new Set(contents());
      expect(before.filter((content) => !after.has(content))).toEqual([]);
    }
    // Two copies, two epoch files, four files moved, and the mark that says so.
    expect(crashes).toBe(9);
  });

  test('does not overwrite what was set aside before under the same name', () => {
    damageLog();
    start({ asideName: 'damaged' });
    put(`${snapDir}/${snapshotFileName((3 * epoch) as Zxid)}`, new Uint8Array(8));
    start({ asideName: 'damaged' });
    expect(files.list(`${snapDir}/damaged`)).toContain('snapshot.100000004');
    expect(files.list(`${snapDir}/damaged-2`)).toContain('snapshot.300000000');
  });
});

describe('the start is refused and nothing is changed', () => {
  test('where the others are not enough, or setting aside is switched off', () => {
    damageLog();
    expect(refusalOf({ maySetAside: false }).facts).toMatchObject({ file: secondLog, isDamage: true });
  });

  test('where the disk cannot be read: another time it may', () => {
    for (const name of ['snapshot.100000000', 'snapshot.100000004']) files.broken.add(`${snapDir}/${name}`);
    expect(refusalOf().facts.isDamage).toBe(false);
    // The older snapshot is good, and what leads on from it was purged.
    files.broken.delete(`${snapDir}/snapshot.100000000`);
    files.remove(`${logDir}/log.100000001`);
    expect(refusalOf().facts).toMatchObject({ isDamage: false, lostFrom: epoch + 1 });
    files.broken.add(secondLog);
    expect(() => start()).toThrow(/^EIO/);
  });

  test('where a setting explains it', () => {
    for (const name of files.list(snapDir)) if (name.startsWith('snapshot')) files.remove(`${snapDir}/${name}`);
    expect(refusalOf().message).toContain('snapshot.trust.empty');
    put(`${snapDir}/log.100000001`, logOf(history(1, 1)));
    expect(refusalOf().message).toContain('dataLogDir');
  });
});
