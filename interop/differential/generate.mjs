// Makes sequences: a number gives the same steps for ever. A small picture of what the steps so far should have left
// behind guides the choice, so that most steps meet nodes, versions and watches that are there.

import { Random } from '../fuzz/random.mjs';
import * as pool from './pools.mjs';

export const slots = 3;

/** The sequence of this number: { steps }, each step plain JSON. */
export function generate(seed, index, { length } = {}) {
  const random = new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b));
  const writer = new Generator(random);
  const count = length ?? 8 + random.below(32);
  for (let at = 0; at < count; at += 1) writer.step();
  return { seed, index, steps: writer.steps };
}

class Generator {
  steps = [];
  /** path -> { version, aversion, kids, born } as the steps so far should have left it. */
  nodes = new Map([['~', { version: 0, aversion: 0, born: 0 }]]);
  watched = [];

  constructor(random) {
    this.random = random;
  }

  step() {
    const { random } = this;
    const s = random.below(slots);
    if (random.chance(0.04))
      return this.steps.push({ s, op: 'connect', how: random.pick(connections), ...this.turn() });
    if (this.quota === undefined && random.chance(0.06))
      return this.steps.push({ s, op: 'burst', steps: this.several(2 + random.below(6), true) });
    this.steps.push({ s, ...this.operation() });
  }

  turn() {
    return { turn: this.random.below(3) };
  }

  several(count, pipelined) {
    return Array.from({ length: count }, () => this.operation(pipelined));
  }

  operation(pipelined = false) {
    const { random } = this;
    const table = pipelined ? ordinary : all;
    let weight = random.below(table.reduce((sum, [share]) => sum + share, 0));
    const [, make] = table.find(([share]) => (weight -= share) < 0);
    const step = make(this);
    if (!pipelined && random.chance(0.03) && !undamaged.has(step.op)) Object.assign(step, this.damage());
    return step;
  }

  damage() {
    const { random } = this;
    return random.pick([
      () => ({ cut: 1 + random.below(12) }),
      () => ({ cut: 1000 }),
      () => ({ tail: random.bytes(1 + random.below(9)).toString('hex') }),
      () => ({ patch: random.pick([-1, -2, 2147483647, -2147483648, 2097151, 5]) }),
      () => ({ raw: random.bytes(random.below(24)).toString('hex') }),
    ])();
  }

  path() {
    const { random } = this;
    if (random.chance(0.05)) return random.pick(pool.edgePaths);
    if (random.chance(0.75)) return random.pick([...this.nodes.keys()]);
    return this.fresh();
  }

  /** A path that may not be there yet, below one that is. */
  fresh() {
    const { random } = this;
    if (random.chance(0.04)) return random.pick(pool.edgePaths);
    const shallow = [...this.nodes.keys()].filter((path) => path.split('/').length < 4);
    return `${random.pick(shallow)}/${random.pick(pool.names)}`;
  }

  version(path, field = 'version') {
    // Members of an ensemble have written their configuration, a server alone has not.
    if (path === '/zookeeper/config') return -1;
    const wanted = this.random.pick(pool.versions);
    if (typeof wanted === 'number') return wanted;
    const current = this.nodes.get(path)?.[field] ?? 0;
    return wanted === 'current' ? current : current + 1;
  }

  data() {
    const { random } = this;
    if (random.chance(0.1)) return random.pick([null, '', { size: 1000 }, { size: 5000 }, 'ü', '~']);
    return 'x'.repeat(1 + random.below(9));
  }

  acl() {
    const { random } = this;
    if (random.chance(0.75)) return pool.open;
    return random.chance(0.75) ? random.pick(pool.acls) : random.pick(pool.edgeAcls);
  }

  create(op, flags, more = {}) {
    const path = this.fresh();
    const kept = op === 'createContainer' ? ({ 1: 0, 3: 2 }[flags] ?? flags) : flags;
    this.born(path, kept);
    return { op, path, data: this.data(), acl: this.acl(), flags: kept, ...more };
  }

