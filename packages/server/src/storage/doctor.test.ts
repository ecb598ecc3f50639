import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { LogScanner, appendRawRecord, recover } from '@corral/core';
import { JuteWriter } from '@corral/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ReferenceTree } from '../../../core/src/log/testing/reference-tree.ts';
import { lockDataDirs } from '../data-lock.ts';
import { describeDiagnosis, diagnose } from './doctor.ts';
import { repair } from './doctor-repair.ts';
import { NodeFiles } from './node-files.ts';

const golden = fileURLToPath(new URL('../../test-data/golden', import.meta.url));
let dataDir: string;
beforeEach(() => {
  dataDir = fs.mkdtempSync(path.join(tmpdir(), 'corral-doctor-'));
});
afterEach(() => fs.rmSync(dataDir, { recursive: true, force: true }));

const use = (folder: string): void => fs.cpSync(path.join(golden, folder), dataDir, { recursive: true });
const at = (name: string): string => path.join(dataDir, 'version-2', name);
const flip = (name: string, offset: number): void => {
  const bytes = fs.readFileSync(at(name));
  bytes[offset] ^= 1;
  fs.writeFileSync(at(name), bytes);
};
const start = (): { lastZxid: number; tree: ReferenceTree } => {
  const dir = path.join(dataDir, 'version-2');
  const { lastZxid, target } = recover(new NodeFiles(), { snapDir: dir, logDir: dir }, () => new ReferenceTree());
  return { lastZxid, tree: target };
};
/** All files with their content, to see that nothing is lost. */
const everyByte = (): string[] =>
  fs
    .readdirSync(dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => fs.readFileSync(path.join(entry.parentPath, entry.name)).toString('base64'));

describe('diagnosing', () => {
  test('a healthy directory is described and left alone', () => {
    use('apache-3.8.0-standalone');
    const before = everyByte();
    const diagnosis = diagnose({ dataDir });
    expect(diagnosis).toMatchObject({ starts: true, lastZxid: 0x461, refused: undefined });
    expect(diagnosis.findings.filter((finding) => finding.level === 'problem')).toEqual([]);
    expect(describeDiagnosis(diagnosis)).toContain('A server can start on this directory.');
    expect(everyByte()).toEqual(before);
  });

  test('damage is a problem with its place, and nothing is changed', () => {
    use('damaged/flipped-payload-byte');
    const before = everyByte();
    const diagnosis = diagnose({ dataDir });
    expect(diagnosis.starts).toBe(false);
    expect(diagnosis.refused).toMatchObject({ file: at('log.1'), lostFrom: 0x15 });
    expect(describeDiagnosis(diagnosis)).toMatch(/PROBLEM .*log\.1: .*damaged at offset \d+/);
    expect(everyByte()).toEqual(before);
  });

  test('a damaged snapshot is a problem even when a server can start without it', () => {
    use('damaged/snapshot-flipped-byte');
    const diagnosis = diagnose({ dataDir });
    expect(diagnosis).toMatchObject({ starts: true, lastZxid: 0x30 });
    expect(diagnosis.findings).toContainEqual(expect.objectContaining({ level: 'problem', file: at('snapshot.2b') }));
  });

  test('epoch files that contradict each other are found', () => {
    use('apache-3.8.0-ensemble/sid1');
    expect(diagnose({ dataDir }).findings.filter((finding) => finding.level === 'problem')).toEqual([]);
    fs.writeFileSync(at('acceptedEpoch'), '0');
    expect(diagnose({ dataDir }).findings).toContainEqual(
      expect.objectContaining({ level: 'problem', file: at('currentEpoch') }),
    );
    fs.writeFileSync(at('acceptedEpoch'), 'x');
    expect(diagnose({ dataDir }).findings).toContainEqual(expect.objectContaining({ text: 'does not hold a number' }));
  });

  test('an empty or missing directory is healthy', () => {
    expect(diagnose({ dataDir })).toMatchObject({ starts: true, lastZxid: 0 });
    expect(diagnose({ dataDir: path.join(dataDir, 'none') }).starts).toBe(true);
  });
});

