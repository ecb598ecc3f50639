// Locks, elections, read/write locks and semaphores, contended by processes of all languages at the same time.

import { equal, truthy } from '../lib/checks.mjs';
import { Ledger } from './ledger.mjs';
import { inLine } from './partners.mjs';

const rounds = 10;

/** Who contends, two times each, and with what. A selector of Curator's is a lock that calls back. */
const lines = {
  'a lock with the names of Curator': {
    path: '/mixed/lock',
    contenders: { curator: ['lock', 'selector'], kazoo: ['curator lock'], corral: ['lock'] },
  },
  'a lock with the names of kazoo': {
    path: '/mixed/kazoo-lock',
    contenders: { kazoo: ['lock'], corral: ['kazoo lock'] },
  },
  'an election with the names of Curator': {
    path: '/mixed/election',
    contenders: { curator: ['election'], kazoo: ['curator election'], corral: ['election'] },
  },
  'an election with the names of kazoo': {
    path: '/mixed/kazoo-election',
    contenders: { kazoo: ['election'], corral: ['kazoo election'] },
  },
  'a read/write lock with the names of Curator': {
    path: '/mixed/rw',
    contenders: { curator: ['reader', 'writer'], corral: ['reader', 'writer'] },
  },
  'a read/write lock with the names of kazoo': {
    path: '/mixed/kazoo-rw',
    contenders: { kazoo: ['reader', 'writer'], corral: ['kazoo reader', 'kazoo writer'] },
  },
  'a semaphore of Curator': { path: '/mixed/semaphore', contenders: { curator: ['semaphore'], corral: ['semaphore'] } },
};

export async function exclusion(context) {
  const { checks } = context;
  for (const [name, { path, contenders }] of Object.entries(lines)) {
    const ledger = Ledger.fresh();
    const all = Object.entries(contenders).flatMap(([who, recipes]) =>
      recipes.flatMap((recipe) => [0, 1].map(() => ({ who, recipe }))),
    );
    const isShared = all.some(({ recipe }) => /reader|semaphore/.test(recipe));
    await checks.check(`${name} keeps ${Object.keys(contenders).join(', ')} apart`, async () => {
      const gate = isShared ? null : contenders.corral[0];
      await contend({ path, all, ledger, gate }, context);
      const writers = all.filter(({ recipe }) => !/reader|semaphore/.test(recipe));
      equal(ledger.number, writers.length * rounds, 'what was counted');
      equal(ledger.entries.length, all.length * rounds, 'how often somebody was inside');
    });
    if (!isShared) await checks.check(`${name} goes round in the order of arrival`, () => inOrder(ledger, contenders));
    ledger.remove();
  }
}

/** All at once; one that holds first keeps the gate shut until everybody stands in line. */
async function contend({ path, all, ledger, gate }, { partners, zk }) {
  if (gate) await partners.corral.do('take', { recipe: gate, path });
  const task = ({ who, recipe }) => partners[who].do('contend', { recipe, path, rounds, ledger: ledger.dir });
  const settled = Promise.allSettled(all.map(task));
  try {
    if (gate) await inLine(zk, path, 1 + all.length);
  } finally {
    if (gate) await partners.corral.do('give', { path });
    await settled;
  }
  const failed = (await settled).find(({ status }) => status === 'rejected');
  if (failed) throw failed.reason;
}

/** Each holder's node was made after that of the one before, and the languages take turns. */
function inOrder({ entries }, contenders) {
  const known = entries.filter(({ czxid }) => czxid > 0n);
  truthy(known.length > 0, 'nobody told the zxid of its node');
  known.forEach(({ who, czxid }, at) => {
    if (at > 0) truthy(czxid > known[at - 1].czxid, `${who} was let in after ${known[at - 1].who}, who came later`);
  });
  // Everybody stood in line when it began: nobody is done while another one has not been inside.
  const firsts = Object.keys(contenders).map((who) => entries.findIndex((entry) => entry.who === who));
  const lasts = Object.keys(contenders).map((who) => entries.findLastIndex((entry) => entry.who === who));
  truthy(Math.max(...firsts) < Math.min(...lasts), 'one language was done before another one was let in');
}