  /** Notes what a create should leave behind; a sequential one gets the number of its parent. */
  born(path, flags) {
    if (typeof path !== 'string') return;
    const parent = this.nodes.get(path.slice(0, path.lastIndexOf('/')));
    if (parent === undefined) return;
    const name = [2, 3, 6].includes(flags) ? `${path}${String(parent.born).padStart(10, '0')}` : path;
    if (this.nodes.has(name)) return;
    parent.born += 1;
    this.nodes.set(name, { version: 0, aversion: 0, born: 0 });
  }

  bump(path, field) {
    const node = this.nodes.get(path);
    if (node) node[field] += 1;
  }

  remove(path) {
    const parent = [...this.nodes.keys()].some((other) => other.startsWith(`${path}/`));
    if (path !== '~' && !parent) this.nodes.delete(path);
  }

  paths() {
    const { random } = this;
    if (random.chance(0.05)) return null;
    return Array.from({ length: random.below(4) }, () => own(this.path())).filter((path) => path !== null);
  }

  /** The one node of the sequence that has a quota. */
  limited() {
    return (this.quota ??= this.random.pick([...this.nodes.keys()]));
  }

  watch() {
    return this.random.chance(0.35);
  }
}

const connections = ['new', 'again', 'again', 'move', 'wrong password'];
/** Damage to these kills Apache's server, or is what they are made of already. */
const undamaged = new Set(['createTtl', 'unknown', 'close']);

/** A path that only this sequence changes, so that a watch on it is set off by nobody else. */
const own = (path) =>
  typeof path === 'string' && !path.includes('~') && /^(\/?$|\/zookeeper)/.test(path) ? '~' : path;

const read = (op) => (g) => {
  const path = g.path();
  const watch = own(path) === path && g.watch();
  if (watch) g.watched.push(path);
  return { op, path, watch };
};
const plain = (op) => (g) => ({ op, path: g.path() });
const createOne = (op) => (g) => g.create(op, g.random.pick(pool.flags));

function createTtl(g) {
  const flags = g.random.chance(0.8) ? g.random.pick([5, 6]) : g.random.pick(pool.flags);
  const ttl = g.random.pick(pool.ttls);
  return g.create('createTtl', flags, { ttl: flags === 5 || flags === 6 ? ttl : Math.abs(ttl) });
}

function setData(g) {
  const path = g.path();
  const version = g.version(path);
  g.bump(path, 'version');
  return { op: 'setData', path, data: g.data(), version };
}

function setAcl(g) {
  const path = g.path();
  const version = g.version(path, 'aversion');
  g.bump(path, 'aversion');
  // Whoever closed what lies above the folders would close it to the other sequences.
  const acl = typeof path === 'string' && !path.startsWith('~') ? pool.open : g.acl();
  return { op: 'setAcl', path, acl, version };
}

function remove(g) {
  const path = g.path();
  const version = g.version(path);
  g.remove(path);
  return { op: 'delete', path, version };
}

function check(g) {
  const path = g.path();
  return { op: 'check', path, version: g.version(path) };
}

const plainCreates = new Set(['create', 'create2', 'createContainer']);

function multi(g) {
  const { random } = g;
  const count = random.chance(0.05) ? 0 : 1 + random.below(6);
  const list = Array.from({ length: count }, () => random.pick(parts)(g));
  for (const part of list) if (plainCreates.has(part.op)) part.acl ??= pool.open;
  if (random.chance(0.25)) {
    const failing = { op: 'delete', path: '~/nowhere', version: -1 };
    list.splice(random.below(list.length + 1), 0, failing);
  }
  if (random.chance(0.02)) list.push({ op: 'multi', parts: [] });
  if (random.chance(0.02)) list.push({ op: 'getData', path: g.path(), watch: false });
  const step = { op: 'multi', parts: list };
  if (random.chance(0.02)) step.open = true;
  return step;
}

function multiRead(g) {
  const { random } = g;
  const count = random.below(5);
  const list = Array.from({ length: count }, () => read(random.pick(['getData', 'getChildren']))(g));
  if (random.chance(0.05)) list.push(read('exists')(g));
  return { op: 'multiRead', parts: list };
}

