// Holders that vanish: one process of each language holds a lock, leads and is registered, and is killed. Those of the other
// languages stand in line and get both, one after the other, and see the instance go.

import { equal, truthy } from '../lib/checks.mjs';
import { sees, services } from './discovery.mjs';
import { inLine, startPartners } from './partners.mjs';

const victimTimeoutMs = 5000;

/** All with Curator's names: that is the line that all three can stand in. */
const recipes = {
  lock: { curator: 'lock', kazoo: 'curator lock', corral: 'lock' },
  election: { curator: 'election', kazoo: 'curator election', corral: 'election' },
};

const registering = [
  { from: 'curator', to: 'corral' },
  { from: 'corral', to: 'curator' },
];

export async function loss({ checks, partners, hosts, zk }) {
  const victims = await startPartners(hosts, victimTimeoutMs);
  try {
    const killed = Object.keys(victims).flatMap((who) =>
      Object.keys(recipes).map((kind) => ({ who, kind, path: `/mixed/loss/${kind}-${who}` })),
    );
    const lines = await Promise.all(killed.map((each) => standInLine(each, { victims, partners, zk })));
    await checks.check('nobody is let in beside a holder or a leader that lives', () => {
      for (const { name, waiting } of lines) truthy(!waiting.some(({ isIn }) => isIn), name);
    });
    await Promise.all(registering.map(({ from, to }) => register(victims[from], partners[to])));
    await Promise.all(Object.values(victims).map((victim) => victim.kill()));
    for (const line of lines) {
      await checks.check(`${line.name} killed with -9 hands it on, to one at a time`, () => succession(line, partners));
    }
    for (const { from, to } of registering) {
      await checks.check(`an instance of ${from} killed with -9 goes away for ${to}`, () =>
        sees(partners[to], `lost-${from}`, {}, 'nothing any more'),
      );
    }
  } finally {
    for (const victim of Object.values(victims)) await victim.kill();
  }
}

async function register(victim, other) {
  const service = `lost-${victim.language}`;
  await victim.do('register', { path: services, service, name: 'one', port: 1, payload: null });
  await sees(other, service, ['127.0.0.1:1', null, true, true], 'the instance', ({ one }) => one);
}

/** The victim holds, the others wait behind it, in a known order. */
async function standInLine({ who, kind, path }, { victims, partners, zk }) {
  const recipe = recipes[kind];
  const held = await victims[who].do('take', { recipe: recipe[who], path });
  const waiting = [];
  for (const other of Object.keys(partners).filter((each) => each !== who)) {
    const taken = partners[other].do('take', { recipe: recipe[other], path });
    const one = { who: other, taken, isIn: false };
    taken.then(() => (one.isIn = true)).catch(() => {});
    waiting.push(one);
    await inLine(zk, path, 1 + waiting.length);
  }
  const name = `${kind === 'lock' ? 'a holder' : 'a leader'} of ${who}`;
  return { name, path, held, waiting };
}

async function succession({ path, held, waiting: [first, second] }, partners) {
  const next = await first.taken;
  truthy(next.czxid > held.czxid || next.czxid === 0, `${first.who} came after the one who was killed`);
  truthy(!second.isIn, `${second.who} was let in beside ${first.who}`);
  await partners[first.who].do('give', { path });
  const last = await second.taken;
  equal([next.czxid, last.czxid].toSorted((a, b) => a - b)[0], next.czxid, 'the smaller zxid is that of the first');
  await partners[second.who].do('give', { path });
}
