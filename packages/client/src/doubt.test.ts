// Writes whose answer was lost: which session they run under, and how the client finds out whether they happened.

import { describe, expect, it } from 'vitest';
import type { OpName } from '@corral/protocol';
import { FakeTree } from './testing/fake-tree.ts';
import type { Fault } from './testing/fake-tree.ts';
import { rejection, setUp } from './testing/setup.ts';
import type { Setup } from './testing/setup.ts';

const silent = (): void => undefined;

async function setUpTree(): Promise<Setup & { readonly tree: FakeTree }> {
  const setup = await setUp();
  const tree = new FakeTree();
  setup.ensemble.handler = tree.handler;
  return { ...setup, tree };
}

/** Cuts the link around the first request of this kind. */
function once(tree: FakeTree, op: OpName, fault: Fault, also: () => void = silent): void {
  let done = false;
  tree.fault = (received) => {
    if (done || received.op !== op) return undefined;
    done = true;
    also();
    return fault;
  };
}

describe('pins', () => {
  it('let a write that had not left run under the next session when it asks for any', async () => {
    const { client, ensemble, clock } = await setUp();
    ensemble.expired.add(1n);
    ensemble.link.fail();
    const pinned = rejection(client.set('/a', ''));
    const free = client.set('/b', '', { pin: false });
    await clock.advance(1000);
    expect(await pinned).toMatchObject({ code: 'SessionExpired', ambiguous: false });
    await free;
    expect(ensemble.link.received.map(({ request }) => request['path'])).toEqual(['/b']);
  });

  it('never send a write twice, pinned or not', async () => {
    const { client, ensemble, clock } = await setUp();
    ensemble.handler = silent;
    const write = rejection(client.set('/a', '', { pin: false }));
    ensemble.link.fail();
    expect(await write).toMatchObject({ code: 'ConnectionLoss', ambiguous: true });
    await clock.advance(1000);
    expect(ensemble.link.ops).toEqual([]);
  });

  it('refuse calls of a session that is over, reads included', async () => {
    const { client, ensemble, clock } = await setUp();
    const old = client.session!.id;
    await client.get('/x', { pin: old });
    ensemble.expired.add(old);
    ensemble.link.fail();
    const waiting = rejection(client.get('/x', { pin: old }));
    await clock.advance(1000);
    expect(await waiting).toMatchObject({ code: 'SessionExpired' });
    expect(await rejection(client.delete('/x', { pin: old }))).toMatchObject({ code: 'SessionExpired' });
    expect(await rejection(client.multi().delete('/x').commit({ pin: old }))).toMatchObject({ code: 'SessionExpired' });
    expect(ensemble.link.ops).toEqual([]);
  });
});