/** Quotas: the limits and figures of some node, made, changed and removed like any other node. */
function quota(g) {
  const { random } = g;
  const target = g.limited();
  const folder = `/zookeeper/quota${target}`;
  const path = random.pick([folder, folder, `${folder}/zookeeper_limits`, `${folder}/zookeeper_stats`]);
  const text = path.endsWith('stats') ? 'count=0,bytes=0' : random.pick(pool.limits);
  const picked = random.pick(['create', 'create', 'create', 'setData', 'getData', 'delete']);
  const op = picked === 'setData' && path.endsWith('stats') ? 'getData' : picked;
  if (op === 'create') return { op, path, data: text, acl: pool.open, flags: 0 };
  if (op === 'setData') return { op, path, data: text, version: -1 };
  if (op === 'delete') return { op, path, version: -1 };
  return { op, path, watch: false };
}

/** A whole quota at once, as clients make it. */
function wholeQuota(g) {
  const target = g.limited();
  const names = target.split('/').map((_, at, list) => list.slice(0, at + 1).join('/'));
  const make = (path, data) => ({ op: 'create', path, data, acl: pool.open, flags: 0 });
  const folder = `/zookeeper/quota${target}`;
  const list = g.random.chance(0.5) ? names.slice(-1) : names;
  return {
    op: 'multi',
    parts: [
      ...list.map((name) => make(`/zookeeper/quota${name}`, '')),
      make(`${folder}/zookeeper_limits`, g.random.pick(pool.limits)),
      make(`${folder}/zookeeper_stats`, 'count=0,bytes=0'),
    ],
  };
}

const watchLists = (op, keys) => (g) => ({
  op,
  since: g.random.pick(['zero', 'last', 'last', 'maximum', 'negative']),
  ...Object.fromEntries(keys.map((key) => [key, g.paths()])),
});
const withPath = (op, key, values) => (g) => {
  const known = g.watched.length > 0 && g.random.chance(0.6);
  return { op, path: known ? g.random.pick(g.watched) : own(g.path()), [key]: g.random.pick(values) };
};
function addWatch(g) {
  const step = withPath('addWatch', 'mode', [0, 1, 0, 1, 0, 1, 2, -1])(g);
  g.watched.push(step.path);
  return step;
}

function auth(g) {
  const [scheme, credential] = g.random.pick(pool.credentials);
  return { op: 'auth', scheme, credential };
}

/** Forms that fail on any server; a member list is never really changed here. */
function reconfig(g) {
  const text = (values) => g.random.pick(values);
  return {
    op: 'reconfig',
    joining: text([null, '', 'server.9=nonsense']),
    leaving: text(['', 'x']),
    members: text([null, 'nonsense']),
    config: text([-1, 0, 99]),
  };
}

/** [share, maker]: what may stand between other requests of one connection without waiting for the answer. */
const ordinary = [
  [8, createOne('create')],
  [8, createOne('create2')],
  [3, createOne('createContainer')],
  [4, createTtl],
  [9, remove],
  [9, setData],
  [12, multi],
  [5, read('exists')],
  [5, read('getData')],
  [3, plain('getAcl')],
  [4, read('getChildren')],
  [4, read('getChildren2')],
  [2, plain('getAllChildrenNumber')],
  [2, plain('getEphemerals')],
  [3, multiRead],
  [1, plain('sync')],
  [1, () => ({ op: 'whoAmI' })],
  [6, addWatch],
  [2, withPath('checkWatches', 'type', [1, 2, 3, 4, 5, 0, 6])],
  [2, withPath('removeWatches', 'type', [1, 2, 3, 4, 5, 0, 6])],
];

const all = [
  ...ordinary,
  [6, setAcl],
  [4, quota],
  [4, wholeQuota],
  [2, watchLists('setWatches', ['dataPaths', 'existPaths', 'childPaths'])],
  [2, watchLists('setWatches2', ['dataPaths', 'existPaths', 'childPaths', 'persistent', 'recursive'])],
  [6, auth],
  [1, () => ({ op: 'ping' })],
  [1, check],
  [1, reconfig],
  [2, () => ({ op: 'close' })],
  [1, (g) => ({ op: 'sasl', token: g.random.pick([null, '', 'x']) })],
  [1, (g) => ({ op: 'unknown', code: g.random.pick(pool.unknownCodes), raw: '' })],
];

const parts = [
  createOne('create'),
  createOne('create2'),
  createOne('createContainer'),
  createTtl,
  remove,
  setData,
  check,
];
