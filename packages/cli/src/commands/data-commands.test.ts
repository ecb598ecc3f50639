import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Context } from '../context.ts';
import { run } from '../run.ts';

const golden = fileURLToPath(new URL('../../../server/test-data/golden', import.meta.url));
let dir: string;
beforeEach(() => {
  dir = fs.mkdtempSync(path.join(tmpdir(), 'corral-cli-'));
});
afterEach(() => fs.rmSync(dir, { recursive: true, force: true }));

/** Runs a command line; its output and exit code. */
async function corral(...argv: string[]): Promise<{ out: string; code: number; error: string }> {
  let [out, error] = ['', ''];
  const context = {
    env: {},
    stdout: { write: (text: string) => void (out += text) },
    stderr: { write: (text: string) => void (error += text) },
  } as unknown as Context;
  const code = await run(argv, context);
  return { out, code, error };
}

const standalone = path.join(golden, 'apache-3.8.0-standalone/version-2');
const damaged = path.join(golden, 'damaged/flipped-payload-byte/version-2/log.1');

test('log dump prints every transaction and how the file ends', async () => {
  const { out, code } = await corral('log', 'dump', path.join(standalone, 'log.1'));
  expect(code).toBe(0);
  const lines = out.trimEnd().split('\n');
  expect(lines.length).toBe(0x216 + 1);
  expect(lines[0]).toMatch(/^0x1 {2}\d{4}-.* createSession timeout \d+ ms$/);
  expect(lines.at(-1)).toContain('ends clean');
});

test('log dump starts where it is told and speaks JSON', async () => {
  const { out } = await corral('log', 'dump', path.join(standalone, 'log.1'), '--json', '--from', '0x210');
  const lines = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { zxid?: string; end?: object });
  expect(lines[0]).toMatchObject({ zxid: '0x210', txn: { kind: expect.any(String) as string } });
  expect(lines.length).toBe(8);
});

test('log verify finds the damaged file among sound ones', async () => {
  const { out, code, error } = await corral('log', 'verify', path.join(standalone, 'log.217'), damaged);
  expect(code).toBe(1);
  expect(error).toBe('corral: one file is damaged\n');
  expect(out).toMatch(/^ok .*log\.217: 552 transactions, 0x217 to 0x43e/);
  expect(out).toMatch(/\nDAMAGED .*log\.1: 20 transactions, 0x1 to 0x14; damaged at offset \d+ .*readable again/);
});

test('snapshot inspect describes a snapshot, its sessions and nodes', async () => {
  const file = path.join(golden, 'apache-3.9.5-standalone/version-2/snapshot.461');
  expect((await corral('snapshot', 'inspect', file)).out).toContain('last zxid  0x461');
  const { out } = await corral('snapshot', 'inspect', file, '--sessions', '--nodes');
  expect(out).toContain('session 0x10000162cf70000  timeout 3600000 ms');
  expect(out).toMatch(/ephemeral of 0x1000/);
  const lines = (await corral('snapshot', 'inspect', file, '--nodes', '--json')).out.trimEnd().split('\n');
  expect(JSON.parse(lines[0])).toMatchObject({ path: '/', acl: [{ perms: 31 }] });
});

test('snapshot inspect refuses a damaged one', async () => {
  const file = path.join(golden, 'damaged/snapshot-flipped-byte/version-2/snapshot.2b');
  expect(await corral('snapshot', 'inspect', file)).toMatchObject({
    code: 1,
    out: expect.stringContaining('DAMAGED') as string,
  });
});

test('doctor examines, repairs, and is content afterwards', async () => {
  fs.cpSync(path.join(golden, 'damaged/flipped-payload-byte'), dir, { recursive: true });
  expect(await corral('doctor', '--data-dir', dir)).toMatchObject({ code: 1 });
  const repaired = await corral('doctor', '--data-dir', dir, '--repair');
  expect(repaired.code).toBe(0);
  expect(repaired.out).toContain('LOST     transactions from 0x15');
  expect(repaired.out).toContain('A server can start on this directory.');
  expect((await corral('doctor', '--data-dir', dir, '--json')).code).toBe(0);
});

test('a path that is not there or a zxid that is none is a mistake of the caller', async () => {
  for (const argv of [
    ['doctor', '--data-dir', path.join(dir, 'none')],
    ['log', 'verify', path.join(dir, 'none')],
    ['log', 'dump', damaged, '--from', 'tomorrow'],
    ['snapshot', 'inspect', dir],
  ]) {
    expect((await corral(...argv)).code, argv.join(' ')).toBe(2);
  }
});

test('what is found comes in every format that is asked for', async () => {
  const verified = await corral('log', 'verify', path.join(standalone, 'log.1'), '-o', 'json');
  expect(JSON.parse(verified.out)).toMatchObject([{ sound: true, records: 534, first: '0x1', last: '0x216' }]);
  const dumped = await corral('log', 'dump', path.join(standalone, 'log.1'), '-o', 'ndjson');
  expect(
    dumped.out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as object),
  ).toHaveLength(534 + 1);
  const inspected = await corral('snapshot', 'inspect', path.join(standalone, 'snapshot.215'), '-o', 'json');
  expect(JSON.parse(inspected.out)).toMatchObject({ valid: true });
  expect((await corral('doctor', '--data-dir', path.dirname(standalone), '-o', 'yaml')).out).toMatch(/^starts: true$/m);
  expect(JSON.parse((await corral('cheat', 'move', '-o', 'json')).out)).toMatchObject([{ topic: 'move' }, {}]);
  expect(JSON.parse((await corral('acl', 'hash', 'u:p', '-o', 'json')).out)).toMatchObject({ scheme: 'digest' });
});
