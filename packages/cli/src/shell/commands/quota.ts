// Quotas: setquota, listquota, delquota. A quota is two nodes under /zookeeper/quota, which the server watches over; their
// text is `count=2,bytes=-1=;byteHardLimit=-1;countHardLimit=-1`, where -1 stands for no limit.

import type { CallOptions, Client } from '@corral/client';
import { ZkError } from '@corral/client';
import { quotaLimitsName, quotaStatsName, systemPaths } from '@corral/protocol';
import { checkedPath } from '../command.ts';
import type { Call, ShellCommand } from '../command.ts';
import type { OptionGroup, OptionTable } from '../options.ts';
import { ShellError } from '../shell-error.ts';

interface Quota {
  count: bigint;
  bytes: bigint;
  byteHardLimit: bigint;
  countHardLimit: bigint;
}

/** Options, and the field that each sets. */
const fields = { n: 'count', b: 'bytes', N: 'countHardLimit', B: 'byteHardLimit' } as const;
type Letter = keyof typeof fields;
const letters = Object.keys(fields) as Letter[];
const none = -1n;

const limitsPath = (path: string): string => `${systemPaths.quota}${path}/${quotaLimitsName}`;
const statsPath = (path: string): string => `${systemPaths.quota}${path}/${quotaStatsName}`;

function parseQuota(text: string): Quota {
  const field = (name: string): bigint => BigInt(new RegExp(`(?:^|[,;])${name}=(-?\\d+)`).exec(text)?.[1] ?? -1);
  return {
    count: field('count'),
    bytes: field('bytes'),
    byteHardLimit: field('byteHardLimit'),
    countHardLimit: field('countHardLimit'),
  };
}

/** Old servers know the first half only. */
function quotaText({ count, bytes, byteHardLimit, countHardLimit }: Quota): string {
  const soft = `count=${count},bytes=${bytes}`;
  if (byteHardLimit === none && countHardLimit === none) return `${soft}=;byteHardLimit=-1;countHardLimit=-1`;
  return `${soft}=;byteHardLimit=${byteHardLimit};countHardLimit=${countHardLimit}`;
}

async function textOf(client: Client, path: string, options: CallOptions): Promise<string | null> {
  try {
    return await client.getText(path, options);
  } catch (error) {
    if (ZkError.is(error, 'NoNode')) return null;
    throw error;
  }
}

const options: OptionTable = { n: 'value', b: 'value', N: 'value', B: 'value' };
const required = '[-n num soft quota, -b bytes soft quota, -N num hard quota, -B bytes hard quota]';
const group: OptionGroup = { names: letters };

export const setquota: ShellCommand = {
  name: 'setquota',
  usage: '-n|-b|-N|-B val path',
  options,
  group: { ...group, required },
  words: 1,
  async run(call) {
    const path = call.given.words[0];
    const letter = letters.find((name) => call.given.has(name))!;
    const value = quotaValue(letter, call.given.value(letter)!);
    if (value === null) return call.err('NumberFormatException happens when parsing the option value');
    const isCount = letter === 'n' || letter === 'N';
    if (isCount && value <= 0n) return call.err('the num quota must be greater than zero');
    if (value < 0n) return call.err('the bytes quota must be greater than or equal to zero');
    checkedPath(path);
    if (path.startsWith(systemPaths.quota)) {
      return call.err(`cannot set a quota under the path: ${systemPaths.quota}`);
    }
    await call.link.call(path, async (client, callOptions) => {
      await checkTarget(client, path, callOptions);
      await raise(call, client, path, { [fields[letter]]: value }, callOptions);
    });
  },
};

/** Counts are of 32 bits, bytes of 64. */
function quotaValue(letter: Letter, text: string): bigint | null {
  if (!/^[+-]?\d+$/.test(text)) return null;
  const value = BigInt(text);
  return BigInt.asIntN(letter === 'n' || letter === 'N' ? 32 : 64, value) === value ? value : null;
}

/** There is one quota on the way from the root to any leaf. */
async function checkTarget(client: Client, path: string, callOptions: CallOptions): Promise<void> {
  if ((await client.exists(path, callOptions)) === null) throw new ShellError(`${path} does not exist.`);
  for (let at = path.lastIndexOf('/'); at > 0; at = path.lastIndexOf('/', at - 1)) {
    const above = path.slice(0, at);
    if ((await client.exists(limitsPath(above), callOptions)) !== null) {
      throw new ShellError(`${path} has a parent ${above} which has a quota`);
    }
  }
  const below = await quotaBelow(client, path, callOptions);
  if (below !== null) throw new ShellError(`${path} has a child ${below} which has a quota`);
}

