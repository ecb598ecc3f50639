import { expect, it } from 'vitest';
import { setUp } from './testing/setup.ts';

it('a signal that guards many calls and watches has one listener', async () => {
  const { client, ensemble } = await setUp();
  const { signal, listeners } = countingSignal();
  const reads = Array.from({ length: 20 }, (_, i) => client.get(`/${i}`, { signal, watch: () => undefined }));
  await Promise.all(reads);
  expect([listeners(), client.stats().watches]).toEqual([1, 20]);
  expect(ensemble.link.received).toHaveLength(20);
});

function countingSignal() {
  const { signal } = new AbortController();
  let count = 0;
  const add = signal.addEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    count += 1;
    add(...args);
  };
  return { signal, listeners: () => count };
}