describe('repairing', () => {
  test.each([
    'flipped-checksum-byte',
    'flipped-end-of-record-byte',
    'flipped-length-byte',
    'flipped-length-high-bit',
    'flipped-payload-byte',
  ])('%s: the server starts with everything before the damage, and every byte is still there', async (folder) => {
    use(`damaged/${folder}`);
    const damaged = fs.readFileSync(at('log.1'));
    const { actions, losses, diagnosis } = await repair({ dataDir }, 'now');
    expect(diagnosis).toMatchObject({ starts: true, lastZxid: 0x14 });
    expect(actions.length).toBe(2);
    expect(losses).toEqual(['transactions from 0x15, to 0x2b, the last one that could be seen']);
    expect(fs.readFileSync(at('quarantine-now/log.1')).equals(damaged)).toBe(true);
    const { lastZxid, tree } = start();
    expect(lastZxid).toBe(0x14);
    expect(tree.digestMismatches).toEqual([]);
  });

  test('log files behind the damaged one move aside with it', async () => {
    use('apache-3.8.0-standalone');
    for (const name of ['snapshot.215', 'snapshot.43e', 'snapshot.452']) fs.rmSync(at(name));
    flip('log.217', 3000);
    const before = new Set(everyByte());
    const { diagnosis, losses } = await repair({ dataDir }, 'x');
    expect(diagnosis.starts).toBe(true);
    expect(losses).toEqual([expect.stringContaining('to 0x461')]);
    expect(fs.readdirSync(at('quarantine-x')).sort()).toEqual(['log.217', 'log.43f', 'log.453']);
    for (const content of before) expect(everyByte()).toContain(content);
    expect(start().tree.digestMismatches).toEqual([]);
  });

  test('a missing log file leaves the history before the gap', async () => {
    use('apache-3.8.0-standalone');
    for (const name of ['snapshot.215', 'snapshot.43e', 'snapshot.452', 'log.217']) fs.rmSync(at(name));
    const { diagnosis } = await repair({ dataDir }, 'x');
    expect(diagnosis).toMatchObject({ starts: true, lastZxid: 0x216 });
  });

  test('a damaged snapshot that the log does not reach moves aside', async () => {
    use('apache-3.8.0-standalone');
    for (const name of ['log.43f', 'log.453', 'snapshot.43e']) fs.rmSync(at(name));
    flip('snapshot.452', 5000);
    expect(diagnose({ dataDir }).starts).toBe(false);
    const { diagnosis, losses } = await repair({ dataDir }, 'x');
    expect(diagnosis).toMatchObject({ starts: true, lastZxid: 0x43e });
    expect(losses).toEqual(['transactions from 0x43f, what only the damaged snapshot held']);
  });

  test('nothing is done to a healthy directory, or where moving files is no cure', async () => {
    use('apache-3.9.5-standalone');
    expect(await repair({ dataDir }, 'x')).toMatchObject({ actions: [], losses: [], diagnosis: { starts: true } });
    flip('snapshot.461', 5000);
    expect(await repair({ dataDir }, 'x')).toMatchObject({ actions: [], diagnosis: { starts: false } });
  });

  test.each([
    ['apache-3.9.5-failed-multis', 0x10000000e],
    ['apache-3.9.5-repeated-zxids', 0x3c],
  ])('%s: what only Apache writes is no damage', async (folder, lastZxid) => {
    use(folder);
    const before = everyByte();
    expect(diagnose({ dataDir })).toMatchObject({ starts: true, lastZxid });
    expect(start()).toMatchObject({ lastZxid, tree: { digestMismatches: [] } });
    expect(await repair({ dataDir }, 'x')).toMatchObject({ actions: [], losses: [] });
    expect(everyByte()).toEqual(before);
  });

  test('a zxid that Apache left out is told, and nothing is cut', async () => {
    use('apache-3.8.0-skipped-zxid');
    const before = everyByte();
    expect(diagnose({ dataDir }).refused?.problem).toContain('0x33 comes right after 0x31 in the same file');
    expect(await repair({ dataDir }, 'x')).toMatchObject({ actions: [], losses: [], diagnosis: { starts: false } });
    expect(everyByte()).toEqual(before);
  });

  test('an intact transaction of an unknown kind is no damage: nothing is cut, and the start says what to do', async () => {
    use('apache-3.9.5-failed-multis');
    const log = new LogScanner({
      size: fs.statSync(at('log.100000003')).size,
      read: (offset, length) => fs.readFileSync(at('log.100000003')).subarray(offset, offset + length),
    });
    const { offset, end, bytes, start: from, payloadEnd } = log.next()!;
    const payload = bytes.slice(from, payloadEnd);
    payload.set([0, 0, 0, 99], 28);
    const w = new JuteWriter();
    appendRawRecord(w, payload);
    const file = fs.readFileSync(at('log.100000003'));
    file.set(w.toBytes(), offset);
    expect(w.length).toBe(end - offset);
    fs.writeFileSync(at('log.100000003'), file);

    const before = everyByte();
    const { starts, refused } = diagnose({ dataDir });
    expect(starts).toBe(false);
    expect(refused).toMatchObject({ isDamage: false, problem: expect.stringContaining('unknown transaction type 99') });
    expect(await repair({ dataDir }, 'x')).toMatchObject({ actions: [], losses: [], diagnosis: { starts: false } });
    expect(everyByte()).toEqual(before);
  });

  test.runIf(process.platform === 'linux')('it refuses while a server runs on the directory', async () => {
    use('damaged/flipped-payload-byte');
    const unlock = await lockDataDirs([dataDir]);
    await expect(repair({ dataDir }, 'x')).rejects.toThrow('in use');
    unlock();
  });
});
