import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { LoopStalls } from './loop-stalls.ts';

/** Holds the event loop, as code that is being loaded does. */
function hold(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

test('time in which the loop stood still is counted, and waiting is not', async () => {
  const stalls = new LoopStalls();
  stalls.begin();
  await sleep(100);
  const began = performance.now();
  hold(400);
  const held = performance.now() - began;
  await sleep(100);
  const counted = stalls.end();
  expect(counted).toBeGreaterThan(held - 30);
});

test('the end may be seen before the timer that measures is', () => {
  const stalls = new LoopStalls();
  stalls.begin();
  hold(300);
  expect(stalls.end()).toBeGreaterThan(250);
  stalls.begin();
  expect(stalls.end()).toBe(0);
});
