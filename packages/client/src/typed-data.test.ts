// Values instead of bytes: codecs, schemas, and updates that nobody can get lost in.

import { describe, expect, expectTypeOf, it } from 'vitest';
import { json, text } from './codec.ts';
import type { StandardSchema } from './codec.ts';
import { createClient } from './create-client.ts';
import { InvalidDataError } from './errors.ts';
import type { Settled } from './multi.ts';
import type { Created, Data, Stat } from './results.ts';
import { FakeTree } from './testing/fake-tree.ts';
import { rejection, setUp } from './testing/setup.ts';

interface Limits {
  readonly rate: number;
}

/** A schema as any library would make it. */
const limits: StandardSchema<unknown, Limits> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate(value) {
      const { rate } = value as { rate?: unknown };
      return typeof rate === 'number' ? { value: { rate } } : { issues: [{ message: 'not a number', path: ['rate'] }] };
    },
  },
};

async function setUpTree() {
  const setup = await setUp();
  const tree = new FakeTree();
  setup.ensemble.handler = tree.handler;
  return { ...setup, tree };
}

describe('codecs', () => {
  it('read text and JSON, typed by their schema', async () => {
    const { client, tree } = await setUpTree();
    tree.write('/limits', '{"rate":3,"more":1}');
    const { data, stat } = await client.get('/limits', { codec: json(limits) });
    expectTypeOf(data).toEqualTypeOf<Limits>();
    expect([data, stat.version]).toEqual([{ rate: 3 }, 0]);
    expect((await client.get('/limits', { codec: json() })).data).toEqual({ rate: 3, more: 1 });
    expect((await client.get('/limits', { codec: text })).data).toBe('{"rate":3,"more":1}');
  });

  it('refuse what does not fit, and say where', async () => {
    const { client, tree } = await setUpTree();
    tree.write('/limits', '{"rate":"fast"}');
    const error = await rejection(client.get('/limits', { codec: json(limits) }));
    expect(error).toBeInstanceOf(InvalidDataError);
    expect(error).toMatchObject({ code: 'InvalidData', path: '/limits', cause: { issues: [{ path: ['rate'] }] } });
    expect(error.message).toContain('rate: not a number');
    tree.write('/limits', '{');
    expect(await rejection(client.get('/limits', { codec: json() }))).toMatchObject({ code: 'InvalidData' });
  });

  it('write nothing that they could not read: a change that forgets to return leaves the data alone', async () => {
    const { client, tree } = await setUpTree();
    tree.write('/n', '{"count":1}');
    const error = await rejection(client.update('/n', json(), () => undefined));
    expect(error.message).toBe('JSON has no undefined');
    expect((await client.get('/n')).stat.version).toBe(0);
    expect(() => json({ parse: () => 1 } as never)).toThrow('Standard Schema');
  });
});

describe('what JavaScript may hand over', () => {
  it('is refused before a server sees it, never taken for something weaker', async () => {
    const { client } = await setUpTree();
    const modes = { mode: 'ephemeral_sequential', acl: 'nobody' } as never;
    expect((await rejection(client.create('/n', '', modes))).message).toMatch(/^a mode is one of persistent, /);
    const lost = { ttl: 1000 } as never;
    expect((await rejection(client.create('/n', '', lost))).message).toContain("'sequentialTtl'");
    expect((await rejection(client.setAcl('/n', 'nobody' as never))).message).toMatch(
      /^an ACL is a list or one of open/,
    );
    expect((await rejection(client.create('/n', 5 as never))).message).toBe('data is text, bytes or null, not number');
    expect(() => client.addAuth({ scheme: 'digest', id: 'a:b' } as never, undefined as never)).toThrow(TypeError);
    expect(() => createClient('h', { sessionTimeout: NaN, transport: {} as never })).toThrow(
      /^sessionTimeout is a number/,
    );
    expect(() => createClient('h', { auth: [{ scheme: 'digest' }] as never, transport: {} as never })).toThrow(
      TypeError,
    );
  });
});

