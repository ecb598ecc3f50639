// How data is printed. JSON is a stable interface: zxids and session ids are hex strings, times are ISO 8601, data is
// text where it is valid UTF-8 and base64 where it is not.

import type { Data, Stat } from '@corral/client';
import type { Context } from './context.ts';

export type OutputFormat = 'text' | 'json' | 'ndjson';

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

/** One value: indented for `json`, on one line for `ndjson`. */
export function printJson(context: Context, format: OutputFormat, value: unknown): void {
  context.stdout.write(`${JSON.stringify(value, null, format === 'json' ? 2 : 0)}\n`);
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
