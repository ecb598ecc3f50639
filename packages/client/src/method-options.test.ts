// Options of methods are looked at with every call, and a number in their place is not taken for a version.

import { describe, expect, it } from 'vitest';
import { Client } from './client.ts';
import { rejection, setUp } from './testing/setup.ts';

/** Every method that takes options, called with these. Those of the types are not asked. */
const methods: Readonly<Record<string, (client: Client, options: never) => unknown>> = {
  rtt: (client, options) => client.rtt(options),
  close: (client, options) => client.close(options),
  scope: (client, options) => client.scope('/a', options),
  get: (client, options) => client.get('/a', options),
  getText: (client, options) => client.getText('/a', options),
  exists: (client, options) => client.exists('/a', options),
  children: (client, options) => client.children('/a', options),
  getAcl: (client, options) => client.getAcl('/a', options),
  sync: (client, options) => client.sync('/a', options),
  ephemerals: (client, options) => client.ephemerals('/a', options),
  countDescendants: (client, options) => client.countDescendants('/a', options),
  whoAmI: (client, options) => client.whoAmI(options),
  create: (client, options) => client.create('/a', '', options),
  set: (client, options) => client.set('/a', '', options),
  put: (client, options) => client.put('/a', '', options),
  ensurePath: (client, options) => client.ensurePath('/a', options),
  update: (client, options) =>
    client.update('/a', { decode: () => 0, encode: () => new Uint8Array() }, () => 1, options),
  delete: (client, options) => client.delete('/a', options),
  deleteTree: (client, options) => client.deleteTree('/a', options),
  setAcl: (client, options) => client.setAcl('/a', 'open', options),
  changed: (client, options) => client.changed('/a', options),
  watch: (client, options) => client.watch('/a', options),
  addWatch: (client, options) => client.addWatch('/a', options),
  removeWatches: (client, options) => client.removeWatches('/a', options),
  getConfig: (client, options) => client.getConfig(options),
  reconfig: (client, options) => client.reconfig({ leaving: ['3'] }, options),
  connect: (client, options) => client.connect(options),
  multi: (client, options) => client.multi().check('/a', 1).commit(options),
  'multi.create': (client, options) => client.multi().create('/a', '', options),
  'multi.set': (client, options) => client.multi().set('/a', '', options),
  'multi.delete': (client, options) => client.multi().delete('/a', options),
  read: (client, options) => client.read().get('/a').commit(options),
};
/** Methods without options. */
const plain = ['constructor', 'stats', 'unref', 'on', 'status', 'fullPath', 'shares', 'addAuth'];

const wrong: Readonly<Record<string, unknown>> = {
  'an unknown name': { nonsense: true },
  'a number': 3,
  'a string': 'x',
  null: null,
  'a signal that is none': { signal: true },
  'a time limit that is none': { timeout: NaN },
  'a negative time limit': { timeout: -1 },
  'a version that is none': { version: 1.5 },
  'a watch that is none': { watch: true },
};

async function refusalOf(call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    return error;
  }
}

describe('a method of the client', () => {
  it('is in the table below, or has no options', () => {
    const names = Object.getOwnPropertyNames(Client.prototype).filter((name) => {
      return typeof Object.getOwnPropertyDescriptor(Client.prototype, name)?.value === 'function';
    });
    expect(names.filter((name) => !plain.includes(name) && !(name in methods))).toEqual([]);
  });

  for (const [name, call] of Object.entries(methods)) {
    it(`${name} refuses options that cannot be meant, and sends nothing`, async () => {
      const { client, ensemble } = await setUp();
      let sent = 0;
      ensemble.handler = () => void (sent += 1);
      for (const [what, options] of Object.entries(wrong)) {
        const refusal = await refusalOf(() => call(client, options as never));
        expect(refusal, `${name}: ${what}`).toBeInstanceOf(TypeError);
      }
      expect(sent).toBe(0);
      expect(client.state).toBe('connected');
      await client.close();
    });
  }

  it('says which option was meant', async () => {
    const { client } = await setUp();
    const said = async (work: Promise<unknown>): Promise<string> => (await rejection(work)).message;
    expect(await said(client.set('/a', '', { verson: 3 } as never))).toContain('did you mean "version"?');
    expect(await said(client.delete('/a', 3 as never))).toBe('the options of delete are an object, not 3');
    await client.close();
  });
});
