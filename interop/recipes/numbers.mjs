// Counters that programs of several languages add to at the same time.

import { equal } from '../lib/checks.mjs';

const times = 25;

const counters = {
  int64: { is: "Curator's DistributedAtomicLong", who: ['curator', 'corral'] },
  int32: { is: "Curator's SharedCount, which kazoo knows too", who: ['curator', 'kazoo', 'corral'] },
  text: { is: "kazoo's Counter", who: ['kazoo', 'corral'] },
};

export async function numbers({ checks, partners, zk }) {
  for (const [recipe, { is, who }] of Object.entries(counters)) {
    const path = `/mixed/counter-${recipe}`;
    const add = (each, howOften) => partners[each].do('count', { recipe, path, times: howOften });
    await checks.check(`a counter in ${recipe} is ${is}: no addition of ${who.join(', ')} is lost`, async () => {
      // Somebody begins: kazoo makes an empty node first, which a SharedCount that meets it does not read.
      await add('corral', 1);
      await Promise.all([...who, ...who].map((each) => add(each, times)));
      for (const each of who) equal(await add(each, 0), 1 + 2 * times * who.length, `what ${each} reads`);
    });
    await checks.check(`a counter in ${recipe} holds the number and nothing else`, async () => {
      await add('corral', 1);
      const { data } = await zk.get(path);
      const number = 2 + 2 * times * who.length;
      const bytes = { int64: Buffer.alloc(8), int32: Buffer.alloc(4), text: Buffer.from(String(number)) }[recipe];
      if (recipe === 'int64') bytes.writeBigInt64BE(BigInt(number));
      if (recipe === 'int32') bytes.writeInt32BE(number);
      equal(Buffer.from(data).toString('hex'), bytes.toString('hex'), 'its bytes');
    });
  }
  await checks.check("Curator's compareAndSet works on what Corral has written", async () => {
    const path = '/mixed/counter-cas';
    await partners.corral.do('count', { recipe: 'int64', path, times: 3 });
    const compareAndSet = (from, to) => partners.curator.do('compareAndSet', { path, from, to });
    equal(await compareAndSet(2, 10), false, 'from a value that it does not have');
    equal(await compareAndSet(3, 10), true, 'from its value');
    equal(await partners.corral.do('count', { recipe: 'int64', path, times: 1 }), 11, 'what Corral makes of it');
  });
}
