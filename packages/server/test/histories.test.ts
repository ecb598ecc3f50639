// Members whose data is not that of their ensemble, as processes: an ensemble that was begun anew while one was away, one that
// was run alone by mistake, one that lost the list of members. Never merged, never two answers for one question.

import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Ensemble, Member, configure, until } from './ensemble.ts';
import { freePorts } from './free-ports.ts';

const settings = { 'fastleader.minNotificationInterval': 50 };
let ensemble: Ensemble | undefined;

afterEach(async () => {
  await ensemble?.close();
  ensemble = undefined;
});

const dataOf = (member: Member): string => join(member.dir, 'data');

async function create(member: Member, ...paths: string[]): Promise<void> {
  const client = await member.client();
  for (const path of paths) expect(await client.create(path, path)).toMatchObject({ err: 0 });
  client.socket.destroy();
}

/** Which of these nodes a member shows when it has caught up. */
async function seen(member: Member, ...paths: string[]): Promise<(string | undefined)[]> {
  const client = await member.client();
  await client.sync();
  const texts: (string | undefined)[] = [];
  for (const path of paths) texts.push(await client.text(path));
  client.socket.destroy();
  return texts;
}

/** It says whose data it has, and serves nobody; as its log advises, the data is moved away, and it gets that of the others. */
async function isKeptOut(member: Member): Promise<void> {
  const from = member.output.length;
  member.launch();
  await until(() => member.output.includes('THE HISTORY OF THIS SERVER IS NOT THE ONE OF ITS ENSEMBLE', from));
  expect(await member.mode()).toBeUndefined();
}

async function joinsWithNothing(member: Member): Promise<void> {
  await member.stop('SIGTERM');
  renameSync(join(dataOf(member), 'version-2'), join(member.dir, 'aside'));
  member.launch();
  await ensemble!.whole();
}

it('a member of the ensemble that was before is kept out of the one that was begun anew', async () => {
  ensemble = await Ensemble.start(3, settings);
  const [one, two, old] = ensemble.members;
  await create(one, '/before', '/before/more', '/before/most');
  for (const member of ensemble.members) await member.stop('SIGKILL');
  for (const member of [one, two]) {
    rmSync(join(dataOf(member), 'version-2'), { recursive: true });
    writeFileSync(join(dataOf(member), 'initialize'), '');
    member.launch();
  }
  await ensemble.whole();
  await create(one, '/anew');
  await isKeptOut(old);
  await create(two, '/anew/on');
  for (const member of [one, two])
    expect(await seen(member, '/before', '/anew', '/anew/on')).toEqual([undefined, '/anew', '/anew/on']);
  await joinsWithNothing(old);
  expect(await seen(old, '/before', '/anew', '/anew/on')).toEqual([undefined, '/anew', '/anew/on']);
});

it('a member that was run alone by mistake is told so at once, and is not taken back with what it wrote', async () => {
  ensemble = await Ensemble.start(3, settings);
  const leader = await ensemble.whole();
  const [astray, other] = ensemble.others(leader);
  await create(leader, '/shared');
  await astray.stop('SIGTERM');

  const [clientPort] = await freePorts(1);
  const dir = join(ensemble.dir, 'alone');
  mkdirSync(join(dir, 'data'), { recursive: true });
  const alone = new Member(astray.sid, dir, [clientPort, 0, 0]);
  configure(alone, { ...settings, dataDir: dataOf(astray) }, []);
  alone.launch();
  await until(() => alone.output.includes('serving clients'));
  expect(alone.output).toContain('THIS DATA IS THAT OF A MEMBER of an ensemble');
  await create(alone, '/only-here', '/only-here-too');
  await alone.stop('SIGTERM');

  await create(other, '/meanwhile');
  await isKeptOut(astray);
  await create(other, '/then');
  await joinsWithNothing(astray);
  for (const member of ensemble.members)
    expect(await seen(member, '/shared', '/only-here', '/meanwhile', '/then')).toEqual([
      '/shared',
      undefined,
      '/meanwhile',
      '/then',
    ]);
});

it.each([
  ['empty', ''],
  ['cut', 'server.1=127.0.0.1:1:2:participant;127.0.0.1:3\nserv'],
  ['a version and nothing else', 'version=100000000\n'],
])('a member whose list of members is %s does not serve alone', async (_, text) => {
  ensemble = await Ensemble.start(3, settings);
  const [one, , lost] = ensemble.members;
  await create(one, '/shared');
  await lost.stop('SIGTERM');
  const file = join(lost.dir, 'zoo.cfg.dynamic');
  writeFileSync(file, text);
  configure(lost, { ...settings, dynamicConfigFile: file, standaloneEnabled: false }, []);
  const child = lost.launch();
  expect((await once(child, 'exit'))[0]).toBeGreaterThan(0);
  expect(lost.output).toContain('zoo.cfg.dynamic');
  await create(one, '/goes-on');
});
