import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WatchTable, watchKinds } from './watch-table.ts';

const { data, child, persistent, recursive } = watchKinds;

/** Two tables, as ZooKeeper has them: connection and path to modes. Slow and obvious. */
class NaiveTable {
  readonly #modes = new Map<string, Set<'oneShot' | 'persistent' | 'recursive'>>();

  of(connection: number, path: string): Set<'oneShot' | 'persistent' | 'recursive'> {
    const key = `${connection} ${path}`;
    const modes = this.#modes.get(key) ?? new Set();
    this.#modes.set(key, modes);
    return modes;
  }

  forget(connection: number): void {
    for (const key of this.#modes.keys()) if (key.startsWith(`${connection} `)) this.#modes.delete(key);
  }

  size(): number {
    return [...this.#modes.values()].filter((modes) => modes.size > 0).length;
  }

  /** Connections that hear of a change at path; one-shot watches are used up. */
  trigger(path: string, connections: readonly number[]): Set<number> {
    const heard = new Set<number>();
    for (const connection of connections) {
      const here = this.of(connection, path);
      const above = ancestors(path).some((ancestor) => this.of(connection, ancestor).has('recursive'));
      if (here.size > 0 || above) heard.add(connection);
      here.delete('oneShot');
    }
    return heard;
  }
}

function ancestors(path: string): string[] {
  if (path === '/') return [];
  const elements = path.split('/').slice(1, -1);
  return ['/', ...elements.map((_, i) => `/${elements.slice(0, i + 1).join('/')}`)];
}

const connections = [0, 1, 2];
const paths = ['/', '/a', '/ab', '/a/b', '/a/b/c', '/a/bc', '/__proto__', '/a/constructor'];
type Step = {
  readonly act: 'add' | 'remove' | 'created' | 'changed' | 'deleted' | 'children' | 'forget';
  readonly connection: number;
  readonly path: string;
  readonly kinds: number;
};
const someStep: fc.Arbitrary<Step> = fc.record({
  act: fc.constantFrom('add', 'add', 'add', 'remove', 'created', 'changed', 'deleted', 'children', 'forget'),
  connection: fc.constantFrom(...connections),
  path: fc.constantFrom(...paths),
  kinds: fc.integer({ min: 1, max: 15 }),
});

const modesIn = (kinds: number, oneShot: number) =>
  (
    [
      [oneShot, 'oneShot'],
      [persistent, 'persistent'],
      [recursive, 'recursive'],
    ] as const
  ).filter(([bit]) => (kinds & bit) !== 0);

class Model {
  readonly data = new NaiveTable();
  readonly child = new NaiveTable();

  change(step: Step): Map<number, number> {
    const { connection, path, kinds } = step;
    const heard = new Map<number, number>();
    const tell = (who: Iterable<number>): void => {
      for (const one of who) heard.set(one, (heard.get(one) ?? 0) + 1);
    };
    switch (step.act) {
      case 'add':
        for (const [, mode] of modesIn(kinds, data)) this.data.of(connection, path).add(mode);
        for (const [bit, mode] of modesIn(kinds, child))
          if (bit !== recursive) this.child.of(connection, path).add(mode);
        break;
      case 'remove':
        for (const [, mode] of modesIn(kinds, data)) this.data.of(connection, path).delete(mode);
        for (const [, mode] of modesIn(kinds, child)) this.child.of(connection, path).delete(mode);
        break;
      case 'forget':
        this.data.forget(connection);
        this.child.forget(connection);
        break;
      case 'created':
      case 'changed':
        tell(this.data.trigger(path, connections));
        break;
      case 'deleted': {
        const first = this.data.trigger(path, connections);
        const second = this.#childTrigger(path);
        tell(new Set([...first, ...second]));
        break;
      }
      case 'children':
        tell(this.#childTrigger(path));
    }
    return heard;
  }

  /** No ancestor matters here: the child table holds nothing recursive. */
  #childTrigger(path: string): Set<number> {
    return this.child.trigger(path, connections);
  }
}

function real(table: WatchTable, step: Step): Map<number, number> {
  const heard = new Map<number, number>();
  const tell = (connection: number): void => void heard.set(connection, (heard.get(connection) ?? 0) + 1);
  switch (step.act) {
    case 'add':
      table.add(step.path, step.connection, step.kinds);
      break;
    case 'remove': {
      const had = (table.kindsOf(step.path, step.connection) & step.kinds) !== 0;
      expect(table.remove(step.path, step.connection, step.kinds)).toBe(had);
      break;
    }
    case 'forget':
      table.removeConnection(step.connection);
      break;
    case 'created':
    case 'changed':
      table.fireData(step.path, tell);
      break;
    case 'deleted':
      table.fireDeleted(step.path, tell);
      break;
    case 'children':
      table.fireChildren(step.path, tell);
  }
  return heard;
}

test('the table tells whom two plain tables would tell, and counts like them', () => {
  fc.assert(
    fc.property(fc.array(someStep, { maxLength: 60 }), (steps) => {
      const table = new WatchTable();
      const model = new Model();
      for (const step of steps) {
        expect([step, [...real(table, step)].sort()]).toEqual([step, [...model.change(step)].sort()]);
        for (const connection of connections)
          for (const path of paths) {
            const kinds = table.kindsOf(path, connection);
            const inData = model.data.of(connection, path);
            const inChild = model.child.of(connection, path);
            expect((kinds & data) !== 0).toBe(inData.has('oneShot'));
            expect((kinds & child) !== 0).toBe(inChild.has('oneShot'));
            expect((kinds & persistent) !== 0).toBe(inData.has('persistent'));
            expect((kinds & recursive) !== 0).toBe(inData.has('recursive'));
          }
        expect(table.dataCount).toBe(model.data.size());
        expect(table.count).toBe(model.data.size() + model.child.size());
      }
      for (const connection of connections) table.removeConnection(connection);
      expect([table.count, table.dataCount, [...table.dataWatches()]]).toEqual([0, 0, []]);
    }),
    { numRuns: 300 },
  );
});

describe('reports', () => {
  test('list the data table only', () => {
    const table = new WatchTable();
    table.add('/a', 1, data);
    table.add('/a', 2, persistent);
    table.add('/a', 3, child);
    table.add('/b', 3, child);
    table.add('/c', 3, recursive);
    expect([...table.dataWatches()]).toEqual([
      { path: '/a', connections: [1, 2] },
      { path: '/c', connections: [3] },
    ]);
    expect(table.dataCount).toBe(3);
    expect(table.count).toBe(6);
  });

  test('list every registration with its kinds', () => {
    const table = new WatchTable();
    table.add('/a', 1, data | child);
    table.add('/a', 2, persistent);
    table.add('/b', 2, recursive);
    expect([...table.all()]).toEqual([
      { path: '/a', connection: 1, kinds: data | child },
      { path: '/a', connection: 2, kinds: persistent },
      { path: '/b', connection: 2, kinds: recursive },
    ]);
  });
});

describe('a connection with many watches that is gone', () => {
  const paths = Array.from({ length: 1000 }, (_, i) => `/p${i}`);
  const deafened = (): WatchTable => {
    const table = new WatchTable();
    for (const path of paths) table.add(path, 5, data | child | recursive);
    table.add('/p0', 6, data);
    table.removeConnection(5);
    return table;
  };
  const heardAt = (table: WatchTable, path: string): number[] => {
    const heard: number[] = [];
    table.fireData(path, (connection) => heard.push(connection));
    return heard;
  };

  test('is not told, counted or shown any more, before its entries are removed', () => {
    const table = deafened();
    expect([table.count, table.dataCount, table.dataConnections]).toEqual([1, 1, 1]);
    expect(table.kindsOf('/p1', 5)).toBe(0);
    expect([...table.all()]).toEqual([{ path: '/p0', connection: 6, kinds: data }]);
    expect([...table.dataWatches()]).toEqual([{ path: '/p0', connections: [6] }]);
    expect([...table.dataWatchesByConnection()].map(({ connection, paths: own }) => [connection, [...own]])).toEqual([[6, ['/p0']]]); // prettier-ignore
    expect(heardAt(table, '/p1/below')).toEqual([]);
    expect(heardAt(table, '/p0')).toEqual([6]);
  });

  test('gives its number to the next one at once', () => {
    const table = deafened();
    table.add('/p1', 5, data);
    expect([table.kindsOf('/p1', 5), table.kindsOf('/p2', 5)]).toEqual([data, 0]);
    expect([heardAt(table, '/p1'), heardAt(table, '/p2')]).toEqual([[5], []]);
  });

  test('is removed a few entries at a time, and nothing of it is left', () => {
    const table = deafened();
    let sweeps = 1;
    while (!table.sweep(100)) sweeps++;
    expect(sweeps).toBe(10);
    expect(table.remove('/p0', 6, data)).toBe(true);
    const { bytes, count, dataPaths, dataConnections } = table;
    expect({ bytes, count, dataPaths, dataConnections }).toEqual({
      bytes: 0,
      count: 0,
      dataPaths: 0,
      dataConnections: 0,
    });
  });
});

test('counters agree with a count of all entries, whatever happens', () => {
  const step = fc.record({
    op: fc.constantFrom('add', 'add', 'remove', 'gone', 'data', 'deleted', 'children', 'sweep'),
    path: fc.constantFrom('/', '/a', '/a/b', '/c'),
    connection: fc.integer({ min: 0, max: 4 }),
    kinds: fc.integer({ min: 1, max: 15 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const table = new WatchTable();
      const ignore = (): void => undefined;
      for (const { op, path, connection, kinds } of steps) {
        if (op === 'add') table.add(path, connection, kinds);
        else if (op === 'remove') table.remove(path, connection, kinds);
        else if (op === 'gone') table.removeConnection(connection);
        else if (op === 'sweep') table.sweep(2);
        else if (op === 'data') table.fireData(path, ignore);
        else if (op === 'deleted') table.fireDeleted(path, ignore);
        else table.fireChildren(path, ignore);
      }
      while (!table.sweep(1));
      const all = [...table.all()];
      const byData = all.filter(({ kinds }) => (kinds & (data | persistent | recursive)) !== 0);
      const byChild = all.filter(({ kinds }) => (kinds & (child | persistent)) !== 0);
      expect(table.count).toBe(byData.length + byChild.length);
      expect(table.dataCount).toBe(byData.length);
      expect(table.dataPaths).toBe(new Set(byData.map(({ path }) => path)).size);
      expect(table.dataConnections).toBe(new Set(byData.map(({ connection }) => connection)).size);
      expect(table.bytes).toBe(all.reduce((sum, { path }) => sum + 100 + path.length, 0));
    }),
    { numRuns: 300 },
  );
});

test('a change far down looks at as many ancestors as may be watched, not at all of them', () => {
  const table = new WatchTable();
  table.add('/', 1, recursive);
  table.add('/d/d', 2, recursive);
  const deep = '/d'.repeat(6000);
  const heard: number[] = [];
  for (let i = 0; i < 2000; i++) table.fireData(deep, (connection) => heard.push(connection));
  expect(heard.length).toBe(4000);
});