describe('a protected create', () => {
  const options = { mode: 'ephemeralSequential', protected: true } as const;
  const name = /^\/d\/_c_[0-9a-f-]{36}-n-\d{10}$/;

  it('marks the name in the way Curator does', async () => {
    const { client, tree } = await setUpTree();
    tree.write('/d', '');
    const { path } = await client.create('/d/n-', '', options);
    expect(path).toMatch(name);
    expect(tree.paths).toEqual(['/d', path]);
  });

  it.each<Fault>(['cut before', 'cut after'])('makes exactly one node when the link is %s', async (fault) => {
    const { client, tree, clock, ensemble } = await setUpTree();
    tree.write('/d', '');
    once(tree, 'create2', fault);
    const made = client.create('/d/n-', 'x', options);
    await clock.advance(1000);
    const { path, stat } = await made;
    expect(path).toMatch(name);
    expect(tree.paths).toEqual(['/d', path]);
    expect(stat.ephemeralOwner).toBe(client.session!.id);
    expect(ensemble.link.ops.slice(0, 2)).toEqual(['sync', 'getChildren']);
  });

  it('looks again when the link breaks during the look-up', async () => {
    const { client, tree, clock } = await setUpTree();
    tree.write('/d', '');
    let cuts = 0;
    tree.fault = ({ op }) =>
      op === 'create2' ? 'cut after' : op === 'getChildren' && ++cuts < 3 ? 'cut after' : undefined;
    const made = client.create('/d/n-', 'x', options);
    await clock.advance(10_000);
    expect(tree.paths).toEqual(['/d', (await made).path]);
  });

  it('of a session that ended fails, and leaves nothing behind', async () => {
    const { client, tree, clock, ensemble } = await setUpTree();
    tree.write('/d', '');
    // The servers have not expired the session yet: its ephemeral is still there.
    once(tree, 'create2', 'cut after', () => ensemble.expired.add(1n));
    const made = rejection(client.create('/d/n-', 'x', options));
    await clock.advance(1000);
    expect(await made).toMatchObject({ code: 'SessionExpired', ambiguous: true });
    expect(tree.paths).toEqual(['/d']);
  });

  it('that may run under any session makes its node under the next one', async () => {
    const { client, tree, clock, ensemble } = await setUpTree();
    tree.write('/d', '');
    once(tree, 'create2', 'cut after', () => ensemble.expired.add(1n));
    const made = client.create('/d/n-', 'x', { ...options, pin: false });
    await clock.advance(1000);
    const { path, stat } = await made;
    expect(stat.ephemeralOwner).toBe(2n);
    expect(tree.paths).toEqual(['/d', path]);
  });

  it('that was given up is removed, whether it happened or not', async () => {
    const { client, tree, clock, ensemble } = await setUpTree();
    tree.write('/d', '');
    const controller = new AbortController();
    ensemble.handler = silent;
    const made = rejection(client.create('/d/n-', 'x', { ...options, signal: controller.signal }));
    controller.abort(new Error('enough'));
    expect(await made).toMatchObject({ code: 'Aborted', ambiguous: true });
    // The server was slow, not deaf.
    ensemble.handler = tree.handler;
    for (const received of ensemble.link.received.splice(0)) tree.handler(received, ensemble.link);
    await clock.settle();
    expect(tree.paths).toEqual(['/d']);
    await clock.settle();
  });

  it('that is given up during the look-up is removed as well', async () => {
    const { client, tree, clock } = await setUpTree();
    tree.write('/d', '');
    const controller = new AbortController();
    tree.fault = ({ op }) => {
      if (op === 'create2') return 'cut after';
      controller.abort(new Error('enough'));
      return undefined;
    };
    const made = rejection(client.create('/d/n-', 'x', { ...options, signal: controller.signal }));
    await clock.advance(1000);
    expect(await made).toMatchObject({ code: 'Aborted', ambiguous: true });
    expect(tree.paths).toEqual(['/d']);
  });

  it('whose look-up is refused says so once, without trying for ever', async () => {
    const { client, tree, clock, ensemble } = await setUpTree();
    tree.write('/d', '');
    tree.unknown.add('getChildren');
    once(tree, 'create2', 'cut after');
    const made = rejection(client.create('/d/n-', 'x', options));
    await clock.advance(1000);
    expect(await made).toMatchObject({ code: 'Unimplemented', ambiguous: true, op: 'create2' });
    const looks = ensemble.links.flatMap(({ ops }) => ops.filter((op) => op === 'getChildren'));
    expect(looks).toHaveLength(1);
  });
});

describe('a protected create of a node that stays', () => {
  // As the docstring of `create` says: whoever cannot have that writes a receipt, as the queue does.
  it('makes it again when somebody else has taken it away before its maker knows of it', async () => {
    const { client, tree, clock } = await setUpTree();
    tree.write('/d', '');
    const options = { mode: 'persistentSequential', protected: true } as const;
    let first = '';
    tree.fault = ({ op }) => {
      if (op === 'create2' && first === '') {
        first = 'under way';
        return 'cut after';
      }
      if (op === 'sync' && first === 'under way') {
        [first] = tree.paths.filter((path) => path !== '/d');
        tree.write(first, null);
      }
      return undefined;
    };
    const made = client.create('/d/n-', 'x', options);
    await clock.advance(1000);
    const { path } = await made;
    expect([first.endsWith('0000000000'), path.endsWith('0000000001'), tree.paths]).toEqual([true, true, ['/d', path]]);
  });
});

describe('an idempotent set', () => {
  it.each<Fault>(['cut before', 'cut after'])('happens once when the link is %s', async (fault) => {
    const { client, tree, clock } = await setUpTree();
    tree.write('/a', 'old');
    once(tree, 'setData', fault);
    const set = client.set('/a', 'new', { version: 0, idempotent: true });
    await clock.advance(1000);
    expect((await set).version).toBe(1);
    expect(tree.text('/a')).toBe('new');
  });

  it.each(['other', 'new'])('that somebody followed with "%s" cannot tell whether it happened', async (data) => {
    const { client, tree, clock } = await setUpTree();
    tree.write('/a', 'old');
    tree.write('/a', 'older');
    once(tree, 'setData', 'cut before', () => {
      tree.write('/a', data);
      tree.write('/a', data);
    });
    const set = rejection(client.set('/a', 'new', { version: 1, idempotent: true }));
    await clock.advance(1000);
    expect(await set).toMatchObject({ code: 'BadVersion', ambiguous: true, expected: 1 });
  });

  it('that is refused at once is not ambiguous, and says which version it wanted', async () => {
    const { client, tree } = await setUpTree();
    tree.write('/a', 'old');
    const set = rejection(client.set('/a', 'new', { version: 7, idempotent: true }));
    expect(await set).toMatchObject({ name: 'BadVersionError', ambiguous: false, expected: 7, path: '/a' });
  });

  it('knows its version over the wrap of 32 bits', async () => {
    const { client, clock, ensemble } = await setUp();
    const stat = (version: number) => ({
      ...{ czxid: 1n, mzxid: 2n, pzxid: 1n, ctime: 0, mtime: 0, cversion: 0, aversion: 0 },
      ...{ ephemeralOwner: 0n, dataLength: 1, numChildren: 0, version },
    });
    let first = true;
    ensemble.handler = (received, link) => {
      if (received.op === 'getData')
        return link.reply(received, 'getData', { data: Buffer.from('x'), stat: stat(-(2 ** 31)) });
      if (first) link.fail();
      else link.refuse(received, -103);
      first = false;
    };
    const set = client.set('/a', 'x', { version: 2 ** 31 - 1, idempotent: true });
    await clock.advance(1000);
    expect((await set).version).toBe(-(2 ** 31));
  });

  it('of a session that ended is not repeated under the next', async () => {
    const { client, tree, clock, ensemble } = await setUpTree();
    tree.write('/a', 'old');
    once(tree, 'setData', 'cut before', () => ensemble.expired.add(1n));
    const set = rejection(client.set('/a', 'new', { idempotent: true }));
    await clock.advance(1000);
    expect(await set).toMatchObject({ code: 'SessionExpired', ambiguous: true });
    expect(tree.text('/a')).toBe('old');
  });
});

