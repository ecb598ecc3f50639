// put, ensurePath and deleteTree: right over a link that breaks at every request, and beside others at work.

import { describe, expect, it } from 'vitest';
import type { Client } from './client.ts';
import { FakeTree } from './testing/fake-tree.ts';
import type { Fault } from './testing/fake-tree.ts';
import { rejection, setUp } from './testing/setup.ts';

async function setUpTree() {
  const setup = await setUp();
  const tree = new FakeTree();
  setup.ensemble.handler = tree.handler;
  const settled = async <T>(work: Promise<T>): Promise<T> => {
    let isOver = false;
    const end = work.finally(() => (isOver = true));
    end.catch(() => undefined);
    for (let turns = 0; turns < 100 && !isOver; turns++) await setup.clock.advance(100);
    return await end;
  };
  return { ...setup, tree, settled };
}

/** Runs the work with the nth request cut, until there are no more requests to cut. */
async function cutEverywhere(
  prepare: (tree: FakeTree) => void,
  work: (client: Client) => Promise<unknown>,
  check: (tree: FakeTree) => void,
): Promise<number> {
  for (const fault of ['cut before', 'cut after'] as const satisfies readonly Fault[]) {
    for (let nth = 1; ; nth++) {
      const { client, tree, settled } = await setUpTree();
      prepare(tree);
      let requests = 0;
      tree.fault = () => (++requests === nth ? fault : undefined);
      await settled(work(client));
      check(tree);
      await client.close();
      if (requests < nth) {
        if (fault === 'cut before') break;
        return nth;
      }
    }
  }
  return 0;
}

describe('put', () => {
  it('makes a node that is not there, with its parents, and writes to one that is', async () => {
    const { client, tree } = await setUpTree();
    expect((await client.put('/a/b', 'one', { parents: 'persistent' })).version).toBe(0);
    expect((await client.put('/a/b', 'two')).version).toBe(1);
    expect(tree.text('/a/b')).toBe('two');
    expect(await rejection(client.put('/none/b', 'x'))).toMatchObject({ code: 'NoNode' });
  });

  it('that may be repeated gets there whichever answer is lost', async () => {
    const put = (client: Client) => client.put('/a/b', 'x', { parents: 'persistent', idempotent: true });
    const runs = await cutEverywhere(
      () => undefined,
      put,
      (tree) => expect(tree.text('/a/b')).toBe('x'),
    );
    expect(runs).toBeGreaterThan(2);
  });
});

describe('ensurePath', () => {
  it('makes what is missing, and is content with what is there', async () => {
    const { client, tree } = await setUpTree();
    await client.ensurePath('/a/b/c');
    await client.ensurePath('/a/b/c');
    await client.ensurePath('/');
    await client.ensurePath('/d/e', { mode: 'container' });
    expect(tree.paths).toEqual(['/a', '/a/b', '/a/b/c', '/d', '/d/e']);
    expect([...tree.containers].sort()).toEqual(['/d', '/d/e']);
  });

  it('gets there whichever answer is lost', async () => {
    const runs = await cutEverywhere(
      () => undefined,
      (client) => client.ensurePath('/a/b'),
      (tree) => expect(tree.paths).toEqual(['/a', '/a/b']),
    );
    expect(runs).toBeGreaterThan(2);
  });
});

describe('deleteTree', () => {
  const plant = (tree: FakeTree): void => {
    for (const path of ['/a', '/a/b', '/a/b/c', '/a/d', '/e']) tree.write(path, '');
  };

  it('deletes a node with all below it, and counts', async () => {
    const { client, tree } = await setUpTree();
    plant(tree);
    expect(await client.deleteTree('/a')).toBe(4);
    expect(tree.paths).toEqual(['/e']);
    expect(await client.deleteTree('/a')).toBe(0);
  });

  it('gets to the end whichever answer is lost', async () => {
    const runs = await cutEverywhere(
      plant,
      (client) => client.deleteTree('/a'),
      (tree) => expect(tree.paths).toEqual(['/e']),
    );
    expect(runs).toBeGreaterThan(5);
  });

  it('deletes what somebody adds while it is at work', async () => {
    const { client, tree, settled } = await setUpTree();
    plant(tree);
    let isAdded = false;
    tree.fault = ({ op }) => {
      if (op === 'delete' && !isAdded) {
        isAdded = true;
        tree.write('/a/b/late', '');
      }
      return undefined;
    };
    await settled(client.deleteTree('/a'));
    expect(tree.paths).toEqual(['/e']);
  });

  it('refuses the root of the whole tree, and takes that of a scope', async () => {
    const { client, tree } = await setUpTree();
    plant(tree);
    expect((await rejection(client.deleteTree('/'))).message).toContain('the root cannot be deleted');
    expect(await client.scope('/a').deleteTree('/')).toBe(4);
    expect(tree.paths).toEqual(['/e']);
  });
});
