import { zxidOf } from '@corral/protocol';
import { expect, test } from 'vitest';
import { DecisionTrace } from './decision-trace.ts';

const z = (n: number): ReturnType<typeof zxidOf> => zxidOf(1, n);

test('who proposed a write, who accepted it when, and when it was decided', () => {
  const trace = new DecisionTrace();
  trace.add('proposed', 2, z(0), z(5), 100, 1000);
  trace.add('accepted', 3, z(0), z(5), 103, 1003);
  trace.add('accepted', 2, z(0), z(2), 101, 1001);
  trace.add('decided', 2, z(0), z(2), 103.5, 1003);
  expect(trace.find(z(2))).toEqual({
    zxid: z(2),
    proposed: { by: 2, at: 1000 },
    accepted: [
      { by: 2, at: 1001, afterMs: 1 },
      { by: 3, at: 1003, afterMs: 3 },
    ],
    decided: { at: 1003, afterMs: 3.5 },
  });
  expect(trace.find(z(5))?.decided).toBeUndefined();
  expect(trace.find(z(6))).toBeUndefined();
});

test('whoever measures hears how long after the proposal each step came', () => {
  const trace = new DecisionTrace();
  const heard: unknown[] = [];
  trace.observe = (...step) => heard.push(step);
  trace.add('proposed', 2, z(0), z(5), 100, 1000);
  trace.add('proposed', 2, z(5), z(9), 104, 1004);
  trace.add('accepted', 3, z(0), z(2), 105, 1005);
  trace.add('accepted', 3, z(2), z(7), 106, 1006);
  trace.add('decided', 2, z(0), z(9), 108, 1008);
  trace.add('accepted', 1, z(9), z(10), 109, 1009);
  expect(heard).toEqual([
    ['accepted', 3, 5],
    ['accepted', 3, 2],
    ['decided', 2, 4],
  ]);
});

test('nothing is made up between two epochs', () => {
  const trace = new DecisionTrace();
  trace.add('decided', 1, z(3), zxidOf(2, 1), 1, 1);
  expect([trace.find(z(4)), trace.find(zxidOf(2, 1))?.decided?.at]).toEqual([undefined, 1]);
});

test('only the latest steps are remembered', () => {
  const trace = new DecisionTrace();
  for (let n = 1; n <= 5000; n++) trace.add('proposed', 1, z(n - 1), z(n), n, n);
  expect([trace.find(z(1)), trace.find(z(5000))?.proposed?.by]).toEqual([undefined, 1]);
});
