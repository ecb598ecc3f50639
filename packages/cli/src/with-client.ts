// Runs a command's work on a client: connects, limits the time, and closes whatever happens.

import type { Command } from 'commander';
import type { CallOptions, Client, RetryDelay } from '@corral/client';
import type { OutputFormat } from './output.ts';
import type { Target } from './target.ts';

export interface GlobalOptions {
  readonly server: string;
  readonly output: OutputFormat;
  /** Milliseconds. */
  readonly timeout: number;
  /** Questions are answered with yes. */
  readonly yes: boolean;
  /** False for --no-color. */
  readonly color: boolean;
  /** What run.ts made of --server, --context and --auth. */
  readonly target: Target;
}

export const globalsOf = (command: Command): GlobalOptions => command.optsWithGlobals<GlobalOptions>();

/** A person waits: one round over all servers, then say what is wrong. */
const oneRound: RetryDelay = (attempt) => (attempt === 0 ? 0 : null);

export interface Task {
  readonly client: Client;
  /** Time limit for every call. */
  readonly call: CallOptions;
}

export async function withClient<T>(
  { target, timeout }: Pick<GlobalOptions, 'target' | 'timeout'>,
  lifetime: 'one command' | 'until interrupted',
  work: (task: Task) => Promise<T>,
): Promise<T> {
  const { connect } = await import('@corral/client');
  const retry = lifetime === 'one command' ? { retry: oneRound } : {};
  const tls = target.tls === undefined ? {} : { tls: target.tls };
  const client = await connect(target.server, { timeout, auth: target.auth, ...tls, ...retry });
  try {
    return await work({ client, call: { timeout } });
  } finally {
    await client.close();
  }
}
