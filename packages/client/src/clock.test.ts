// The clock of the system, under the timers of the test.

import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from './clock.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

const day = 24 * 3600 * 1000;

it.each([2 ** 31 - 1, 2 ** 31, 60 * day])('a timer of %d ms fires after that time, and once', (ms) => {
  const fired = vi.fn();
  systemClock.after(ms, fired);
  vi.advanceTimersByTime(ms - 1);
  expect(fired).not.toHaveBeenCalled();
  // Not one timer for every millisecond either.
  expect(vi.getTimerCount()).toBe(1);
  vi.advanceTimersByTime(1);
  expect(fired).toHaveBeenCalledTimes(1);
  expect(vi.getTimerCount()).toBe(0);
});

it('a timer that never fires can be cancelled', () => {
  const cancel = systemClock.after(Infinity, () => expect.unreachable());
  vi.advanceTimersByTime(60 * day);
  expect(vi.getTimerCount()).toBe(1);
  cancel();
  expect(vi.getTimerCount()).toBe(0);
});
