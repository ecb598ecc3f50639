import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { DataDirInUse, dataDirHolder, lockDataDir, lockDataDirs } from './data-lock.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'corral-lock-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

it('is held by one, told to others, and leaves nothing behind', async () => {
  const release = await lockDataDir(dir);
  expect(await dataDirHolder(dir)).toEqual({ pid: process.pid });
  await expect(lockDataDir(dir)).rejects.toThrow(DataDirInUse);
  release?.();
  expect([await dataDirHolder(dir), readdirSync(dir)]).toEqual([null, []]);
  (await lockDataDir(dir))?.();
});

it('has at most one holder of many that start at once, and one in the end', async () => {
  for (let round = 0; round < 5; round++) {
    const taken = await Promise.allSettled(Array.from({ length: 12 }, () => lockDataDir(dir)));
    const holders = taken.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(holders.length).toBeLessThanOrEqual(1);
    holders[0]?.();
  }
  (await lockDataDir(dir))?.();
});

it('a process that was killed holds it no more; one that stands still does', async () => {
  const script = join(dir, 'hold.mjs');
  const lock = fileURLToPath(new URL('../dist/data-lock.js', import.meta.url));
  const data = join(dir, 'data');
  mkdirSync(data);
  writeFileSync(
    script,
    `import { lockDataDir } from ${JSON.stringify(lock)}; await lockDataDir(${JSON.stringify(data)}); console.log('held'); setInterval(() => {}, 1000);`,
  );
  const holder = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  expect(await dataDirHolder(data)).toEqual({ pid: holder.pid });
  holder.kill('SIGSTOP');
  expect(await dataDirHolder(data)).toEqual({ pid: undefined });
  await expect(lockDataDir(data)).rejects.toThrow('in use by another server');
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  (await lockDataDir(data))?.();
  expect(readdirSync(data)).toEqual([]);
});

it('directories with long names are locked too', async () => {
  const long = join(dir, 'x'.repeat(120), 'y'.repeat(120));
  mkdirSync(long, { recursive: true });
  const release = await lockDataDirs([long]);
  expect(await dataDirHolder(long)).toEqual(process.platform === 'linux' ? { pid: process.pid } : undefined);
  release();
});

it('all directories are locked or none', async () => {
  const [a, b] = [join(dir, 'a'), join(dir, 'b')];
  [a, b].forEach((one) => mkdirSync(one));
  const release = await lockDataDir(b);
  await expect(lockDataDirs([a, b])).rejects.toThrow(DataDirInUse);
  expect(await dataDirHolder(a)).toBeNull();
  release?.();
});

it('takes no number for a process that is not the holder: not from another container, nor from a stranger', async () => {
  for (const said of [`${process.pid} 1\n`, `${process.ppid} \n`, '1\n', 'x', '', `${process.pid} 1 2\n`]) {
    const name = join(dir, 'corral-lock.0123456789abcdef');
    const socket = createServer((caller) => caller.end(said)).listen(name);
    await once(socket, 'listening');
    expect(await dataDirHolder(dir), said).toEqual({ pid: undefined });
    socket.close();
    await once(socket, 'close');
  }
});
