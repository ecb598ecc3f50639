// What a client leaves out and ends by itself: nodes beside its scope, and calls that nobody answers.

import { expect, it } from 'vitest';
import { rejection, setUp } from './testing/setup.ts';

it('a scope tells of no ephemerals beside it, whose paths begin with the same text', async () => {
  const { client, ensemble } = await setUp();
  ensemble.handler = (received, link) =>
    link.reply(received, 'getEphemerals', { ephemerals: ['/a', '/ab', '/a/x', '/a/xy', '/a-1/x'] });
  expect(await client.scope('/a').ephemerals()).toEqual(['/', '/x', '/xy']);
  expect(await client.ephemerals('/a')).toHaveLength(5);
});

it('a call that names no limit ends after 15 seconds, or after what its scope says', async () => {
  const { client, ensemble, clock } = await setUp();
  ensemble.handler = () => undefined;
  const ends: string[] = [];
  const endOf = (name: string, call: Promise<unknown>): void =>
    void rejection(call).then((error) => ends.push(`${name}: ${error.message}`));
  endOf('default', client.get('/a'));
  endOf('scope', client.scope('/', { callTimeout: 100 }).get('/a'));
  endOf('none', client.scope('/', { callTimeout: Infinity }).get('/a'));
  endOf('call', client.get('/a', { timeout: Infinity }));
  await clock.advance(100);
  expect(ends).toEqual(['scope: OperationTimeout: get /a: no server answered within 100 ms']);
  ensemble.manners.set('a', 'refuses');
  await clock.advance(14_900);
  expect(ends.slice(1)).toEqual(['default: OperationTimeout: get /a: no server answered within 15000 ms']);
  await clock.advance(100_000);
  expect(ends).toHaveLength(2);
});

it('a scope refuses a limit that is none', async () => {
  const { client } = await setUp();
  for (const callTimeout of [NaN, -1])
    expect(() => client.scope('/', { callTimeout })).toThrow('callTimeout is a number');
});
