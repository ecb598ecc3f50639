import type { Acl } from '@corral/protocol';
import { expect, test } from 'vitest';
import { AclTable } from './acl-table.ts';

const acl = (id: string): readonly Acl[] => [{ perms: 1, id: { scheme: 'digest', id } }];
const open: readonly Acl[] = [{ perms: 31, id: { scheme: 'world', id: 'anyone' } }];

test('equal lists share an id; it goes with the last reference and is never used again', () => {
  const table = new AclTable();
  const a = table.acquire(acl('a'));
  expect(table.acquire(acl('a'))).toBe(a);
  const b = table.acquire(acl('b'));
  table.release(a);
  expect(table.get(a)).toEqual(acl('a'));
  table.release(a);
  expect(table.has(a)).toBe(false);
  expect(table.acquire(acl('a'))).toBeGreaterThan(b);
  expect(table.get(b)).toEqual(acl('b'));
});

test('the open list is -1 and needs no entry', () => {
  const table = new AclTable();
  expect(table.acquire(open)).toBe(-1);
  table.release(-1);
  expect([table.has(-1), table.get(-1), table.entries()]).toEqual([true, open, []]);
});

test('a loaded table keeps its ids, counts on above them and drops what no node uses', () => {
  const table = new AclTable();
  table.load(7, acl('a'));
  table.load(9, acl('a'));
  table.load(12, acl('b'));
  table.retain(7);
  table.retain(9);
  table.dropUnused();
  expect(table.entries().map(([id]) => id)).toEqual([7, 9]);
  expect([7, 9]).toContain(table.acquire(acl('a')));
  expect(table.acquire(acl('b'))).toBe(13);
  table.release(9);
  table.release(9);
  expect(table.get(7)).toEqual(acl('a'));
  expect(table.get(table.acquire(acl('a')))).toEqual(acl('a'));
});

test('lists that differ only in order or in where a colon stands are different', () => {
  const table = new AclTable();
  const two = [...acl('a'), ...acl('b')];
  expect(table.acquire(two)).not.toBe(table.acquire([...two].reverse()));
  const x = [{ perms: 1, id: { scheme: 'a', id: 'b:c' } }];
  const y = [{ perms: 1, id: { scheme: 'a:b', id: 'c' } }];
  expect(table.acquire(x)).not.toBe(table.acquire(y));
  expect(table.acquire([])).not.toBe(-1);
});
