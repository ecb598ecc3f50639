// A process that goes on when this one ends, and the file that says which one it is.

import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';

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
/** From the start of a process to the file with its number. */
const startMs = 5000;
/** What Linux counts the start of a process in, on every machine that Node runs on. */
const ticksPerSecond = 100;

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

/**
 * Whether a process is `corral server`, under whatever name that is called. With a file: and whether it is older than that
 * file. Systems without /proc do not tell, and the process is believed.
 */
export function isServer(pid: number, writtenAfter?: string): boolean {
  if (!existsSync('/proc/self/cmdline')) return isAlive(pid);
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    const script = words.findIndex((word) => /^(corral|zkServer)(\.(js|sh))?$/.test(basename(word)));
    const isOne = script >= 0 && (basename(words[script]).startsWith('zkServer') || words[script + 1] === 'server');
    return isOne && (writtenAfter === undefined || startedAt(pid) <= statSync(writtenAfter).mtimeMs + startMs);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Milliseconds since 1970. */
function startedAt(pid: number): number {
  const boot = Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1]);
  return (boot + Number(factsOf(pid)[19]) / ticksPerSecond) * 1000;
}

/** What the kernel counts of a process, from its state on; the name before may hold anything. */
function factsOf(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  try {
    // One that has ended stays until its parent looks.
    return factsOf(pid)[0] !== 'Z';
  } catch {
    return !existsSync('/proc/self/stat');
  }
}