describe('a scope', () => {
  it('may have its writes sent again without being told each time', async () => {
    const { client, tree, clock } = await setUpTree();
    tree.write('/s', '');
    tree.write('/s/a', 'old');
    const scope = client.scope('/s', { idempotent: true }).scope('/');
    once(tree, 'setData', 'cut after');
    const set = scope.set('/a', 'new', { version: 0 });
    await clock.advance(1000);
    expect((await set).version).toBe(1);
    once(tree, 'delete', 'cut after');
    const gone = scope.delete('/a');
    await clock.advance(1000);
    await gone;
    expect(tree.paths).toEqual(['/s']);
  });

  it('leaves the last word to the call, and other views as they are', async () => {
    const { client, tree, clock } = await setUpTree();
    tree.write('/a', 'old');
    const scope = client.scope('/', { idempotent: true });
    for (const write of [() => client.set('/a', 'new'), () => scope.set('/a', 'new', { idempotent: false })]) {
      once(tree, 'setData', 'cut before');
      const failed = rejection(write());
      await clock.advance(1000);
      expect(await failed).toMatchObject({ code: 'ConnectionLoss', ambiguous: true });
    }
  });
});

describe('an idempotent delete', () => {
  it.each<Fault>(['cut before', 'cut after'])('leaves no node when the link is %s', async (fault) => {
    const { client, tree, clock } = await setUpTree();
    tree.write('/a', '');
    once(tree, 'delete', fault);
    const gone = client.delete('/a', { idempotent: true });
    await clock.advance(1000);
    await gone;
    expect(tree.paths).toEqual([]);
  });

  it('of a node that never was is still an error', async () => {
    const { client } = await setUpTree();
    expect(await rejection(client.delete('/a', { idempotent: true }))).toMatchObject({ code: 'NoNode' });
  });
});

describe('missing parents', () => {
  it('are made together with the node', async () => {
    const { client, tree, ensemble } = await setUpTree();
    const { path } = await client.create('/a/b/c', 'x', { parents: 'container' });
    expect([path, ...tree.paths]).toEqual(['/a/b/c', '/a', '/a/b', '/a/b/c']);
    expect(ensemble.link.ops).toEqual(['create2', 'multi', 'multi']);
    expect([...tree.containers]).toEqual(['/a', '/a/b']);
  });

  it('that somebody else makes, or the server reaps, meanwhile are no failure', async () => {
    const { client, tree } = await setUpTree();
    let step = 0;
    tree.fault = ({ op }) => {
      if (op === 'multi' && ++step === 1) tree.write('/a', '');
      else if (step === 1 && op === 'create2') {
        tree.write('/a', null);
        step = 2;
      }
      return undefined;
    };
    await client.create('/a/b', 'x', { parents: 'container' });
    expect(tree.paths).toEqual(['/a', '/a/b']);
  });

  it('leave the node itself to blame when it exists', async () => {
    const { client, tree } = await setUpTree();
    tree.write('/a', '');
    tree.write('/a/b', '');
    expect(await rejection(client.create('/a/b', '', { parents: 'persistent' }))).toMatchObject({
      code: 'NodeExists',
      path: '/a/b',
    });
  });

  it('are made under the mark of a protected create, too', async () => {
    const { client, tree, clock } = await setUpTree();
    once(tree, 'multi', 'cut after');
    const made = client.create('/a/n-', '', { mode: 'ephemeralSequential', parents: 'container', protected: true });
    await clock.advance(1000);
    expect(tree.paths).toEqual(['/a', (await made).path]);
  });
});