describe('update', () => {
  it('starts over when somebody else was faster', async () => {
    const { client, tree } = await setUpTree();
    tree.write('/n', '1');
    let meddle = 2;
    tree.fault = ({ op }) => {
      if (op === 'setData' && meddle-- > 0) tree.write('/n', String(Number(tree.text('/n')) + 10));
      return undefined;
    };
    const { data, stat } = await client.update('/n', json<number>(), (n) => n + 1);
    expect([data, tree.text('/n'), stat.version]).toEqual([22, '22', 3]);
  });

  it('gives up after its attempts', async () => {
    const { client, tree } = await setUpTree();
    tree.write('/n', '1');
    tree.fault = ({ op }) => {
      if (op === 'setData') tree.write('/n', '5');
      return undefined;
    };
    const lost = rejection(client.update('/n', text, (n) => `${n}!`, { attempts: 3 }));
    expect(await lost).toMatchObject({ code: 'BadVersion', ambiguous: false });
  });

  it('counts once over a lost answer, and never guesses', async () => {
    const { client, tree, clock } = await setUpTree();
    tree.write('/n', '1');
    let cut = true;
    tree.fault = ({ op }) => (op === 'setData' && cut ? ((cut = false), 'cut after') : undefined);
    const once = client.update('/n', json<number>(), (n) => n + 1);
    await clock.advance(1000);
    expect([(await once).data, tree.text('/n')]).toEqual([2, '2']);

    cut = true;
    tree.fault = ({ op }) => {
      if (op !== 'setData' || !cut) return undefined;
      cut = false;
      queueMicrotask(() => tree.write('/n', '7'));
      return 'cut after';
    };
    const doubtful = rejection(client.update('/n', json<number>(), (n) => n + 1));
    await clock.advance(1000);
    expect(await doubtful).toMatchObject({ code: 'BadVersion', ambiguous: true });
    expect(tree.text('/n')).toBe('7');
  });
});

describe('several operations at once', () => {
  it('have the types of their results', async () => {
    const { client, tree } = await setUpTree();
    const results = await client.multi().create('/a', 'x').set('/a', 'y').check('/a', 1).delete('/a').commit();
    expectTypeOf(results).toEqualTypeOf<[Created, Stat, null, null]>();
    expect(results.map((result) => result !== null)).toEqual([true, true, false, false]);
    expect(tree.paths).toEqual([]);
    const reads = client.read().get('/a').children('/a');
    expectTypeOf(() => reads.commit()).returns.resolves.toEqualTypeOf<[Settled<Data>, Settled<string[]>]>();
  });
});

describe('limits of time', () => {
  it('come from the scope unless the call has its own', async () => {
    const { client, ensemble, clock } = await setUp({ callTimeout: 500 });
    ensemble.handler = () => undefined;
    const own = rejection(client.get('/x', { timeout: 100 }));
    const scoped = rejection(client.scope('/s', { callTimeout: 200 }).children('/'));
    const inherited = rejection(client.scope('/s').delete('/x'));
    const order: string[] = [];
    void own.then(() => order.push('own'));
    void scoped.then(() => order.push('scoped'));
    void inherited.then(() => order.push('inherited'));
    await clock.advance(100);
    expect(order).toEqual(['own']);
    await clock.advance(100);
    expect(order).toEqual(['own', 'scoped']);
    await clock.advance(300);
    expect(await inherited).toMatchObject({ code: 'OperationTimeout', ambiguous: true });
  });

  it('hold for all calls of an operation together', async () => {
    const { client, tree, clock, ensemble } = await setUpTree();
    tree.write('/n', '1');
    let reads = 0;
    ensemble.handler = (received, link) => {
      if (received.op === 'getData') reads += 1;
      if (received.op === 'setData') clock.freeze(400);
      if (reads < 2) tree.handler(received, link);
    };
    tree.fault = ({ op }) => {
      if (op === 'setData') tree.write('/n', '5');
      return undefined;
    };
    const update = rejection(client.update('/n', text, (n) => n, { timeout: 1000 }));
    await clock.settle();
    await clock.advance(599);
    const early = await Promise.race([update, Promise.resolve(null)]);
    await clock.advance(1);
    expect([early, await update]).toMatchObject([null, { code: 'OperationTimeout' }]);
  });
});
