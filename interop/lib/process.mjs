// Child processes for the interop scripts: run one to its end, or start one in a process group of its own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Runs a command to its end and returns its output; a failure carries the tail of what it printed. */
export async function run(command, args, { cwd, env, input, timeoutMs = 120_000, allowFailure = false } = {}) {
  const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, detached: true });
  let output = '';
  const collect = (chunk) => (output += chunk);
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  const timer = setTimeout(() => killGroup(child, 'SIGKILL'), timeoutMs);
  try {
    const [code, signal] = await ended(child);
    if (code !== 0 && !allowFailure) {
      throw new Error(`${command} ${args.join(' ')} ended with ${signal ?? code}\n${output.slice(-2000)}`);
    }
    return output;
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves with [code, signal]; rejects when the command could not be started at all. */
export function ended(child) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve([code, signal]));
  });
}

const live = new Set();

/** Starts a long-running child in its own process group; every one still alive dies with this process. */
export function start(command, args, options = {}) {
  const child = spawn(command, args, { ...options, detached: true });
  live.add(child);
  child.once('exit', () => live.delete(child));
  child.once('error', () => live.delete(child));
  return child;
}

export function killGroup(child, signal) {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Sends a signal and waits for the end; a child that ignores it is killed after ten seconds. */
export async function stop(child, signal = 'SIGTERM') {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  killGroup(child, signal);
  const timer = setTimeout(() => killGroup(child, 'SIGKILL'), 10_000);
  await gone;
  clearTimeout(timer);
}

process.on('exit', () => {
  for (const child of live) killGroup(child, 'SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
