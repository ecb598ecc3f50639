// What an error tells its caller: where the call was made, which method it was, and what to do.

import { describe, expect, it } from 'vitest';
import { ZkError } from './errors.ts';
import { FakeTree } from './testing/fake-tree.ts';
import { rejection, setUp } from './testing/setup.ts';
import type { Client } from './client.ts';

async function setUpTree() {
  const setup = await setUp();
  const tree = new FakeTree();
  setup.ensemble.handler = tree.handler;
  return { ...setup, tree };
}

/** Its name is what the stack of its error must lead to. */
async function applicationCode(work: () => Promise<unknown>): Promise<void> {
  await work();
}

const calls: Readonly<Record<string, (client: Client) => Promise<unknown>>> = {
  get: (client) => client.get('/none'),
  getText: (client) => client.getText('/none'),
  set: (client) => client.set('/none', ''),
  'set, idempotent': (client) => client.set('/none', '', { idempotent: true }),
  update: (client) => client.update('/none', { decode: () => 0, encode: () => new Uint8Array() }, () => 1),
  create: (client) => client.create('/none/child'),
  'create, protected': (client) => client.create('/none/child', '', { protected: true }),
  delete: (client) => client.delete('/none'),
  children: (client) => client.children('/none'),
  getAcl: (client) => client.getAcl('/none'),
  multi: (client) => client.multi().check('/none', 0).commit(),
};

describe('the stack of an error', () => {
  for (const [name, call] of Object.entries(calls)) {
    it(`of ${name} leads to the code that made the call`, async () => {
      const { client } = await setUpTree();
      const error = await rejection(applicationCode(() => call(client)));
      expect(ZkError.is(error), String(error)).toBe(true);
      expect(error.stack).toContain('applicationCode');
      expect(error.stack?.split('\n')[0]).toBe(String(error));
    });
  }

  it('of somebody else is left alone', async () => {
    const { client } = await setUp();
    const reason = new Error('mine');
    const before = reason.stack;
    expect(await rejection(client.get('/a', { signal: AbortSignal.abort(reason) }))).toBe(reason);
    expect(reason.stack).toBe(before);
  });
});

describe('the message of an error', () => {
  it('names the method that was called, and op what the protocol calls it', async () => {
    const { client } = await setUpTree();
    const message = 'NoNode: get /none: the node does not exist';
    expect(await rejection(client.get('/none'))).toMatchObject({ message, op: 'getData' });
    expect((await rejection(client.children('/none'))).message).toContain('children /none');
    expect((await rejection(client.set('/none', ''))).message).toContain('set /none');
  });

  it('says which parent a create lacks, and how to get it', async () => {
    const { client, tree } = await setUpTree();
    const hint = "the parent /x/y does not exist; { parents: 'persistent' } makes it, too";
    expect((await rejection(client.create('/x/y/z'))).message).toBe(`NoNode: create /x/y/z: ${hint}`);
    const multi = client.multi().create('/a').create('/x/y/z');
    expect((await rejection(multi.commit())).message).toBe(`NoNode: multi /x/y/z: operation 1 (create): ${hint}`);
    const scoped = await rejection(client.scope('/gone').create('/a'));
    expect(scoped.message).toContain('the chroot or scope of this client does not exist');
    expect(tree.paths).toEqual([]);
  });
});

it('a sequential node without a name is a child of the scope, not its sibling', async () => {
  const { client, tree } = await setUpTree();
  tree.write('/s', '');
  const scope = client.scope('/s');
  const modes = ['persistentSequential', 'ephemeralSequential'] as const;
  for (const mode of modes) {
    expect((await scope.create('/', '', { mode })).path).toMatch(/^\/\d{10}$/);
    expect((await scope.multi().create('/', '', { mode }).commit())[0].path).toMatch(/^\/\d{10}$/);
    expect((await scope.create('/', '', { mode, protected: true })).path).toMatch(/^\/_c_.*-\d{10}$/);
    expect((await scope.create('/', '', { mode, parents: 'persistent' })).path).toMatch(/^\/\d{10}$/);
  }
  expect(tree.paths.filter((path) => path.startsWith('/s/'))).toHaveLength(8);
  expect(tree.paths).toHaveLength(9);
});

it('`closing` aborts when close is called, not when the session has ended', async () => {
  const { client, log } = await setUp();
  client.closing.addEventListener('abort', () => log.push('closing'));
  await client.close();
  expect(log.slice(-2)).toEqual(['closing', 'closed']);
  expect(client.closing.reason).toMatchObject({ code: 'Closing' });
  expect(client.scope('/a').closing.aborted).toBe(true);
});
