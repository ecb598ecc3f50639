// SASL on every connection: what the client proves, in which order, and what it makes of servers that disagree.

import { describe, expect, it } from 'vitest';
import { digestMd5 } from './sasl/digest-md5.ts';
import { FakeEnsemble } from './testing/fake-ensemble.ts';
import { rejection, setUp, start } from './testing/setup.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const sasl = digestMd5({ username: 'bob', password: 'secret', clientNonce: () => 'c' });
/** The server's side of the exchange, for that password and these nonces. */
const server = (token: Uint8Array): Uint8Array | null => {
  if (token.length === 0) return bytes('realm="zk-sasl-md5",nonce="n",charset=utf-8,algorithm=md5-sess');
  const answer = new TextDecoder().decode(token);
  return answer.includes(response) ? bytes(`rspauth=${rspauth}`) : null;
};
const response = 'response=d91e44a15daad9627fc6cd3ccd3cb14f';
const rspauth = '6ea028f8f0838babd27e8f7afb181caa';

describe('SASL', () => {
  it('comes after the identities and before watches and calls, on every connection', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.sasl = server;
    const { client, clock, log } = start(ensemble, 'a', { sasl, auth: [{ scheme: 'digest', id: 'u:p' }] });
    await clock.advance(1000);
    expect(log).toEqual(['session null -> 1', 'connected']);
    ensemble.handler = (received, link) => link.refuse(received, -101);
    await client.exists('/x', { watch: () => undefined });
    ensemble.link.fail();
    const read = client.exists('/y');
    await clock.advance(1000);
    await read;
    expect(ensemble.link.ops).toEqual(['auth', 'sasl', 'sasl', 'setWatches', 'exists']);
  });

  it('that the server refuses ends the client', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.sasl = server;
    const { client, clock } = start(ensemble, 'a', { sasl: digestMd5({ username: 'bob', password: 'wrong' }) });
    const verdict = rejection(client.connect());
    await clock.settle();
    expect(await verdict).toMatchObject({ code: 'AuthFailed' });
  });

  it.each([
    ['does not know SASL', null],
    ['does not know the password', (token: Uint8Array) => (token.length === 0 ? server(token) : bytes('rspauth=0'))],
  ])('leaves a server that %s, and says why', async (why, behaviour) => {
    const ensemble = new FakeEnsemble();
    ensemble.sasl = behaviour;
    const { client, clock } = start(ensemble, 'a', { sasl });
    const verdict = rejection(client.connect({ timeout: 500 }));
    await clock.advance(500);
    expect(await verdict).toMatchObject({ attempts: [{ cause: { message: expect.stringContaining(why) } }] });
    expect(client.state).toBe('connecting');
  });

  it('may take its time, and is forgotten with its connection', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.sasl = () => bytes('more');
    const steps: (() => void)[] = [];
    const slow = { start: () => ({ step: () => new Promise<null>((resolve) => steps.push(() => resolve(null))) }) };
    const { client, clock, log } = start(ensemble, 'a', { sasl: slow });
    await clock.settle();
    ensemble.link.fail();
    await clock.advance(1000);
    steps[0]();
    await clock.settle();
    expect(client.state).toBe('connecting');
    steps[1]();
    await clock.settle();
    expect(log).toEqual(['session null -> 1', 'connected']);
  });
});

describe('a server that only reads', () => {
  const options = { readOnly: 'allow' } as const;

  it('is left for one that takes writes, which is looked for ever more seldom', async () => {
    const { client, ensemble, clock, log } = await setUp({ ...options, address: 'a' });
    expect(log.at(-1)).toBe('connected');
    ensemble.readOnly.add('a');
    ensemble.link.fail();
    await clock.advance(5000);
    expect(client.state).toBe('readonly');
    const probes = ensemble.dialled.length;
    expect(probes).toBeLessThan(10);
    ensemble.readOnly.delete('a');
    await clock.advance(10_000);
    expect(log.slice(2)).toEqual(['suspended', 'readonly', 'suspended', 'connected']);
    expect(client.session?.id).toBe(1n);
  });

  it('gives no session that the others would know', async () => {
    const ensemble = new FakeEnsemble();
    ensemble.readOnly.add('a');
    const { clock, log } = start(ensemble, 'a', options);
    await clock.advance(200);
    ensemble.readOnly.delete('a');
    await clock.advance(10_000);
    expect(log).toEqual(['session null -> 1', 'readonly', 'suspended', 'lost', 'session 1 -> 2', 'connected']);
  });
});

describe('addresses that are looked up', () => {
  it('come from a service record, again for every round', async () => {
    const ensemble = new FakeEnsemble();
    const name = '_zookeeper._tcp.example.com';
    ensemble.services.set(name, [{ host: 'old', port: 1 }]);
    ensemble.manners.set('old', 'refuses');
    const { client, clock } = start(ensemble, 'zk+srv://example.com/app');
    await clock.settle();
    ensemble.services.set(name, [{ host: 'new', port: 2 }]);
    await clock.advance(1000);
    expect([client.state, ensemble.dialled[0], ensemble.dialled.at(-1)]).toEqual(['connected', 'old:1', 'new:2']);
    expect(client.fullPath('/x')).toBe('/app/x');
  });

  it('come from a function, whose failure is one among the causes', async () => {
    const ensemble = new FakeEnsemble();
    let rounds = 0;
    const provider = (): Promise<string[]> =>
      ++rounds < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve(['h:5']);
    const { client, clock } = start(ensemble, provider, { chroot: '/app' });
    const early = rejection(client.connect({ timeout: 1 }));
    await clock.advance(1);
    expect(await early).toMatchObject({
      attempts: [{ endpoint: 'the address provider', cause: { message: 'not yet' } }],
    });
    await clock.advance(1000);
    expect([client.state, ensemble.dialled, client.fullPath('/x')]).toEqual(['connected', ['h:5'], '/app/x']);
  });
});
