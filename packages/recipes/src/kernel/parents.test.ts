// K7: parents come with what they are made for, and go with it.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Stage } from '../testing/stage.ts';
import { holders } from '../testing/holders.ts';
import { commitBelowContainers } from './parents.ts';

let stage: Stage;
beforeEach(async () => void (stage = await Stage.open()));
afterEach(() => stage[Symbol.asyncDispose]());

/** Kinds of the nodes that are not ephemeral, by their paths. */
const kinds = (): Record<string, string> =>
  Object.fromEntries(
    Object.entries(stage.server.dump())
      .filter(([, { ephemeralOwner }]) => ephemeralOwner === undefined)
      .map(([path, { kind }]) => [path, kind ?? 'persistent']),
  );

describe('a transaction below containers', () => {
  const make = async (path: string): Promise<void> => void (await stage.other.create(path));
  const create = (): Promise<unknown> => commitBelowContainers(stage.zk, '/p/q', (tx) => tx.create('/p/q/n'));

  it('makes the missing parents in itself, or nothing at all', async () => {
    const failing = commitBelowContainers(stage.zk, '/p/q', (tx) => tx.create('/p/q/n').check('/', 77));
    await expect(failing).rejects.toMatchObject({ code: 'BadVersion' });
    expect(kinds()).toEqual({});
    await create();
    expect(kinds()).toEqual({ '/p': 'container', '/p/q': 'container', '/p/q/n': 'persistent' });
  });

  it('goes on when somebody else makes one of the parents meanwhile', async () => {
    const session = stage.zk.session!.id;
    stage.server.faults.inject({ session, op: 'create', path: '/p', do: () => make('/p') });
    await create();
    expect(kinds()).toEqual({ '/p': 'persistent', '/p/q': 'container', '/p/q/n': 'persistent' });
  });

  it('goes on when the server takes one of the parents away meanwhile', async () => {
    await stage.other.create('/p');
    const session = stage.zk.session!.id;
    stage.server.faults.inject({ session, op: 'create', path: '/p/q', do: () => stage.other.delete('/p') });
    await create();
    expect(kinds()).toEqual({ '/p': 'container', '/p/q': 'container', '/p/q/n': 'persistent' });
  });

  it('fails when the rest of it does, parents or not', async () => {
    const lost = commitBelowContainers(stage.zk, '/p', (tx) => tx.create('/p/n').set('/other/place', ''));
    await expect(lost).rejects.toMatchObject({ code: 'NoNode', path: '/other/place' });
    expect(kinds()).toEqual({});
  });
});

/** A queue stays when it is empty, and the round of a barrier until the next one begins. */
const passing = holders.filter(({ recipe }) => recipe !== 'queue' && recipe !== 'double barrier');

describe.each(passing)('the parents of $recipe', ({ recipe, hold }) => {
  it('are containers, and the server takes them away when the last one has left', async () => {
    await stage.until(hold(stage.zk));
    await stage.zk.close();
    await stage.server.clock.advance('10m');
    // The number of permits is everybody's.
    expect(Object.keys(kinds())).toEqual(recipe === 'semaphore' ? ['/s'] : []);
  });
});
