// Quotas, in zkCli's words: setquota, listquota, delquota.

import { systemPaths } from '@corral/protocol';
import {
  changeQuota,
  conflictingQuota,
  limitsPath,
  noLimit,
  parseQuota,
  quotaText,
  readQuota,
  removeQuota,
} from '../../quota.ts';
import type { Quota } from '../../quota.ts';
import { checkedPath } from '../command.ts';
import type { Call, ShellCommand } from '../command.ts';
import type { OptionGroup, OptionTable } from '../options.ts';
import { ShellError } from '../shell-error.ts';

/** Options, and the field that each sets. */
const fields = { n: 'count', b: 'bytes', N: 'countHardLimit', B: 'byteHardLimit' } as const;
type Letter = keyof typeof fields;
const letters = Object.keys(fields) as Letter[];

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
      if ((await client.exists(path, callOptions)) === null) throw new ShellError(`${path} does not exist.`);
      const conflict = await conflictingQuota(client, path, callOptions);
      if (conflict !== null) throw new ShellError(conflict);
      const quota = await changeQuota(client, path, { [fields[letter]]: value }, callOptions);
      warn(call, quota, parseQuota((await readQuota(client, path, callOptions))?.usage ?? ''));
    });
  },
};

/** Counts are of 32 bits, bytes of 64. */
function quotaValue(letter: Letter, text: string): bigint | null {
  if (!/^[+-]?\d+$/.test(text)) return null;
  const value = BigInt(text);
  return BigInt.asIntN(letter === 'n' || letter === 'N' ? 32 : 64, value) === value ? value : null;
}

function warn(call: Call, quota: Quota, used: Quota): void {
  for (const [what, limits] of [
    ['count', [quota.count, quota.countHardLimit]],
    ['bytes', [quota.bytes, quota.byteHardLimit]],
  ] as const) {
    if (limits.some((limit) => limit !== noLimit && limit < used[what])) {
      call.out(`[Warning]: the ${what} quota you create is less than the existing ${what}:${used[what]}`);
    }
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
      const found = path.startsWith('/') ? await readQuota(client, path, callOptions) : null;
      if (found === null) return call.err(`quota for ${path} does not exist.`);
      call.out(`Output quota for ${path} ${quotaText(found.limits)}`);
      if (found.usage !== '') call.out(`Output stat for ${path} ${found.usage}`);
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
      const found = path.startsWith('/') ? await readQuota(client, path, callOptions) : null;
      if (found === null) return call.out(`Quota does not exist for ${path}`);
      if (letter === undefined) return removeQuota(client, path, callOptions);
      await changeQuota(client, path, { [fields[letter]]: noLimit }, callOptions);
    });
  },
};
