// Watches across a reconnect (A44): a client registers a watch, loses its server, two changes are made, and it registers the
// watch again at another server. What it is told then follows from the state alone, and is worked out here independently.

import { eventTypes } from '@corral/protocol';
import { expect, test } from 'vitest';
import { Cluster } from '../src/cluster.ts';
import { memberKind } from '../src/member-machine.ts';
import { RawClient } from './raw-client.ts';

const changes = ['create', 'delete', 'set', 'child+', 'child-'] as const;
type Change = (typeof changes)[number];
const kinds = ['data', 'exist', 'child'] as const;
type Kind = (typeof kinds)[number];

/** What a node is like, as far as watches go: undefined when there is none. */
interface Node {
  readonly changedAt: number;
  readonly childrenChangedAt: number;
  readonly hasChild: boolean;
}

/** A change at a moment; undefined when it is refused. */
function changed(node: Node | undefined, change: Change, at: number): { node: Node | undefined } | undefined {
  switch (change) {
    case 'create':
      return node === undefined ? { node: { changedAt: at, childrenChangedAt: at, hasChild: false } } : undefined;
    case 'delete':
      return node === undefined || node.hasChild ? undefined : { node: undefined };
    case 'set':
      return node === undefined ? undefined : { node: { ...node, changedAt: at } };
    case 'child+':
      if (node === undefined || node.hasChild) return undefined;
      return { node: { ...node, hasChild: true, childrenChangedAt: at } };
    case 'child-':
      return node?.hasChild === true ? { node: { ...node, hasChild: false, childrenChangedAt: at } } : undefined;
  }
}

/** What is told when a watch is registered again by somebody who knew the state of moment 0; 0 for nothing. */
function toldAgain(kind: Kind, node: Node | undefined): number {
  if (kind === 'exist') return node === undefined ? 0 : eventTypes.nodeCreated;
  if (node === undefined) return eventTypes.nodeDeleted;
  if (kind === 'data') return node.changedAt > 0 ? eventTypes.nodeDataChanged : 0;
  return node.childrenChangedAt > 0 ? eventTypes.nodeChildrenChanged : 0;
}

function apply(client: RawClient, path: string, change: Change): void {
  const child = `${path}/c`;
  const xid =
    change === 'create'
      ? client.create(path)
      : change === 'child+'
        ? client.create(child)
        : change === 'set'
          ? client.set(path, 'new')
          : client.send('delete', { path: change === 'delete' ? path : child, version: -1 });
  client.answerTo(xid);
}

const pairs = changes.flatMap((first) => changes.map((second) => [first, second] as const));

test.each(kinds)('a %s watch that is registered again is told exactly what has come of the node', (kind) => {
  const cluster = new Cluster({ kind: memberKind, seed: 3 });
  cluster.startAll();
  expect(cluster.runUntil(() => cluster.isConverged, 20_000)).toBe(true);
  const writer = new RawClient(cluster, 1);
  writer.join(3);
  for (const [index, [first, second]] of pairs.entries()) {
    const path = `/n${index}`;
    // A watch for what is not there is made on a node that is not there; the others on one that is.
    const start: Node | undefined =
      kind === 'exist' ? undefined : { changedAt: 0, childrenChangedAt: 0, hasChild: first === 'child-' };
    if (start !== undefined) writer.answerTo(writer.create(path));
    if (start?.hasChild === true) writer.answerTo(writer.create(`${path}/c`));
    const watcher = new RawClient(cluster, 2 + index);
    watcher.join(1);
    watcher.call('sync', { path });
    const op = kind === 'data' ? 'getData' : kind === 'exist' ? 'exists' : 'getChildren';
    watcher.call(op, { path, watch: true });
    watcher.leave();
    let node = start;
    for (const [at, change] of [first, second].entries()) {
      apply(writer, path, change);
      node = (changed(node, change, at + 1) ?? { node }).node;
    }
    cluster.run(50);
    watcher.join(2);
    watcher.call('sync', { path });
    const relativeZxid = BigInt(watcher.answers[1].zxid);
    const lists = { data: [] as string[], exist: [] as string[], child: [] as string[], [kind]: [path] };
    watcher.send('setWatches', { relativeZxid, ...lists }, -8);
    cluster.run(50);
    const told = toldAgain(kind, node);
    const expected = told === 0 ? [] : [[told, path]];
    const what = `${kind} watch, ${first}, ${second}`;
    expect([what, watcher.events.map(({ type, path: where }) => [type, where])]).toEqual([what, expected]);
    // A watch that was not spent is there again: the next change is told, once.
    if (told !== 0) continue;
    const next: Change =
      kind === 'exist' ? 'create' : kind === 'data' ? 'set' : node?.hasChild === true ? 'child-' : 'child+';
    apply(writer, path, next);
    apply(writer, path, kind === 'child' ? (next === 'child+' ? 'child-' : 'child+') : 'set');
    cluster.run(50);
    expect([what, watcher.events.length]).toEqual([what, 1]);
  }
  expect(cluster.violation).toBeUndefined();
});
