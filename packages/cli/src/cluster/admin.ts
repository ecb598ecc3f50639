// The AdminServers of an ensemble, for what no four-letter word says: who accepted a write when, and to ask a leader to let
// another server lead.

import type { Address, Endpoint } from '@corral/client';
import { UsageError } from '../exit-codes.ts';
import type { Target } from '../target.ts';

export type Answer = Readonly<Record<string, unknown>> & { readonly error?: string | null };

/** What one AdminServer said, or why it said nothing. */
export interface Heard {
  readonly at: string;
  readonly answer: Answer | null;
  readonly reason: string | null;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

const defaultPort = 8080;

/** `host:port` or `host`, with commas between; without any, the usual port on the hosts of --server. */
export function adminAddresses(text: string | undefined, { endpoints }: Address): Endpoint[] {
  if (text === undefined)
    return [...new Set(endpoints.map(({ host }) => host))].map((host) => ({ host, port: defaultPort }));
  return text.split(',').map((part) => {
    const [, bracketed, bare, port] = /^(?:\[([0-9a-f:.]+)\]|([^:\s]+))(?::(\d{1,5}))?$/i.exec(part.trim()) ?? [];
    const host = bracketed ?? bare;
    if (host === undefined) throw new UsageError(`--admin ${part}: expected host:port, an IPv6 address in brackets`);
    return { host, port: port === undefined ? defaultPort : Number(port) };
  });
}

export const shown = ({ host, port }: Endpoint): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

export async function askCommand(
  endpoint: Endpoint,
  command: string,
  timeoutMs: number,
  init: RequestInit = {},
  request: Fetch = fetch,
): Promise<Heard> {
  const at = shown(endpoint);
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await request(`http://${at}/commands/${command}`, { ...init, signal });
    return { at, answer: parseAnswer(await response.text()), reason: null };
  } catch (error) {
    return { at, answer: null, reason: reasonOf(error, timeoutMs) };
  }
}

/** Ids of sessions have more digits than a number holds: whole numbers that are too long come as text. */
const parseAnswer = (text: string): Answer =>
  JSON.parse(text.replace(/(?<=[:[,]\s*)(-?\d{16,19})(?=\s*[,\]}])/g, '"$1"')) as Answer;

function reasonOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs / 1000} s`;
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  return code === 'ECONNREFUSED' ? 'nothing listens there' : cause instanceof Error ? cause.message : error.message;
}

/** Who asks, as the Authorization header says it: the first identity of the command line, or nobody in particular. */
export function authorizationOf(
  { target }: { readonly target: Pick<Target, 'auth'> },
  { credentials }: Pick<Address, 'credentials'>,
): string {
  const [first] = target.auth;
  if (first !== undefined)
    return `${first.scheme} ${typeof first.id === 'string' ? first.id : Buffer.from(first.id).toString()}`;
  return credentials === null ? 'ip' : `digest ${credentials}`;
}
