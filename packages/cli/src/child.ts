// A command of the user's, run by a command of ours: it has the terminal, gets our signals, and its exit code is ours.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { UsageError } from './exit-codes.ts';

/** Carries the exit code of a child to the end of the program. */
export class ChildEnded extends Error {
  override readonly name = 'ChildEnded';
  readonly exitCode: number;
  constructor(exitCode: number) {
    super(`the command ended with ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** There is no such command, or it is none. */
export class NotStarted extends Error {
  override readonly name = 'NotStarted';
  readonly exitCode: number;
  constructor(command: string, { exitCode, why }: Reason) {
    super(`${command}: ${why}`);
    this.exitCode = exitCode;
  }
}

interface Reason {
  readonly exitCode: number;
  readonly why: string;
}

/** How long a child that was told to end may take. */
const graceMs = 5000;
/** As shells say it. */
const notStarted: Readonly<Record<string, Reason | undefined>> = {
  EACCES: { exitCode: 126, why: 'it may not be executed' },
  ENOENT: { exitCode: 127, why: 'there is no such command' },
};

export interface ChildOptions {
  /** Ends the child when it aborts: asks first, insists after five seconds. */
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Text for its standard input; the terminal's otherwise. */
  readonly input?: string;
}

/** The exit code for the end by a signal, as shells say it. */
export const signalCode = (name: NodeJS.Signals): number => 128 + constants.signals[name];

/**
 * The words of a command behind `--`.
 *
 * @throws UsageError when there are none, or the first is empty.
 */
export function commandOf(words: readonly string[], otherwise = ''): readonly string[] {
  if (words.length > 0 && words[0] !== '') return words;
  throw new UsageError(`there is no command to run: give one behind --${otherwise}`);
}

/** Runs a command to its end; its exit code, or 128 and the signal that ended it, as shells say it. */
export function runChild([command, ...args]: readonly string[], options: ChildOptions = {}): Promise<number> {
  const { signal, env, input } = options;
  // Only what is held by this process must not outlive it. The guard is there first, so that it hears of the child at once.
  const guard = signal === undefined ? undefined : startGuard();
  const child = spawn(command, args, {
    stdio: [input === undefined ? 'inherit' : 'pipe', 'inherit', 'inherit'],
    ...(env === undefined ? {} : { env: { ...env } }),
  });
  if (input !== undefined) {
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  }
  const ends = [passSignals(child), endOnAbort(child, signal)];
  if (guard !== undefined) ends.push(guard(child.pid));
  return new Promise((resolve, reject) => {
    const finish = (): void => ends.forEach((end) => end());
    child.once('error', (error: NodeJS.ErrnoException) => {
      finish();
      const known = notStarted[error.code ?? ''];
      if (known === undefined) reject(error);
      else reject(new NotStarted(command, known));
    });
    child.once('exit', (code, killedBy) => {
      finish();
      resolve(code ?? signalCode(killedBy!));
    });
  });
}

/** What this process is told, the child is told. Ctrl-C and Ctrl-\ at the terminal have reached it by themselves. */
const passed = ['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
const fromKeyboard: readonly string[] = ['SIGINT', 'SIGQUIT'];

function passSignals(child: ChildProcess): () => void {
  const pass = (name: NodeJS.Signals): void => {
    if (!fromKeyboard.includes(name) || !process.stdin.isTTY) child.kill(name);
  };
  // Both stop and go on together: whoever has stopped cannot keep what the child relies on. A child at a terminal may put that
  // in order before it stops; without one, its process group may be an orphan, in which the kernel drops SIGTSTP.
  const stop = (): void => {
    child.kill(process.stdin.isTTY ? 'SIGTSTP' : 'SIGSTOP');
    process.kill(process.pid, 'SIGSTOP');
  };
  const goOn = (): void => void child.kill('SIGCONT');
  const handlers: (readonly [NodeJS.Signals, (name: NodeJS.Signals) => void])[] = [
    ...passed.map((name) => [name, pass] as const),
    ['SIGTSTP', stop],
    ['SIGCONT', goOn],
  ];
  for (const [name, handler] of handlers) process.on(name, handler);
  return () => handlers.forEach(([name, handler]) => process.off(name, handler));
}

/**
 * Ends the child that it is told of when this process is gone without having said so: killed with 9, or by a lack of memory. A
 * shell waits for a line that does not come any more when the pipe breaks. It has a session of its own, where no key at the
 * terminal reaches it.
 */
function startGuard(): (childId: number | undefined) => () => void {
  const script = `read -r child || exit; read -r ended && exit; kill -TERM "$child" && sleep ${graceMs / 1000} && kill -KILL "$child"`;
  const { stdin } = spawn('sh', ['-c', script], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
    // A machine without a shell does without.
  }).on('error', () => undefined);
  stdin.on('error', () => undefined);
  return (childId) => {
    if (childId === undefined) stdin.end();
    else stdin.write(`${childId}\n`);
    return () => void stdin.end(childId === undefined ? undefined : 'ended\n');
  };
}

function endOnAbort(child: ChildProcess, signal: AbortSignal | undefined): () => void {
  if (signal === undefined) return () => undefined;
  let timer: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    child.kill('SIGTERM');
    timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return () => {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  };
}
