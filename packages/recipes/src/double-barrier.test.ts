// Who is inside of a double barrier: exactly as many as there must be, however many come.

import { startServer } from '@corral/testing';
import type { TestServer } from '@corral/testing';
import type { Client } from '@corral/client';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { doubleBarrier } from './double-barrier.ts';
import type { Entered } from './double-barrier.ts';

const parties = 3;
let server: TestServer;
beforeEach(async () => void (server = await startServer({ clock: 'virtual', leaks: 'ignore' })));
afterEach(() => server.close());

/** One party that is in. */
interface Party {
  readonly zk: Client;
  readonly entered: Entered;
}

/** Clients that come at once; `inside` lists those that are in, in the order in which they learned it. */
async function come(clients: readonly Client[], signal?: AbortSignal) {
  const inside: Party[] = [];
  const all = clients.map(async (zk) => {
    inside.push({ zk, entered: await doubleBarrier(zk, '/b', { parties }).enter({ signal }) });
  });
  await server.clock.advance('1s');
  return { inside, all };
}

const connected = (count: number): Promise<Client[]> =>
  Promise.all(Array.from({ length: count }, () => server.connect()));

it('lets three of seven in, then three more, and the last one with two that come later', async () => {
  const clients = await connected(7);
  const { inside, all } = await come(clients);
  expect(inside).toHaveLength(3);
  await server.clock.until(Promise.all(inside.splice(0).map((each) => each.entered.leave())), '10s');
  await server.clock.advance('1s');
  expect(inside).toHaveLength(3);
  await server.clock.until(Promise.all(inside.splice(0).map((each) => each.entered.leave())), '10s');
  await server.clock.advance('1s');
  expect(inside).toHaveLength(0);
  const late = await come(clients.slice(0, 2));
  expect([...inside, ...late.inside]).toHaveLength(3);
  await server.clock.until(Promise.all([...all, ...late.all]), '10s');
});

it('lets exactly three in, thirty rounds of six that come together', async () => {
  const clients = await connected(6);
  for (let round = 0; round < 30; round++) {
    const over = new AbortController();
    const { inside, all } = await come(clients, over.signal);
    expect(inside).toHaveLength(3);
    over.abort(new Error('enough'));
    await Promise.allSettled(all);
    await server.clock.until(Promise.all(inside.map((each) => each.entered.leave())), '10s');
    await server.clock.advance('1s');
  }
});

it('lets the others leave when one that is inside vanishes, and whoever was one too many goes on waiting', async () => {
  const { inside } = await come(await connected(4));
  const [gone, ...others] = inside.splice(0);
  await gone.zk.close();
  await server.clock.until(Promise.all(others.map((each) => each.entered.leave())), '1m');
  await server.clock.advance('1s');
  expect([others.length, inside.length]).toEqual([2, 0]);
  const late = await come(await connected(2));
  expect(inside.length + late.inside.length).toBe(3);
});
