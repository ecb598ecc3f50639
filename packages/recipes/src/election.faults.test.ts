// The fault matrix of the election.

import { describe, expect, it } from 'vitest';
import { election } from './election.ts';
import type { Term } from './election.ts';
import { matrix } from './testing/matrix.ts';
import { Stage } from './testing/stage.ts';

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
    signal.throwIfAborted();
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
    stage.signal.throwIfAborted();
    // Only states are promised, not each of them: a new session may come too late for the first.
    expect(seen.at(-1)).toBeNull();
  },
  check: isVacant,
});

describe('work of a leader', () => {
  it('that fails because the term is over is taken up again with the next one, also before the news of that', async () => {
    await using stage = await Stage.open();
    const { zk, other, server } = stage;
    await other.create('/value', '');
    const depose = async (): Promise<void> => {
      for (const node of stage.below(path)) await other.delete(`${path}/${node}`);
    };
    server.faults.inject({ session: zk.session!.id, op: 'set', path: '/value', do: depose });
    const terms: bigint[] = [];
    const work = async (term: Term): Promise<void> => {
      terms.push(term.number);
      await term.guard(zk.multi().set('/value', String(term.number))).commit();
    };
    await stage.until(election(zk, path).run(work));
    expect([terms.length, stage.text('/value')]).toEqual([2, String(terms[1])]);
  });

  it('that fails by itself ends the run and the term', async () => {
    await using stage = await Stage.open();
    const running = election(stage.zk, path).run(() => Promise.reject(new Error('my own fault')));
    await expect(stage.until(running)).rejects.toThrow('my own fault');
    await isVacant(stage);
  });
});
