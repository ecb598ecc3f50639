// Corral's side of the recipes across languages: the same words as Partner.java and partner.py. Recipes whose name begins
// with `kazoo` use kazoo's names.

import { createInterface } from 'node:readline';
import { connect } from '@corral/client';
import {
  barrier,
  counter,
  election,
  group,
  lock,
  persistentTtlNode,
  rwLock,
  semaphore,
  services,
} from '@corral/recipes';
import { Ledger, permits } from './ledger.mjs';

const [hosts, sessionTimeout] = process.argv.slice(2);
const zk = await connect(hosts, { sessionTimeout: Number(sessionTimeout) });
const held = new Map();
const open = new Map();
const views = new Map();

/** Each gives something that tells its token, and its node where there is one. */
const recipes = {
  lock: (path) => lock(zk, path).acquire(),
  election: (path) => election(zk, path, { id: 'corral' }).campaign(),
  reader: (path) => rwLock(zk, path).read(),
  writer: (path) => rwLock(zk, path).write(),
  semaphore: (path) => semaphore(zk, path, { permits }).acquire(),
  'kazoo lock': (path) => lock(zk, path, { names: 'kazoo' }).acquire(),
  'kazoo election': (path) => election(zk, path, { names: 'kazoo', id: 'corral' }).campaign(),
  'kazoo reader': (path) => rwLock(zk, path, { names: 'kazoo' }).read(),
  'kazoo writer': (path) => rwLock(zk, path, { names: 'kazoo' }).write(),
};

const tokenOf = (hold) => Number(hold.token ?? hold.number);
const giveBack = (hold) => (hold.release ?? hold.resign).call(hold);

const shown = ({ address, port, payload, enabled = true, registeredAt }) => {
  const isNew = Date.now() - registeredAt.getTime() < 60_000;
  return [`${address}:${port}`, payload, enabled, isNew];
};

const verbs = {
  async contend({ recipe, path, rounds, ledger }) {
    const proof = new Ledger(ledger);
    for (let round = 0; round < rounds; round++) {
      const hold = await recipes[recipe](path);
      try {
        await proof.enter(recipe, 'corral', tokenOf(hold));
      } finally {
        await giveBack(hold);
      }
    }
  },
  async take({ recipe, path }) {
    const hold = await recipes[recipe](path);
    held.set(path, hold);
    return { node: hold.path ?? '', czxid: tokenOf(hold) };
  },
  async give({ path }) {
    await giveBack(held.get(path));
    held.delete(path);
  },
  /** Answers when somebody has asked for what is held. */
  async revoked({ path }) {
    const { revokeRequested } = held.get(path);
    if (!revokeRequested.aborted) await new Promise((resolve) => revokeRequested.addEventListener('abort', resolve));
  },
  async revoke({ path }) {
    if (!(await lock(zk, path).requestRevoke())) throw new Error('nobody holds it');
  },
  async count({ recipe, path, times }) {
    const number = counter(zk, path, { format: recipe });
    for (let done = 0; done < times; done++) await number.add(1n);
    return Number(await number.value());
  },
  async join({ path, name, names }) {
    open.set(path, await group(zk, path, { names }).join(name, { from: 'corral' }));
  },
  leave: ({ path }) => open.get(path).close(),
  async members({ path, names }) {
    return (await group(zk, path, { names }).members()).map(({ id, data }) => [id, data?.from ?? null]);
  },
  raise: ({ path }) => barrier(zk, path).raise(),
  lift: ({ path }) => barrier(zk, path).lift(),
  wait: ({ path }) => barrier(zk, path).wait(),
  async keep({ path, data, ttl }) {
    const node = persistentTtlNode(zk, path, data, { ttl });
    await node.ready;
    open.set(path, node);
  },
  async register({ path, service, name, port, payload }) {
    const input = { name: service, id: name, address: '127.0.0.1', port, payload };
    open.set(`${path} ${name}`, await services(zk, path).register(input));
  },
  update: ({ path, name, port, payload, enabled }) => open.get(`${path} ${name}`).update({ port, payload, enabled }),
  unregister: ({ path, name }) => open.get(`${path} ${name}`).close(),
  services: ({ path }) => services(zk, path).names(),
  async instances({ path, service }) {
    const key = `${path} ${service}`;
    if (!views.has(key)) views.set(key, services(zk, path).of(service));
    await views.get(key).ready;
    const found = views.get(key).instances();
    return Object.fromEntries(found.map((each) => [each.id, shown(each)]));
  },
};

async function answer({ id, verb, ...rest }) {
  try {
    const value = await verbs[verb](rest);
    console.log(JSON.stringify({ id, value }));
  } catch (error) {
    console.log(JSON.stringify({ id, error: String(error) }));
  }
}

console.log(JSON.stringify({ ready: true }));
for await (const line of createInterface({ input: process.stdin })) void answer(JSON.parse(line));
await zk.close();
