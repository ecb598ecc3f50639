// Values as people write them on a command line.

import type { Context } from './context.ts';
import { UsageError } from './exit-codes.ts';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `500ms`, `5s`, `2m`, `1h`; a bare number is milliseconds, as in every setting of ZooKeeper. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  const ms = match === null ? 0 : Number(match[1]) * unitMs[match[2] ?? 'ms'];
  if (ms > 0) return Math.ceil(ms);
  throw new UsageError(`"${text}" is not a time such as 500ms, 5s or 2m`);
}

export function parseVersion(text: string): number | 'any' {
  if (text === 'any') return 'any';
  if (/^-?\d+$/.test(text)) return Number(text);
  throw new UsageError(`"${text}" is not a version: give a number or any`);
}

/** `-` is standard input, `@file` a file, `@@x` the text `@x`; anything else is the data itself. */
export async function readData(argument: string, context: Context): Promise<Uint8Array | string> {
  if (argument === '-') return readAll(context.stdin);
  if (argument.startsWith('@@')) return argument.slice(1);
  if (argument.startsWith('@')) return context.readFile(argument.slice(1));
  return argument;
}

async function readAll(input: AsyncIterable<Uint8Array | string>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of input) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
  return Buffer.concat(chunks);
}
