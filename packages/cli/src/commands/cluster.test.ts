// corral cluster as a command line, against a server that stands alone. What a change leads to is tested beside the
// arithmetic; changes of real ensembles are among the tests with real processes.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { startServer } from '@corral/server';
import type { RunningServer } from '@corral/server';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run } from '../run.ts';

let dataDir = '';
let server: RunningServer;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'corral-cluster-'));
  server = await startServer({ clientPort: 0, dataDir });
});
afterAll(async () => {
  await server.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function cluster(line: string, port = server.port): Promise<{ code: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const code = await run(['cluster', ...line.split(' ').filter((word) => word !== ''), '-s', `127.0.0.1:${port}`], {
    env: {},
    stdout: { write: (text) => (out += String(text)) },
    stderr: { write: (text) => (err += text) },
    stdin: Object.assign(Readable.from([]) as AsyncIterable<string>, { isTTY: false }),
    readFile: () => Promise.resolve(Buffer.from('server.1=a:2888:3888\ntickTime=2000\n')),
    interrupted: () => new AbortController().signal,
  });
  return { code, out, err };
}

it('status of a server without an ensemble is well', async () => {
  expect(await cluster('status')).toMatchObject({ code: 0, out: expect.stringMatching(/standalone +serving/) });
  const { out } = await cluster('status -o json');
  expect(JSON.parse(out)).toMatchObject({ quorum: null, problems: [], members: [{ role: 'standalone' }] });
});

it('status of a server that is not there has a row and exit code 1', async () => {
  const { code, out } = await cluster('status', 1);
  expect({ code, out }).toMatchObject({ code: 1, out: expect.stringContaining('127.0.0.1:1') });
  expect(out).toContain('nothing listens there');
});

it('a server without an ensemble has no members to change', async () => {
  expect(await cluster('remove 2 --dry-run')).toMatchObject({ code: 1, err: expect.stringContaining('stands alone') });
});

it.each([
  ['remove two', 'not the id of a server'],
  ['reconfig', 'give --joining, --leaving'],
  ['reconfig --members file --leaving 1', 'leave out --joining'],
  ['reconfig --members file', 'tickTime'],
  ['status --admin-port none', 'not a port'],
  ['decision 17', 'not a zxid'],
  ['transfer-leader --admin a:b:c', 'expected host:port'],
])('%s is a mistake of the command line', async (line, message) => {
  expect(await cluster(line)).toMatchObject({ code: 2, err: expect.stringContaining(message) });
});
