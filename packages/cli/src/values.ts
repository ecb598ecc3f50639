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

/** A whole number from 0 on. */
export function parseCount(text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new UsageError(`"${text}" is not a whole number`);
}

const unitBytes: Readonly<Record<string, number>> = { '': 1, k: 1000, m: 1_000_000, g: 1_000_000_000 };

/** `100`, `64k`, `1.5M`. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([kmg]?)b?$/i.exec(text);
  if (match === null) throw new UsageError(`"${text}" is not a size such as 100, 64k or 1M`);
  return Math.round(Number(match[1]) * unitBytes[match[2].toLowerCase()]);
}

/** All of standard input, or of a file, as text. */
export async function readText(argument: string, context: Context): Promise<string> {
  const bytes = argument === '-' ? await readAll(context.stdin) : await context.readFile(argument);
  return Buffer.from(bytes).toString();
}
