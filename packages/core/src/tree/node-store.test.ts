import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NodeStore } from './node-store.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const find = (store: NodeStore, path: string): number => {
  const padded = bytesOf(`xx${path}y`);
  return store.find(padded, 2, padded.length - 1);
};

type Step =
  | { readonly act: 'add'; readonly below: number; readonly name: string }
  | { readonly act: 'remove'; readonly which: number }
  | { readonly act: 'data'; readonly which: number; readonly size: number };
const which = fc.nat({ max: 1000 });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ act: fc.constant('add' as const), below: which, name: fc.constantFrom('a', 'b', 'c', 'dd', 'ä', '__proto__') }),
  fc.record({ act: fc.constant('add' as const), below: which, name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 4 }) }),
  fc.record({ act: fc.constant('remove' as const), which }),
  fc.record({ act: fc.constant('data' as const), which, size: fc.constantFrom(-1, 0, 1, 8, 100, 66_000) }),
); // prettier-ignore

interface ModelNode {
  readonly index: number;
  readonly parent: string | undefined;
  readonly children: Set<string>;
  data: number;
}

test('a store behaves like a map of paths, whatever is added and removed', () => {
  fc.assert(
    fc.property(fc.array(anyStep, { maxLength: 120 }), fc.integer(), (steps, seed) => {
      const store = new NodeStore(seed);
      const root = store.add(-1, new Uint8Array(0), 0, 0);
      const model = new Map<string, ModelNode>([
        ['', { index: root, parent: undefined, children: new Set(), data: -1 }],
      ]);
      for (const step of steps) {
        const paths = [...model.keys()];
        if (step.act === 'add') {
          const parent = paths[step.below % paths.length];
          const path = `${parent}/${step.name.replaceAll('/', '_')}`;
          if (model.has(path)) continue;
          const index = store.add(model.get(parent)!.index, bytesOf(path), 0, bytesOf(path).length);
          model.set(path, { index, parent, children: new Set(), data: -1 });
          model.get(parent)!.children.add(path);
          continue;
        }
        const path = paths[step.which % paths.length];
        const node = model.get(path)!;
        if (step.act === 'data') {
          store.setData(node.index, new Uint8Array(Math.max(0, step.size)).fill(step.size & 0xff), 0, step.size);
          node.data = step.size;
        } else if (path !== '' && node.children.size === 0) {
          store.remove(node.index);
          model.delete(path);
          model.get(node.parent!)!.children.delete(path);
          expect(find(store, path)).toBe(-1);
        }
      }
      expectSame(store, model);
    }),
    { numRuns: 150 },
  );
});

function expectSame(store: NodeStore, model: Map<string, ModelNode>): void {
  expect(store.count).toBe(model.size);
  let live = 0;
  for (let node = 0; node < store.used; node++) if (store.isLive(node)) live++;
  expect(live).toBe(model.size);
  for (const [path, { index, parent, children, data }] of model) {
    expect(find(store, path)).toBe(index);
    expect(store.parent[index]).toBe(parent === undefined ? -1 : model.get(parent)!.index);
    expect(store.childCount[index]).toBe(children.size);
    const found: number[] = [];
    for (let child = store.firstChild[index]; child >= 0; child = store.nextSibling[child]!) found.push(child);
    expect(found.sort()).toEqual([...children].map((child) => model.get(child)!.index).sort());
    expect(store.dataLength[index]).toBe(data);
    if (data > 0) {
      const at = store.slab.offset(store.dataAddress[index]);
      const bytes = store.slab.chunk(store.dataAddress[index]).subarray(at, at + data);
      expect(bytes.every((byte) => byte === (data & 0xff))).toBe(true);
    }
  }
}

test('the root has two names', () => {
  const store = new NodeStore(1);
  expect(find(store, '/')).toBe(-1);
  store.add(-1, new Uint8Array(0), 0, 0);
  expect([find(store, ''), find(store, '/'), find(store, '//'), find(store, 'x')]).toEqual([0, 0, -1, -1]);
});

test('columns start at zero, also for an index that was used before', () => {
  const store = new NodeStore(1);
  const root = store.add(-1, new Uint8Array(0), 0, 0);
  const first = store.add(root, bytesOf('/a'), 0, 2);
  for (const column of [
    'version',
    'cversion',
    'aversion',
    'ownerHigh',
    'ownerLow',
    'czxid',
    'mtime',
    'digest',
  ] as const)
    store[column][first] = 7;
  store.aclId[first] = 3;
  store.remove(first);
  const again = store.add(root, bytesOf('/b'), 0, 2);
  expect(again).toBe(first);
  for (const column of [
    'version',
    'cversion',
    'aversion',
    'ownerHigh',
    'ownerLow',
    'czxid',
    'mtime',
    'digest',
  ] as const)
    expect([column, store[column][again]]).toEqual([column, 0]);
  expect([store.aclId[again], store.dataLength[again]]).toEqual([-1, -1]);
});

test('it grows beyond its first capacity and finds everything', () => {
  const store = new NodeStore(99);
  const root = store.add(-1, new Uint8Array(0), 0, 0);
  const paths = Array.from({ length: 5000 }, (_, i) => `/node-${i}`);
  const indexes = paths.map((path) => store.add(root, bytesOf(path), 0, path.length));
  for (let i = 0; i < 5000; i += 2) store.remove(indexes[i]);
  expect(paths.every((path, i) => find(store, path) === (i % 2 === 0 ? -1 : indexes[i]))).toBe(true);
  expect(store.childCount[root]).toBe(2500);
  const used = store.used;
  for (let i = 0; i < 5000; i += 2) store.add(root, bytesOf(paths[i]), 0, paths[i].length);
  expect(store.used).toBe(used);
  expect(paths.every((path) => find(store, path) > 0)).toBe(true);
});
