// The four-letter words, asked of every server of the command line, or of their AdminServers.

import { parseAddress } from '@corral/client';
import type { Endpoint } from '@corral/client';
import { adminAddresses, askCommand } from './cluster/admin.ts';
import type { Answer } from './cluster/admin.ts';
import { fourLetterWord } from './cluster/ask.ts';
import type { Context } from './context.ts';
import { CodedError, UsageError } from './exit-codes.ts';
import { line } from './verb.ts';
import type { GlobalOptions } from './with-client.ts';

export interface WordAnswer {
  readonly server: string;
  /** As the word answers, or null when the AdminServer answered. */
  readonly text: string | null;
  readonly json: Answer | null;
}

const askMsMax = 5000;
const shown = ({ host, port }: Endpoint): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

export interface Heard {
  readonly answers: readonly WordAnswer[];
  /** Why the others say nothing. */
  readonly silent: readonly UnreachableServer[];
}

export async function askWord(word: string, globals: GlobalOptions, admin?: string): Promise<Heard> {
  const address = parseAddress(globals.server);
  const askMs = Math.min(globals.timeout, askMsMax);
  const asked =
    admin === undefined
      ? address.endpoints.map((endpoint) => askOne(word, endpoint, askMs))
      : adminAddresses(admin, address).map(async (one): Promise<WordAnswer> => {
          const { at, answer, reason } = await askCommand(one, word, askMs);
          if (answer === null) throw new UnreachableServer('ConnectFailed', `${at}: ${reason ?? 'no answer'}`);
          return { server: at, text: null, json: answer };
        });
  const heard = await Promise.all(asked.map((one) => one.catch(unreachable)));
  return {
    answers: heard.filter((one): one is WordAnswer => !(one instanceof UnreachableServer)),
    silent: heard.filter((one) => one instanceof UnreachableServer),
  };
}

function unreachable(error: unknown): UnreachableServer {
  if (error instanceof UnreachableServer) return error;
  throw error;
}

/** After the answers of the others: a line for each server that gave none, the last one as the end of the program. */
export function failIfSilent(silent: readonly UnreachableServer[], { stderr }: Context): void {
  const last = silent.at(-1);
  if (last === undefined) return;
  for (const { message } of silent.slice(0, -1)) stderr.write(line(`corral: ${message}`));
  throw last;
}

async function askOne(word: string, endpoint: Endpoint, askMs: number): Promise<WordAnswer> {
  const server = shown(endpoint);
  const text = await fourLetterWord(word, endpoint, askMs).catch((error: unknown) => {
    throw new UnreachableServer('ConnectFailed', `${server}: ${(error as Error).message}`, { cause: error });
  });
  if (!text.includes('is not in the whitelist')) return { server, text, json: null };
  const advice = `set 4lw.commands.whitelist=${word} there, or ask its AdminServer: --admin ${endpoint.host}:8080`;
  throw new UsageError(`${server} does not answer ${word}: ${advice}`);
}

class UnreachableServer extends CodedError {
  override readonly name = 'UnreachableServer';
}

const pairPattern = /^([\w. /-]+?)(?:\t|=|: )(.*)$/;

/** `name value` in whatever way the word writes it; what is no pair (`imok`) comes as it is in `lines`. */
export function fieldsOf(text: string): Record<string, string | number | readonly string[]> {
  const all = text.split('\n').filter((line) => line.trim() !== '');
  const pairs = all.map((line) => pairPattern.exec(line)).filter((pair) => pair !== null);
  const others = all.filter((line) => !pairPattern.test(line));
  const fields = Object.fromEntries(pairs.map(([, name, value]) => [name.trim(), asNumber(value.trim())]));
  return others.length === 0 ? fields : { ...fields, lines: others };
}

const asNumber = (text: string): string | number => (/^-?\d{1,15}(\.\d+)?$/.test(text) ? Number(text) : text);
