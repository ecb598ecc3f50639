// Groups, barriers, nodes with a time to live, and a lock that is asked for.

import { setTimeout as sleep } from 'node:timers/promises';
import { equal } from '../lib/checks.mjs';
import { becomes } from './partners.mjs';

export async function membership(context) {
  await groups(context);
  await barriers(context);
  await revocation(context);
  await timesToLive(context);
}

async function groups({ checks, partners: { curator, kazoo, corral } }) {
  await checks.check("a group is Curator's GroupMember", async () => {
    const path = '/mixed/group';
    await curator.do('join', { path, name: 'a' });
    await corral.do('join', { path, name: 'b' });
    const data = (from) => `{"from":"${from}"}`;
    await becomes(() => curator.do('members', { path }), { a: data('curator'), b: data('corral') });
    equal(await corral.do('members', { path }), [
      ['a', 'curator'],
      ['b', 'corral'],
    ]);
    await curator.do('leave', { path });
    await becomes(() => corral.do('members', { path }), [['b', 'corral']]);
    await corral.do('leave', { path });
  });
  await checks.check("a group with the names of kazoo is kazoo's Party", async () => {
    const path = '/mixed/party';
    await kazoo.do('join', { path, name: 'a' });
    await corral.do('join', { path, name: 'b', names: 'kazoo' });
    equal(await kazoo.do('members', { path }), ['a', 'b'], 'what kazoo sees');
    const seen = await corral.do('members', { path, names: 'kazoo' });
    equal(
      seen.map(([id]) => id),
      ['a', 'b'],
      'what Corral sees',
    );
    await corral.do('leave', { path });
    equal(await kazoo.do('members', { path }), ['a'], 'what kazoo sees then');
    await kazoo.do('leave', { path });
  });
}

async function barriers({ checks, partners }) {
  const languages = Object.keys(partners);
  for (const raiser of languages) {
    const others = languages.filter((each) => each !== raiser);
    await checks.check(`a barrier that ${raiser} raises holds ${others.join(' and ')} until it is lifted`, async () => {
      const path = `/mixed/barrier-${raiser}`;
      await partners[raiser].do('raise', { path });
      let passed = 0;
      const waiting = others.map((each) => partners[each].do('wait', { path }).then(() => passed++));
      // Long enough for each of them to have looked.
      await sleep(200);
      equal(passed, 0, 'who has passed a barrier that is up');
      await partners[others[0]].do('lift', { path });
      await Promise.all(waiting);
    });
  }
}

async function revocation({ checks, partners: { curator, corral } }) {
  await checks.check("a holder of Corral's hears of Curator's Revoker", async () => {
    const path = '/mixed/revoke-corral';
    const { node } = await corral.do('take', { recipe: 'lock', path });
    const asked = corral.do('revoked', { path });
    await curator.do('revoke', { path: node });
    await asked;
    await corral.do('give', { path });
  });
  await checks.check("a holder of Curator's that is revocable gives way to Corral's requestRevoke", async () => {
    const path = '/mixed/revoke-curator';
    await curator.do('take', { recipe: 'lock', path });
    const next = corral.do('take', { recipe: 'lock', path });
    await corral.do('revoke', { path });
    await next;
    await corral.do('give', { path });
  });
}

async function timesToLive({ checks, partners: { curator, corral }, zk }) {
  const ttl = 1000;
  const data = 'kept';
  for (const [first, second] of [
    [curator, corral],
    [corral, curator],
  ]) {
    const [a, b] = [first.language, second.language];
    await checks.check(
      `a node with a time to live that ${a} leaves to ${b} stays, and goes when nobody cares`,
      async () => {
        const path = `/mixed/ttl-${a}`;
        for (const each of [first, second]) await each.do('keep', { path, data, ttl });
        await first.do('leave', { path });
        // Servers look every second here.
        await sleep(ttl + 2000);
        equal(await zk.getText(path), data, 'the node that one of them keeps');
        await second.do('leave', { path });
        await becomes(async () => (await zk.exists(path)) === null, true);
      },
    );
  }
}
