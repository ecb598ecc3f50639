// Servers before 3.6 know no persistent watches: chains of one-shot ones take their place. Servers before 3.5 answer a
// create without a Stat and know no containers.

import { describe, expect, it } from 'vitest';
import { FakeTree } from './testing/fake-tree.ts';
import { rejection, setUp } from './testing/setup.ts';
import type { WatchStream } from './watch-stream.ts';

describe('creating on an old server', () => {
  async function setUp34() {
    const setup = await setUpOld();
    setup.tree.unknown.add('create2').add('createContainer').add('createTTL');
    return setup;
  }

  it('finds out once that the server hangs up on the newer operation', async () => {
    const { client, ensemble, clock, log } = await setUp34();
    const making = client.create('/n-', 'x', { mode: 'ephemeralSequential' });
    await clock.advance(1000);
    const { path, stat } = await making;
    expect(stat).toMatchObject({ ephemeral: true, ephemeralOwner: 1n, dataLength: 1, version: 0, ctimeMs: NaN });
    expect(stat.czxid).toBe((await client.exists(path))!.czxid);
    await client.create('/m');
    expect(ensemble.links.map(({ ops }) => ops.filter((op) => op.startsWith('create')))).toEqual([
      ['create2'],
      ['create', 'create'],
    ]);
    expect(log.slice(2)).toEqual(['suspended', 'connected']);
  });

  it('sends nothing behind the newer operation before it knows whether the server hangs up', async () => {
    const { client, tree, ensemble, clock } = await setUp34();
    tree.hangUp = (link) => {
      link.isDeaf = true;
      clock.after(5, () => link.fail());
    };
    const making = client.create('/n', 'x');
    await clock.advance(1000);
    expect((await making).path).toBe('/n');
    expect(ensemble.links.map(({ ops }) => ops)).toEqual([
      ['create2', 'ping'],
      ['exists', 'create'],
    ]);
  });

  it('goes on when a server that does not know an operation stays', async () => {
    const { client, tree, ensemble, clock } = await setUp34();
    tree.hangUp = () => undefined;
    const making = client.create('/n', 'x');
    await clock.settle();
    expect((await making).path).toBe('/n');
    expect(ensemble.links.map(({ ops }) => ops)).toEqual([['create2', 'ping', 'exists', 'create']]);
  });

  it('makes missing parents in one transaction of what it knows, and no containers', async () => {
    const { client, tree, clock } = await setUp34();
    const making = client.create('/a/b/c', 'x', { parents: 'container' });
    await clock.advance(1000);
    expect((await making).stat.dataLength).toBe(1);
    expect([tree.paths, tree.containers.size]).toEqual([['/app', '/app/a', '/app/a/b', '/app/a/b/c'], 0]);
  });

  it('leaves what the server cannot do an error', async () => {
    const { client, clock } = await setUp34();
    const container = client.create('/c', '', { mode: 'container' });
    expect(await rejection(container)).toMatchObject({ code: 'Unimplemented' });
    await clock.advance(1000);
    const multi = client.multi().create('/a').create('/c', '', { mode: 'container' }).commit();
    expect(await rejection(multi)).toMatchObject({ code: 'MarshallingError' });
  });
});

async function setUpOld() {
  const setup = await setUp({ address: 'a:1/app' });
  const tree = new FakeTree();
  tree.unknown.add('addWatch').add('setWatches2').add('removeWatches');
  tree.write('/app', '');
  setup.ensemble.handler = tree.handler;
  return { ...setup, tree };
}

function collect(stream: WatchStream): string[] {
  const seen: string[] = [];
  void (async () => {
    for await (const { type, path } of stream) seen.push(`${type} ${path}`);
  })();
  return seen;
}

describe('a watch stream on an old server', () => {
  it('tells what becomes of one node and of its children', async () => {
    const { client, tree, clock } = await setUpOld();
    const stream = client.watch('/a', { coalesce: false });
    const seen = collect(stream);
    await clock.advance(1000);
    await stream.ready;
    for (const [path, data] of [
      ['/app/a', '1'],
      ['/app/a', '2'],
      ['/app/a/b', ''],
      ['/app/a/b', 'changed'],
      ['/app/a/b', null],
      ['/app/a', null],
      ['/app/a', 'again'],
    ] as const) {
      tree.write(path, data);
      await clock.settle();
    }
    expect(seen).toEqual(['created /a', 'changed /a', 'children /a', 'children /a', 'deleted /a', 'created /a']);
  });

  it('tells what becomes of everything below a node', async () => {
    const { client, tree, clock } = await setUpOld();
    tree.write('/app/old', '');
    const stream = client.watch('/', { recursive: true, coalesce: false });
    const seen = collect(stream);
    await clock.advance(1000);
    await stream.ready;
    for (const [path, data] of [
      ['/app/a', ''],
      ['/app/a/b', '1'],
      ['/app/a/b', '2'],
      ['/app/old', 'new'],
      ['/app/a/b', null],
      ['/app/a', null],
    ] as const) {
      tree.write(path, data);
      await clock.settle();
    }
    expect(seen).toEqual(['created /a', 'created /a/b', 'changed /a/b', 'changed /old', 'deleted /a/b', 'deleted /a']);
  });

  it('sees a node that was replaced between two looks', async () => {
    const { client, tree, clock } = await setUpOld();
    tree.write('/app/a', '');
    const stream = client.watch('/a', { coalesce: false });
    const seen = collect(stream);
    await clock.advance(1000);
    await stream.ready;
    tree.write('/app/a', null);
    tree.write('/app/a', 'other');
    await clock.settle();
    expect(seen).toEqual(['deleted /a', 'created /a']);
  });

  it('leaves nothing behind when it ends', async () => {
    const { client, tree, clock } = await setUpOld();
    const controller = new AbortController();
    const stream = client.watch('/', { recursive: true, signal: controller.signal });
    const seen = collect(stream);
    await clock.advance(1000);
    await stream.ready;
    expect(client.stats().watches).toBe(2);
    controller.abort();
    tree.write('/app/a', '');
    await clock.settle();
    expect([seen, client.stats().watches]).toEqual([[], 0]);
  });
});
