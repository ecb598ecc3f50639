// A member whose history is damaged on its disk, as a process: it keeps the damaged files, takes no part in any decision,
// and gets everything from the others. Where those are not enough, it refuses to start.

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Ensemble, until } from './ensemble.ts';
import type { Member } from './ensemble.ts';

let ensemble: Ensemble | undefined;

afterEach(async () => {
  await ensemble?.close();
  ensemble = undefined;
});

const historyOf = (member: Member): string => join(member.dir, 'data', 'version-2');

async function write(member: Member, from: number, to: number): Promise<void> {
  const client = await member.client();
  for (let at = from; at < to; at++) expect(await client.create(`/n${at}`, `value ${at}`)).toMatchObject({ err: 0 });
  client.socket.destroy();
}

/** Changes a byte in the middle of the transactions of the newest log. */
function flip(member: Member, value: string): { file: string; offset: number } {
  const dir = historyOf(member);
  const logs = readdirSync(dir).filter((name) => name.startsWith('log.'));
  const file = join(
    dir,
    logs.find((name) => readFileSync(join(dir, name)).includes(value))!,
  );
  const bytes = readFileSync(file);
  const offset = bytes.indexOf(value);
  bytes[offset] ^= 1;
  writeFileSync(file, bytes);
  return { file, offset };
}

/** What a member shows of all that was written, when it has caught up. */
async function texts(member: Member, count: number): Promise<(string | undefined)[]> {
  const client = await member.client();
  await client.sync();
  const found: (string | undefined)[] = [];
  for (let at = 0; at < count; at++) found.push(await client.text(`/n${at}`));
  client.socket.destroy();
  return found;
}

const expected = (count: number): string[] => Array.from({ length: count }, (_, at) => `value ${at}`);

it('sets the damaged files aside, has no vote, and gets everything from the others', async () => {
  ensemble = await Ensemble.start(3, { 'fastleader.minNotificationInterval': 50 });
  const leader = await ensemble.whole();
  const [damaged, away] = ensemble.others(leader);
  await write(leader, 0, 20);
  // From here on only the leader and the one that will be damaged have it all.
  await away.stop('SIGKILL');
  await write(leader, 20, 40);
  await damaged.stop('SIGKILL');
  await leader.stop('SIGKILL');
  const { file, offset } = flip(damaged, 'value 25');

  damaged.launch();
  away.launch();
  await until(() => damaged.output.includes('THE HISTORY OF THIS SERVER IS DAMAGED'));
  const line = damaged.output.split('\n').find((each) => each.includes('IS DAMAGED'))!;
  expect(line).toContain(file);
  // It says what it is going to do before it does it; this is what it logs when it is done.
  await until(() => damaged.output.includes('has lost its history'));
  const aside = readdirSync(historyOf(damaged)).filter((name) => name.startsWith('damaged-'));
  expect(aside).toHaveLength(1);
  const kept = join(historyOf(damaged), aside[0], file.slice(file.lastIndexOf('/') + 1));
  expect(readFileSync(kept).subarray(offset).toString()).toMatch(/^walue 25/);
  // These two are a majority in numbers, and do not know what was decided.
  expect([await damaged.mode(), await away.mode()]).toEqual([undefined, undefined]);

  leader.launch();
  expect(await ensemble.whole()).toBe(leader);
  await until(() => leader.output.includes(`"sid":${damaged.sid},"kind":"SNAP"`));
  for (const member of ensemble.members) expect(await texts(member, 40)).toEqual(expected(40));
  expect(readFileSync(join(historyOf(damaged), 'currentEpoch'), 'utf8')).toMatch(/^\d+$/);

  // It votes again: with the leader gone it is one of the two that go on.
  await leader.stop('SIGKILL');
  await ensemble.whole();
  await write(damaged, 40, 45);
  expect(await texts(away, 45)).toEqual(expected(45));
});

it.each([
  ['where that is switched off', 3, { setAsideDamage: false }],
  ['as one of two voters, of which each is needed', 2, {}],
])('refuses to start %s', async (_, count, settings) => {
  ensemble = await Ensemble.start(count, settings);
  await write(await ensemble.whole(), 0, 20);
  const damaged = ensemble.members[0];
  for (const member of ensemble.members) await member.stop('SIGKILL');
  const { file } = flip(damaged, 'value 7');
  const before = readFileSync(file);
  damaged.launch();
  await until(() => !damaged.isRunning);
  expect(damaged.child?.exitCode).not.toBe(0);
  expect(damaged.output).toContain('What to do');
  expect(readFileSync(file)).toEqual(before);
});
