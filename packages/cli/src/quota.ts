// Quotas. A quota is two nodes under /zookeeper/quota, which the server watches over; their text is
// `count=2,bytes=-1=;byteHardLimit=-1;countHardLimit=-1`, where -1 stands for no limit.

import type { CallOptions, Client } from '@corral/client';
import { quotaLimitsName, quotaStatsName, systemPaths } from '@corral/protocol';
import { ifThere } from './tree.ts';

export interface Quota {
  readonly count: bigint;
  readonly bytes: bigint;
  readonly byteHardLimit: bigint;
  readonly countHardLimit: bigint;
}

export const noLimit = -1n;
export const limitsPath = (path: string): string => `${systemPaths.quota}${path}/${quotaLimitsName}`;
export const statsPath = (path: string): string => `${systemPaths.quota}${path}/${quotaStatsName}`;

export function parseQuota(text: string): Quota {
  const field = (name: string): bigint => BigInt(new RegExp(`(?:^|[,;])${name}=(-?\\d+)`).exec(text)?.[1] ?? -1);
  return {
    count: field('count'),
    bytes: field('bytes'),
    byteHardLimit: field('byteHardLimit'),
    countHardLimit: field('countHardLimit'),
  };
}

/** Old servers read the first half only. */
export const quotaText = ({ count, bytes, byteHardLimit, countHardLimit }: Quota): string =>
  `count=${count},bytes=${bytes}=;byteHardLimit=${byteHardLimit};countHardLimit=${countHardLimit}`;

/** The limits and what is used of them; null where there is no quota. */
export async function readQuota(client: Client, path: string, call: CallOptions) {
  const limits = await ifThere(client.getText(limitsPath(path), call));
  if (limits === null) return null;
  const usage = (await ifThere(client.getText(statsPath(path), call))) ?? '';
  return { limits: parseQuota(limits), usage };
}

/** There is at most one quota on the way from the root to any leaf: the path and the node that has one already. */
export async function conflictingQuota(client: Client, path: string, call: CallOptions): Promise<string | null> {
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    const above = path.slice(0, at);
    if ((await client.exists(limitsPath(above), call)) !== null)
      return `${path} has a parent ${above} which has a quota`;
  }
  const found = await quotaBelow(client, path, call);
  return found === null ? null : `${path} has a child ${found} which has a quota`;
}

async function quotaBelow(client: Client, top: string, call: CallOptions): Promise<string | null> {
  const open = [top];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const names = (await ifThere(client.children(`${systemPaths.quota}${path}`, call)))?.children ?? [];
    if (path !== top && names.includes(quotaLimitsName)) return path;
    for (const name of names) if (name !== quotaLimitsName && name !== quotaStatsName) open.push(`${path}/${name}`);
  }
  return null;
}

/** Changes some limits and leaves the others as they are; resolves to all of them. */
export async function changeQuota(
  client: Client,
  path: string,
  change: Partial<Quota>,
  call: CallOptions,
): Promise<Quota> {
  const before = await ifThere(client.getText(limitsPath(path), call));
  const quota = { ...parseQuota(before ?? ''), ...change };
  if (before !== null) await client.set(limitsPath(path), quotaText(quota), call);
  else {
    await createParents(client, path, call);
    await client.create(limitsPath(path), quotaText(quota), call);
    // The server fills in what it counts.
    await client.create(statsPath(path), 'count=0,bytes=0', call);
  }
  return quota;
}

/** Looks before it creates: a refused creation would leave its mark in the history of the ensemble. */
async function createParents(client: Client, path: string, call: CallOptions): Promise<void> {
  for (let at = path.indexOf('/', 1); ; at = path.indexOf('/', at + 1)) {
    const parent = `${systemPaths.quota}${at < 0 ? path : path.slice(0, at)}`;
    if ((await client.exists(parent, call)) === null) await client.create(parent, null, call);
    if (at < 0) return;
  }
}

/** Removes a quota, and the nodes up to the top that it leaves empty. */
export async function removeQuota(client: Client, path: string, call: CallOptions): Promise<void> {
  await client.delete(limitsPath(path), call);
  await client.delete(statsPath(path), call);
  for (let at = path.length; at > 0; at = path.lastIndexOf('/', at - 1)) {
    const parent = `${systemPaths.quota}${path.slice(0, at)}`;
    if ((await client.exists(parent, call))?.numChildren !== 0) return;
    await client.delete(parent, call);
  }
}
