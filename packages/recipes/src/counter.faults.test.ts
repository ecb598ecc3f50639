// The fault matrix of the counter and of ids: nothing is counted twice, nothing is lost.

import { ZkError } from '@corral/client';
import { expect } from 'vitest';
import { counter } from './counter.ts';
import { ids } from './ids.ts';
import { matrix } from './testing/matrix.ts';

for (const format of ['int64', 'int32', 'text'] as const) {
  matrix({
    recipe: 'counter',
    operation: `add in ${format}`,
    run: async ({ zk, signal, notes }) => {
      for (let n = 1n; n <= 3n; n++) {
        expect(await counter(zk, '/n', { format }).add(10n, { signal })).toEqual({
          before: (n - 1n) * 10n,
          after: n * 10n,
        });
        notes.set('added', n * 10n);
      }
    },
    check: async ({ other, notes }, outcome) => {
      const value = await counter(other, '/n', { format }).value();
      const added = (notes.get('added') ?? 0n) as bigint;
      // Who gives up while a request is under way is told so; nobody else is left in doubt.
      if (ZkError.is(outcome, 'Aborted')) expect([added, added + 10n]).toContain(value);
      else expect(value).toBe(added);
    },
  });
}

matrix({
  recipe: 'counter',
  operation: 'add between additions of others, of which Curator and kazoo leave no mark',
  prepare: ({ other }) => other.create('/n', '0').then(() => undefined),
  run: async ({ zk, other, signal, notes }) => {
    for (let n = 1; n <= 3; n++) {
      await counter(zk, '/n', { format: 'text' }).add(10n, { signal });
      notes.set('added', 10 * n);
      await other.set('/n', String(Number(await other.getText('/n')) + 1));
      notes.set('others', n);
    }
  },
  check: async ({ other, notes }, outcome) => {
    const value = Number(await other.getText('/n'));
    const [added = 0, others = 0] = ['added', 'others'].map((name) => (notes.get(name) ?? 0) as number);
    if (ZkError.is(outcome, 'Aborted')) expect([added, added + 10]).toContain(value - others);
    else expect(value).toBe(added + others);
  },
});

matrix({
  recipe: 'ids',
  operation: 'take ids over two blocks',
  run: async ({ zk, signal, notes }) => {
    const source = ids(zk, '/ids', { block: 2 });
    const taken: bigint[] = [];
    notes.set('taken', taken);
    for (let n = 0; n < 4; n++) taken.push(await source.next({ signal }));
  },
  check: async ({ other, notes }) => {
    const taken = (notes.get('taken') ?? []) as bigint[];
    const late = await ids(other, '/ids', { block: 2 }).next();
    expect(new Set([...taken, late]).size).toBe(taken.length + 1);
    expect(taken).toEqual([1n, 2n, 3n, 4n].slice(0, taken.length));
  },
});
