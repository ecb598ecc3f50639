import { zxidOf } from '@corral/protocol';
import { expect, test } from 'vitest';
import { LogBatches } from './log-batches.ts';

function start() {
  const appends: { op: number; firstZxid: number; bytes: number[] }[] = [];
  const decided: number[] = [];
  let turns = 0;
  let ops = 0;
  const broadcast = new LogBatches(
    {
      append: (op, firstZxid, bytes) => void appends.push({ op, firstZxid, bytes: [...bytes] }),
      requestTurn: () => void turns++,
    },
    () => ++ops,
    (zxid) => void decided.push(zxid),
  );
  const propose = (n: number): void => broadcast.log(zxidOf(0, n)).byte(n);
  return { broadcast, appends, decided, propose, turns: () => turns };
}

test('proposals of one turn share an append; those that come meanwhile share the next', () => {
  const { broadcast, appends, decided, propose, turns } = start();
  propose(1);
  propose(2);
  expect([turns(), appends.length, broadcast.idle]).toEqual([1, 0, false]);
  broadcast.turn();
  for (const n of [3, 4, 5]) propose(n);
  broadcast.turn();
  expect(appends).toEqual([{ op: 1, firstZxid: 1, bytes: [1, 2] }]);
  broadcast.appended(1);
  for (let i = 0; i < 3; i++) broadcast.turn();
  expect(appends.slice(1)).toEqual([{ op: 2, firstZxid: 3, bytes: [3, 4, 5] }]);
  expect([decided, broadcast.durable]).toEqual([[2], 1]);
  broadcast.appended(2);
  expect([decided, broadcast.durable, broadcast.idle]).toEqual([[2, 5], 2, true]);
  expect(broadcast.bytesAppended).toBe(5);
});

test('an answer of another operation changes nothing', () => {
  const { broadcast, decided, propose } = start();
  broadcast.appended(0);
  broadcast.appended(1);
  propose(1);
  broadcast.appended(1);
  broadcast.turn();
  for (const stale of [0, 2, -1]) broadcast.appended(stale);
  expect([decided, broadcast.durable]).toEqual([[], 0]);
  broadcast.appended(1);
  broadcast.appended(1);
  expect(decided).toEqual([1]);
});
