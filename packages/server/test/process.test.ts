// The server as a process: what it prints, how it ends.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { freePorts } from './free-ports.ts';
import { WireClient } from './wire.ts';

const corral = fileURLToPath(new URL('../../cli/bin/corral.js', import.meta.url));
let dir: string;
let child: ChildProcess | undefined;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'corral-process-'));
});

afterEach(() => {
  child?.kill('SIGKILL');
  child = undefined;
  rmSync(dir, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

function run(args: readonly string[]): { child: ChildProcess; ended: Promise<Ended>; output: () => string } {
  const process_ = spawn(process.execPath, [corral, 'server', ...args], { cwd: dir });
  child = process_;
  let output = '';
  for (const stream of [process_.stdout, process_.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<Ended>((resolve) => {
    process_.on('close', (code, signal) => resolve({ code, signal, output }));
  });
  return { child: process_, ended, output: () => output };
}

function writeConfig(lines: readonly string[]): string {
  const file = join(dir, 'zoo.cfg');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

async function configured(): Promise<{ port: number; file: string }> {
  const [port] = await freePorts(1);
  const lines = [
    'tickTime=500',
    'dataDir=data',
    `clientPort=${port}`,
    'clientPortAddress=127.0.0.1',
    'admin.enableServer=false',
  ];
  return { port, file: writeConfig(lines) };
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 300_000;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error('it did not happen in time');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('corral server', () => {
  it('answers what it acknowledged before SIGTERM, and exits with 0', async () => {
    const { port, file } = await configured();
    const first = run([file]);
    await until(() => first.output().includes('serving clients'));
    const client = await WireClient.open(port);
    expect(await client.create('/a', 'kept')).toMatchObject({ err: 0 });
    first.child.kill('SIGTERM');
    expect(await first.ended).toMatchObject({ code: 0, signal: null });
    const second = run([file]);
    await until(() => second.output().includes('serving clients'));
    const again = await WireClient.open(port, client);
    expect(await again.text('/a')).toBe('kept');
    again.socket.destroy();
  });

  it('exits with 2 and names file, line and key when a value is wrong', async () => {
    const file = writeConfig(['dataDir=data', 'clientPort=2181', 'tickTime=soon']);
    const { code, output } = await run([file]).ended;
    expect(code).toBe(2);
    expect(output).toMatch(/zoo\.cfg:3: tickTime=soon: expected .*integer|whole number/);
  });

  it('exits with 1 and says so when the port is taken', async () => {
    const { port, file } = await configured();
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(port, '127.0.0.1', resolve));
    const { code, output } = await run([file]).ended;
    await new Promise((resolve) => holder.close(resolve));
    expect(code).toBe(1);
    expect(output).toContain(`port ${port} is in use`);
    expect(existsSync(join(dir, 'data'))).toBe(false);
  });

  const failures: readonly (readonly [string, () => string[], RegExp])[] = [
    [
      'an address of another machine',
      () => ['clientPortAddress=192.0.2.7'],
      /192\.0\.2\.7, which .* is not an address of this machine/,
    ],
    [
      'a path through a file',
      () => (writeFileSync(join(dir, 'file'), ''), ['dataDir=file/data']),
      /file.*is a file where a directory is needed/,
    ],
    [
      'a directory that is a file',
      () => (writeFileSync(join(dir, 'file'), ''), ['dataDir=file']),
      /is a file where a directory is needed/,
    ],
    ['a place that takes no files', () => ['dataDir=/proc/corral/data'], /corral server: .*\/proc\/corral/],
  ];
  for (const [name, lines, reason] of failures) {
    it(`says in one sentence that it was given ${name}`, async () => {
      const [port] = await freePorts(1);
      const own = lines();
      const data = own.some((line) => line.startsWith('dataDir')) ? [] : ['dataDir=data'];
      const { code, output } = await run([
        writeConfig([...data, `clientPort=${port}`, 'admin.enableServer=false', ...own]),
      ]).ended;
      expect(code).toBe(1);
      expect(output).toMatch(reason);
      expect(output).not.toMatch(/^ +at /m);
      expect(output).toMatch(/"level":60|"level":"fatal"/);
    });
  }

  it('keeps data for its own user, whatever the shell allows', async () => {
    const { file } = await configured();
    const server = run([file]);
    await until(() => server.output().includes('serving clients'));
    const open = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter(
      (name) =>
        name.startsWith('data') && (statSync(join(dir, name)).mode & 0o077) !== 0 && !name.includes('corral-lock'),
    );
    expect(open).toEqual([]);
  });

  it('prints help for --help', async () => {
    const { code, output } = await run(['--help']).ended;
    expect(code).toBe(0);
    expect(output).toContain('--client-port');
  });
});
