// A command of the user's, run by a command of ours: it has the terminal, gets our signals, and its exit code is ours.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';

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
const signalNumbers: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };
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

/** Runs a command to its end; its exit code, or 128 and the signal that ended it, as shells say it. */
export function runChild([command, ...args]: readonly string[], options: ChildOptions = {}): Promise<number> {
  const { signal, env, input } = options;
  const child = spawn(command, args, {
    stdio: [input === undefined ? 'inherit' : 'pipe', 'inherit', 'inherit'],
    ...(env === undefined ? {} : { env: { ...env } }),
  });
  if (input !== undefined) {
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  }
  const stopPassing = passSignals(child);
  const stopEnding = endOnAbort(child, signal);
  return new Promise((resolve, reject) => {
    const finish = (): void => {
      stopPassing();
      stopEnding();
    };
    child.once('error', (error: NodeJS.ErrnoException) => {
      finish();
      const known = notStarted[error.code ?? ''];
      if (known === undefined) reject(error);
      else reject(new NotStarted(command, known));
    });
    child.once('exit', (code, killedBy) => {
      finish();
      resolve(code ?? 128 + (signalNumbers[killedBy ?? ''] ?? 0));
    });
  });
}

/** What this process is told, the child is told. A Ctrl-C at the terminal has reached it by itself. */
function passSignals(child: ChildProcess): () => void {
  const handlers = (['SIGTERM', 'SIGHUP', 'SIGINT'] as const).map((name) => {
    const handler = (): void => {
      if (name !== 'SIGINT' || !process.stdin.isTTY) child.kill(name);
    };
    process.on(name, handler);
    return () => process.off(name, handler);
  });
  return () => handlers.forEach((stop) => stop());
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
