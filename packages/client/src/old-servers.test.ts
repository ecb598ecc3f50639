// Servers before 3.6 know no persistent watches: chains of one-shot ones take their place.

import { describe, expect, it } from 'vitest';
import { FakeTree } from './testing/fake-tree.ts';
import { setUp } from './testing/setup.ts';
import type { WatchStream } from './watch-stream.ts';

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
    await stream.ready;
    expect(client.stats().watches).toBe(2);
    controller.abort();
    tree.write('/app/a', '');
    await clock.settle();
    expect([seen, client.stats().watches]).toEqual([[], 0]);
  });
});
