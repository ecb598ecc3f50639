// What lock, elect, semaphore and barrier share: they wait for something, run a command of the user's while they have it, and
// end that command the moment they have it no longer.

import { constants } from 'node:os';
import { ChildEnded, runChild, signalCode } from '../child.ts';
import type { Context } from '../context.ts';
import { CodedError, exitCodes } from '../exit-codes.ts';
import { hex } from '../output.ts';
import { parseDuration } from '../values.ts';
import { withClient } from '../with-client.ts';
import type { GlobalOptions, Task } from '../with-client.ts';

const interruptedCode = ({ reason }: AbortSignal): number =>
  signalCode(
    reason instanceof Error && reason.message in constants.signals ? (reason.message as NodeJS.Signals) : 'SIGINT',
  );

/** For as long as it takes: the client survives broken links, which are told, and holds end with its session. */
export const whileConnected = <T>(
  globals: GlobalOptions,
  { stderr }: Context,
  work: (task: Task) => Promise<T>,
): Promise<T> =>
  withClient(globals, 'until interrupted', (task) => {
    let isAway = false;
    task.client.on('state', (state) => {
      if (state === 'suspended') stderr.write('corral: no server answers; it goes on when one does\n');
      else if (isAway && state === 'connected') stderr.write('corral: connected again\n');
      isAway = state === 'suspended' || state === 'lost';
    });
    return work(task);
  });

/** Waits for something. `--wait` limits that: then it throws a TimeoutError, and Ctrl-C ends the program. */
export async function waitFor<T>(
  context: Context,
  wait: string | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const interrupted = context.interrupted();
  const limit = wait === undefined ? [] : [AbortSignal.timeout(parseDuration(wait))];
  try {
    return await work(AbortSignal.any([interrupted, ...limit]));
  } catch (error) {
    if (interrupted.aborted) throw new ChildEnded(interruptedCode(interrupted));
    if (limit.some(({ aborted }) => aborted))
      throw new CodedError('OperationTimeout', `nothing came of it within ${wait!}`);
    throw error;
  }
}

interface Held {
  readonly signal: AbortSignal;
  readonly token: bigint;
}

/**
 * Runs the command while something is held; its exit code, and never 0 for one that was ended. What it may need to know is in
 * its environment.
 */
export async function runHeld(
  command: readonly string[],
  { signal, token }: Held,
  what: string,
  context: Context,
): Promise<number> {
  // What asked for the end before there was a command to pass it to.
  const interrupted = context.interrupted();
  if (interrupted.aborted) return interruptedCode(interrupted);
  const env = { ...context.env, CORRAL_TOKEN: hex(token), CORRAL_PATH: what };
  const code = await runChild(command, { signal, env });
  if (signal.aborted) {
    const reason = signal.reason instanceof Error ? signal.reason.message : 'unknown';
    context.stderr.write(`corral: ${what} is lost (${reason}): the command was ended\n`);
  }
  return signal.aborted && code === 0 ? exitCodes.failed : code;
}

/** The end of the program with the code of the command. */
export function endWith(code: number): void {
  if (code !== 0) throw new ChildEnded(code);
}