async function quotaBelow(client: Client, top: string, callOptions: CallOptions): Promise<string | null> {
  const open = [top];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const names = await namesBelow(client, path, callOptions);
    if (path !== top && names.includes(quotaLimitsName)) return path;
    for (const name of names) if (name !== quotaLimitsName && name !== quotaStatsName) open.push(`${path}/${name}`);
  }
  return null;
}

async function namesBelow(client: Client, path: string, callOptions: CallOptions): Promise<readonly string[]> {
  try {
    return (await client.children(`${systemPaths.quota}${path}`, callOptions)).children;
  } catch (error) {
    if (ZkError.is(error, 'NoNode')) return [];
    throw error;
  }
}

async function raise(
  call: Call,
  client: Client,
  path: string,
  change: Partial<Quota>,
  callOptions: CallOptions,
): Promise<void> {
  const before = await textOf(client, limitsPath(path), callOptions);
  const quota = { ...parseQuota(before ?? ''), ...change };
  if (before !== null) await client.set(limitsPath(path), quotaText(quota), callOptions);
  else {
    await createParents(client, path, callOptions);
    await client.create(limitsPath(path), quotaText(quota), callOptions);
    // The server fills in what it counts.
    await client.create(statsPath(path), 'count=0,bytes=0', callOptions);
  }
  const used = parseQuota((await textOf(client, statsPath(path), callOptions)) ?? '');
  for (const [what, limits] of [
    ['count', [quota.count, quota.countHardLimit]],
    ['bytes', [quota.bytes, quota.byteHardLimit]],
  ] as const) {
    if (limits.some((limit) => limit !== none && limit < used[what])) {
      call.out(`[Warning]: the ${what} quota you create is less than the existing ${what}:${used[what]}`);
    }
  }
}

/** Looks before it creates: a refused creation would leave its mark in the history of the ensemble. */
async function createParents(client: Client, path: string, callOptions: CallOptions): Promise<void> {
  for (let at = path.indexOf('/', 1); ; at = path.indexOf('/', at + 1)) {
    const parent = `${systemPaths.quota}${at < 0 ? path : path.slice(0, at)}`;
    if ((await client.exists(parent, callOptions)) === null) await client.create(parent, null, callOptions);
    if (at < 0) return;
  }
}

export const listquota: ShellCommand = {
  name: 'listquota',
  usage: 'path',
  options: {},
  words: 1,
  async run(call) {
    const path = call.given.words[0];
    call.err(`absolute path is ${limitsPath(path)}`);
    await call.link.call(path, async (client, callOptions) => {
      const limits = path.startsWith('/') ? await textOf(client, limitsPath(path), callOptions) : null;
      if (limits === null) return call.err(`quota for ${path} does not exist.`);
      call.out(`Output quota for ${path} ${quotaText(parseQuota(limits))}`);
      const used = await textOf(client, statsPath(path), callOptions);
      if (used !== null) call.out(`Output stat for ${path} ${used}`);
    });
  },
};

export const delquota: ShellCommand = {
  name: 'delquota',
  usage: '[-n|-b|-N|-B] path',
  options: { n: 'flag', b: 'flag', N: 'flag', B: 'flag' },
  group,
  words: 1,
  async run(call) {
    const path = call.given.words[0];
    const letter = letters.find((name) => call.given.has(name));
    await call.link.call(path, async (client, callOptions) => {
      const limits = path.startsWith('/') ? await textOf(client, limitsPath(path), callOptions) : null;
      if (limits === null) return call.out(`Quota does not exist for ${path}`);
      if (letter !== undefined) {
        const quota = { ...parseQuota(limits), [fields[letter]]: none };
        await client.set(limitsPath(path), quotaText(quota), callOptions);
        return;
      }
      await client.delete(limitsPath(path), callOptions);
      await client.delete(statsPath(path), callOptions);
      await trim(client, path, callOptions);
    });
  },
};

/** Removes what the quota leaves behind: empty nodes up to the top. */
async function trim(client: Client, path: string, callOptions: CallOptions): Promise<void> {
  for (let at = path.length; at > 0; at = path.lastIndexOf('/', at - 1)) {
    const parent = `${systemPaths.quota}${path.slice(0, at)}`;
    if ((await client.exists(parent, callOptions))?.numChildren !== 0) return;
    await client.delete(parent, callOptions);
  }
}
