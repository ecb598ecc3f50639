// Service discovery: instances that Curator registers and Corral sees, and the other way round.

import { truthy } from '../lib/checks.mjs';
import { becomes } from './partners.mjs';

export const services = '/mixed/services';
const path = services;
/** An object of Java carries its class. What has none is written by Corral and read as a map. */
const zone = { '@class': 'Partner$Zone', zone: 'a' };
const payloads = { curator: ['text', zone, null], corral: ['text', zone, null, { plain: [1, 2] }] };

export async function discovery(context) {
  const { checks, partners } = context;
  for (const [from, to] of [
    ['curator', 'corral'],
    ['corral', 'curator'],
  ]) {
    const service = `from-${from}`;
    const instance = (name, rest = {}) => ({ path, service, name, port: 8000, payload: null, ...rest });
    const seen = (expected, what) => sees(partners[to], service, expected, what);
    await checks.check(`an instance of ${from} is seen by ${to}, with its address and payload`, async () => {
      await seen({}, 'nothing to begin with');
      const expected = {};
      for (const [at, payload] of payloads[from].entries()) {
        await partners[from].do('register', instance(`i${at}`, { port: 8000 + at, payload }));
        expected[`i${at}`] = [`127.0.0.1:${8000 + at}`, payload, true, true];
      }
      await seen(expected, 'all of them');
      const names = await partners[to].do('services', { path });
      truthy(names.includes(service), `the name of the service, among ${names}`);
    });
    await checks.check(`a change of an instance of ${from} is seen by ${to}`, async () => {
      await partners[from].do('update', instance('i0', { port: 9000, payload: 'new' }));
      await sees(partners[to], service, ['127.0.0.1:9000', 'new', true, true], 'the new address', ({ i0 }) => i0);
      // One that takes no work: Corral leaves it out of its list, Curator out of its choice.
      await partners[from].do('update', instance('i0', { port: 9000, payload: 'new', enabled: false }));
      await sees(partners[to], service, false, 'that it is not enabled', ({ i0 }) => i0?.[2] ?? false);
    });
    await checks.check(`an instance that ${from} takes away is gone for ${to}`, async () => {
      for (const at of payloads[from].keys()) await partners[from].do('unregister', instance(`i${at}`));
      await seen({}, 'nothing any more');
    });
  }
}

/** Lists follow events, a moment later. */
export const sees = (partner, service, expected, what, part = (all) => all) =>
  becomes(async () => part(await partner.do('instances', { path, service })), expected, `${partner.language}: ${what}`);
