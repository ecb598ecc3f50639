// The fault matrix of the election.

import { expect } from 'vitest';
import { election } from './election.ts';
import type { Term } from './election.ts';
import { matrix } from './testing/matrix.ts';
import type { Stage } from './testing/stage.ts';

const path = '/svc/leader';

async function isVacant(stage: Stage): Promise<void> {
  expect(stage.below(path)).toEqual([]);
  await (await election(stage.other, path).campaign()).resign();
}

matrix({
  recipe: 'election',
  operation: 'lead two terms',
  run: async ({ zk, signal }) => {
    const terms: bigint[] = [];
    for await (const term of election(zk, path, { id: 'a' }).terms({ signal })) {
      terms.push(term.number);
      if (terms.length === 2) break;
    }
    expect(terms[1]).toBeGreaterThan(terms[0]);
  },
  check: isVacant,
});

matrix({
  recipe: 'election',
  operation: 'follow a leader that resigns',
  prepare: async (stage) => void stage.notes.set('term', await election(stage.other, path, { id: 'b' }).campaign()),
  run: async (stage) => {
    const first = stage.notes.get('term') as Term;
    stage.after(1000, () => first.resign());
    await election(stage.zk, path, { id: 'a' }).run((term) => expect(term.number).toBeGreaterThan(first.number), {
      signal: stage.signal,
    });
  },
  check: isVacant,
});

matrix({
  recipe: 'election',
  operation: 'observe the leaders',
  prepare: async (stage) => void stage.notes.set('term', await election(stage.other, path, { id: 'b' }).campaign()),
  run: async (stage) => {
    const seen: (string | null)[] = [];
    stage.after(1000, () => (stage.notes.get('term') as Term).resign());
    for await (const leader of election(stage.zk, path).observe({ signal: stage.signal })) {
      seen.push(leader?.id ?? null);
      if (leader === null) break;
    }
    // Only states are promised, not each of them: a new session may come too late for the first.
    expect(seen.at(-1)).toBeNull();
  },
  check: isVacant,
});
