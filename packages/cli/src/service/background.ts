// A process that goes on when this one ends, and the file that says which one it is.

import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface Launched {
  /** Null while it runs. */
  readonly exitCode: () => number | null;
  /** What it wrote at last: the reason, when it ended. */
  readonly lastWords: () => string;
}

interface LaunchOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Gets all that it writes, behind what is there. */
  readonly log: string;
  readonly pidFile: string;
}

const wordsMax = 10;

export function launch([command, ...args]: readonly string[], { cwd, env, log, pidFile }: LaunchOptions): Launched {
  for (const file of [log, pidFile]) mkdirSync(dirname(file), { recursive: true });
  const output = openSync(log, 'a');
  const before = statSync(log).size;
  const child = spawn(command, args, { cwd, env: { ...env }, detached: true, stdio: ['ignore', output, output] });
  closeSync(output);
  child.unref();
  let failure = '';
  child.once('error', ({ message }) => (failure = `${message}\n`));
  if (child.pid !== undefined) writeFileSync(pidFile, `${child.pid}\n`);
  return {
    exitCode: () => (failure === '' ? (child.exitCode ?? (child.signalCode === null ? null : 1)) : 1),
    lastWords: () =>
      `${failure}${readFileSync(log).subarray(before).toString().split('\n').slice(-wordsMax).join('\n')}`,
  };
}

/** Undefined when there is no file, or no number in it. */
export function readPid(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

export const removePid = (file: string): void => rmSync(file, { force: true });

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
