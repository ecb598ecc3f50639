// The facts about the machine that figures mean nothing without, and warnings when it is no place to measure.

import { execFile } from 'node:child_process';
import { mkdir, statfs } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { promisify } from 'node:util';
import { apacheVersion, cacheDir } from './apache.ts';

const run = promisify(execFile);
const tmpfsMagic = 0x01021994;
const busyLoad = 0.5;

/** One line each; load is looked at before anything was measured. */
export async function machineFacts(): Promise<string[]> {
  const { stderr } = await run('java', ['-version']);
  const java = /version "([^"]+)"/.exec(stderr)?.[1] ?? 'unknown version';
  const model = cpus()[0]?.model ?? 'unknown processor';
  const memory = (totalmem() / 1024 ** 3).toFixed(0);
  const load = loadavg()[0] ?? 0;
  return [
    `${new Date().toISOString().slice(0, 10)}, ${availableParallelism()} cores (${model}), ${memory} GiB`,
    `Node ${process.versions.node}; Apache ZooKeeper ${await apacheVersion()} on Java ${java}`,
    `load average when the run began: ${load.toFixed(2)}`,
  ];
}

/** Why this machine is a bad place to measure just now; empty when it is a good one. */
export async function machineWarnings(): Promise<string[]> {
  const warnings: string[] = [];
  const load = loadavg()[0] ?? 0;
  if (load > busyLoad)
    warnings.push(`something else is running (load average ${load.toFixed(2)}): figures will be noisy`);
  await mkdir(cacheDir, { recursive: true });
  if ((await statfs(cacheDir)).type === tmpfsMagic)
    warnings.push('data lies in memory (tmpfs): fsync costs nothing here');
  return warnings;
}
