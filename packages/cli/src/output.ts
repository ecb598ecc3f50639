// How data is printed. JSON is a stable interface: zxids and session ids are hex strings, times are ISO 8601, data is
// text where it is valid UTF-8 and base64 where it is not.

import type { Data, Stat } from '@corral/client';
import type { Context } from './context.ts';
import { harmless } from './terminal.ts';

export const outputFormats = ['text', 'table', 'json', 'ndjson', 'yaml'] as const;
export type OutputFormat = (typeof outputFormats)[number];

export const hex = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}`;

export const statJson = (stat: Stat) => ({
  czxid: hex(stat.czxid),
  mzxid: hex(stat.mzxid),
  pzxid: hex(stat.pzxid),
  ctime: stat.ctime.toISOString(),
  mtime: stat.mtime.toISOString(),
  version: stat.version,
  cversion: stat.cversion,
  aversion: stat.aversion,
  ephemeralOwner: hex(stat.ephemeralOwner),
  dataLength: stat.dataLength,
  numChildren: stat.numChildren,
});

export function dataJson({ data, hasData }: Pick<Data, 'data' | 'hasData'>) {
  if (!hasData) return { data: null, encoding: 'utf8' } as const;
  try {
    return { data: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(data), encoding: 'utf8' } as const;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { data: Buffer.from(data).toString('base64'), encoding: 'base64' } as const;
  }
}

/** What a command found: a value with a documented shape, its rows when it is a list, and how people read it. */
export interface Report {
  readonly value: object;
  /** The items of a list: lines of `ndjson`, rows of a `table`. */
  readonly rows?: readonly object[];
  readonly text: () => string;
}

export async function report(context: Context, format: OutputFormat, { value, rows, text }: Report): Promise<void> {
  if (format === 'text') context.stdout.write(text());
  else if (rows !== undefined && format === 'table') context.stdout.write(await table(rows));
  else if (rows !== undefined && format === 'ndjson') for (const item of rows) await printJson(context, format, item);
  else await printJson(context, format, value);
}

/** One value: indented for `json`, on one line for `ndjson`, a document for `yaml`. */
export async function printJson(context: Context, format: OutputFormat, value: object): Promise<void> {
  if (format === 'yaml') context.stdout.write(Buffer.from(`---\n${(await import('yaml')).stringify(value)}`));
  else if (format === 'table') context.stdout.write(await table([value]));
  else context.stdout.write(`${JSON.stringify(value, null, format === 'json' ? 2 : 0)}\n`);
}

/** Columns are the fields of the rows; one row alone stands upright. */
async function table(rows: readonly object[]): Promise<string> {
  const { default: Table } = await import('cli-table3');
  const cell = (value: unknown): string =>
    typeof value === 'string' ? harmless(value) : value === undefined || value === null ? '' : JSON.stringify(value);
  const style = { head: [], border: [] };
  if (rows.length === 1) {
    const upright = new Table({ style });
    upright.push(...Object.entries(rows[0]).map(([name, value]) => [name, cell(value)]));
    return `${upright.toString()}\n`;
  }
  const head = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const level = new Table({ head, style });
  level.push(...rows.map((row) => head.map((name) => cell((row as Readonly<Record<string, unknown>>)[name]))));
  return `${level.toString()}\n`;
}

export function statText(stat: Stat): string {
  const rows: readonly (readonly [string, string | number])[] = [
    ['cZxid', hex(stat.czxid)],
    ['ctime', stat.ctime.toISOString()],
    ['mZxid', hex(stat.mzxid)],
    ['mtime', stat.mtime.toISOString()],
    ['pZxid', hex(stat.pzxid)],
    ['cversion', stat.cversion],
    ['dataVersion', stat.version],
    ['aclVersion', stat.aversion],
    ['ephemeralOwner', hex(stat.ephemeralOwner)],
    ['dataLength', stat.dataLength],
    ['numChildren', stat.numChildren],
  ];
  return rows.map(([name, value]) => `${name} = ${value}\n`).join('');
}
