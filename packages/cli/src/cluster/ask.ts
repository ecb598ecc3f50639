// What one server says of itself: the four-letter word srvr, which every ZooKeeper answers, or the AdminServer where an
// operator prefers that. A server that does not answer is a fact like any other, never an error.

import { connect } from 'node:net';
import type { Endpoint } from '@corral/client';

export interface Latency {
  readonly min: number;
  readonly avg: number;
  readonly max: number;
}

export interface ServingFacts {
  readonly kind: 'serving';
  /** leader, follower, observer, standalone or read-only, as the server calls it. */
  readonly mode: string;
  readonly zxid: bigint;
  readonly clients: number;
  readonly latencyMs: Latency;
  readonly version: string;
}

export type ServerFacts =
  | ServingFacts
  /** It runs but looks for a leader, is loading, or does not know the question. */
  | { readonly kind: 'not serving'; readonly reason: string }
  | { readonly kind: 'unreachable'; readonly reason: string }
  /** Nobody knows where it serves clients, which says nothing about whether it does. */
  | { readonly kind: 'not asked'; readonly reason: string };

export type Ask = (endpoint: Endpoint) => Promise<ServerFacts>;

const answerBytesMax = 1 << 20;

/** Asks with `srvr` on the client port. */
export async function askServer(endpoint: Endpoint, timeoutMs: number): Promise<ServerFacts> {
  try {
    return readSrvr(await fourLetterWord('srvr', endpoint, timeoutMs));
  } catch (error) {
    const kind = error instanceof NoAnswer ? 'not serving' : 'unreachable';
    return { kind, reason: reasonOf(error, timeoutMs) };
  }
}

/** Somebody is there and has nothing to say. */
class NoAnswer extends Error {
  override readonly message = 'it closes the connection without an answer';
}

export function fourLetterWord(word: string, { host, port }: Endpoint, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    let answer = '';
    const timer = setTimeout(() => socket.destroy(new TimedOut()), timeoutMs);
    socket.setEncoding('utf8');
    // Not `end`: some servers drop a connection that is closed for writing before they have answered.
    let isConnected = false;
    socket.on('connect', () => {
      isConnected = true;
      socket.write(word);
    });
    socket.on('data', (text: string) => {
      answer += text;
      if (answer.length > answerBytesMax) socket.destroy(new Error('it answers without end'));
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A server may close with a reset: what it said before counts.
      if (answer === '') reject(isConnected && error.code !== 'ETIMEDOUT' ? new NoAnswer() : error);
    });
    socket.on('close', () => {
      clearTimeout(timer);
      if (answer === '') reject(new NoAnswer());
      else resolve(answer);
    });
  });
}

class TimedOut extends Error {
  readonly code = 'ETIMEDOUT';
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'the name is unknown',
  EAI_AGAIN: 'the name cannot be resolved now',
  EHOSTUNREACH: 'no way to that host',
  ENETUNREACH: 'no way to that network',
  ECONNRESET: 'it resets the connection',
};

function reasonOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'AggregateError') return reasonOf((error as AggregateError).errors[0], timeoutMs);
  const code = 'code' in error ? String(error.code) : '';
  if (code === 'ETIMEDOUT' || error.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  if (error.message === 'fetch failed' && error.cause !== undefined) return reasonOf(error.cause, timeoutMs);
  return reasons[code] ?? error.message;
}

/** The text of `srvr`. */
export function readSrvr(text: string): ServerFacts {
  const field = (name: string): string | undefined => new RegExp(`^${name}: *(.*)$`, 'm').exec(text)?.[1];
  const mode = field('Mode');
  const zxid = field('Zxid');
  if (mode === undefined || zxid === undefined || !/^0x[0-9a-f]{1,16}$/i.test(zxid)) {
    if (text.includes('not in the whitelist')) {
      return { kind: 'not serving', reason: 'srvr is not in its 4lw.commands.whitelist; try --admin-port' };
    }
    if (text.includes('not currently serving requests')) return { kind: 'not serving', reason: notServing };
    return { kind: 'not serving', reason: 'it does not answer as a ZooKeeper does' };
  }
  const [min = 0, avg = 0, max = 0] = (field('Latency min/avg/max') ?? '').split('/').map(Number);
  const isReadOnly = text.includes('READ-ONLY mode');
  return {
    kind: 'serving',
    mode: isReadOnly ? 'read-only' : mode.trim(),
    zxid: BigInt(zxid),
    clients: Number(field('Connections') ?? 0),
    latencyMs: { min, avg, max },
    version: shortVersion(field('Zookeeper version') ?? ''),
  };
}

const notServing = 'it runs, but serves no clients: it looks for a leader or is loading';

/** Without the commit and the date of the build. */
const shortVersion = (version: string): string => version.split(',', 1)[0].replace(/-[0-9a-f]{40}$/, '');

interface AdminAnswer {
  readonly version?: string;
  readonly read_only?: boolean;
  readonly error?: string | null;
  readonly server_stats?: Readonly<Record<string, unknown>>;
}

/** Asks the AdminServer at `adminPort` of the same host. */
export async function askAdmin({ host }: Endpoint, adminPort: number, timeoutMs: number): Promise<ServerFacts> {
  const shownHost = host.includes(':') ? `[${host}]` : host;
  try {
    const response = await fetch(`http://${shownHost}:${adminPort}/commands/server_stats`, {
      signal: AbortSignal.timeout(timeoutMs),
    });
    return readAdmin((await response.json()) as AdminAnswer);
  } catch (error) {
    return { kind: 'unreachable', reason: `AdminServer on port ${adminPort}: ${reasonOf(error, timeoutMs)}` };
  }
}

export function readAdmin({ version = '', read_only, error, server_stats: stats }: AdminAnswer): ServerFacts {
  const zxid = stats?.['last_processed_zxid'];
  if (stats === undefined || (typeof zxid !== 'string' && typeof zxid !== 'number')) {
    const silent = error === undefined || error === null || /not (currently serving|initialized)/.test(error);
    return { kind: 'not serving', reason: silent ? notServing : error };
  }
  const number = (name: string): number => Number(stats[name] ?? 0);
  return {
    kind: 'serving',
    mode: read_only === true ? 'read-only' : String(stats['server_state']),
    zxid: BigInt(zxid),
    clients: number('num_alive_client_connections'),
    latencyMs: { min: number('min_latency'), avg: number('avg_latency'), max: number('max_latency') },
    version: shortVersion(version),
  };
}
