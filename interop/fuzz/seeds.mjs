// Where fuzzed frames come from: for every opcode a well-formed request, with now and then a value nobody expects.

import { bool, bytes, int, long, text, vector } from '../lib/jute.mjs';
import { body, op } from '../lib/wire.mjs';

const raw = (...values) => bytes(Buffer.from(values));

/** Encoded strings that a decoder or a path check may trip over. */
const nastyTexts = [
  ...['', '/', '//', '/..', '/.', '/a/../b', '/fuzz/', '/fuzz//x', 'fuzz', '/fuzz/\u0000', '/\u0001', '/fuzz/\ud800'],
  ...['/__proto__', '/constructor', '/fuzz/__proto__/x', '/fuzz/hasOwnProperty', '/toString', '/zookeeper'],
  ...['/zookeeper/config', '/zookeeper/quota', '/zookeeper/quota/fuzz/zookeeper_limits', '/fuzz/\ufffe', '/\u{1f600}'],
  ...['__proto__', 'constructor', 'prototype', 'world', 'digest', 'ip', 'super', 'x'.repeat(5000), '/a'.repeat(2000)],
].map(text);
nastyTexts.push(text(null), raw(0x2f, 0xff, 0xfe), raw(0x2f, 0xc0, 0xaf), raw(0x2f, 0xed, 0xa0, 0x80), int(-2));
nastyTexts.push(int(0x7fffffff), int(-0x80000000), raw(0xf4, 0x90, 0x80, 0x80), raw(0xe2, 0x82));

const specialInts = [-1, 0, 1, 2, 3, 4, 5, 6, 7, 31, 32, 127, 255, 0xffff, 0xfffff, 0x7fffffff, -0x80000000, -2];
const specialLongs = [0n, 1n, -1n, 0x7fffffffffffffffn, -0x8000000000000000n, 0xffffffffffn, 0x10000000000n];

export class Seeds {
  /** `without` names opcodes to leave out: Apache's server dies of a damaged createTTL. */
  constructor(random, without = []) {
    this.random = random;
    this.types = opcodes.filter((type) => !without.includes(type));
    this.writes = writeTypes.filter((type) => !without.includes(type));
  }

  path() {
    const { random } = this;
    if (random.chance(0.15)) return random.pick(nastyTexts);
    const depth = 1 + random.below(3);
    let path = '/fuzz';
    for (let at = 0; at < depth; at += 1) path += `/${'abcdefgh'[random.below(8)]}${random.below(6)}`;
    return text(path);
  }

  data() {
    const { random } = this;
    if (random.chance(0.1)) return int(random.pick(specialInts));
    return random.chance(0.1) ? int(-1) : bytes(random.bytes(random.chance(0.02) ? 20_000 : random.below(40)));
  }

  number(usual) {
    return int(this.random.chance(0.3) ? this.random.pick(specialInts) : usual);
  }

  long(usual) {
    return long(this.random.chance(0.3) ? this.random.pick(specialLongs) : usual);
  }

  acl() {
    const { random } = this;
    if (random.chance(0.1)) return int(random.pick(specialInts));
    const entry = () => {
      const id = random.chance(0.7) ? [text('world'), text('anyone')] : [this.scheme(), random.pick(nastyTexts)];
      return Buffer.concat([this.number(31), ...id]);
    };
    return vector(Array.from({ length: random.chance(0.05) ? 200 : 1 }, entry));
  }

  scheme() {
    return this.random.chance(0.5) ? text(this.random.pick(['digest', 'ip', 'auth', 'sasl', 'x509'])) : this.path();
  }

  paths() {
    const { random } = this;
    if (random.chance(0.1)) return int(random.pick(specialInts));
    return vector(Array.from({ length: random.below(6) }, () => this.path()));
  }

  flag() {
    return this.random.chance(0.9) ? bool(this.random.chance(0.5)) : this.random.bytes(1);
  }

  create() {
    return Buffer.concat([this.path(), this.data(), this.acl(), this.number(this.random.below(4))]);
  }

  multi(types) {
    const parts = [];
    for (let count = this.random.below(6); count > 0; count -= 1) {
      const type = this.random.chance(0.95) ? this.random.pick(types) : this.random.pick(specialInts);
      const done = bool(this.random.chance(0.02));
      parts.push(int(type), done, this.number(-1), this.record(type));
    }
    if (this.random.chance(0.95)) parts.push(int(-1), bool(true), int(-1));
    return Buffer.concat(parts);
  }

  /** The request record of an opcode; empty for one without a record. */
  record(type) {
    const maker = makers[type];
    return maker ? Buffer.concat(maker(this)) : Buffer.alloc(0);
  }

  /** A whole request without its length: header and record. */
  request() {
    const { random } = this;
    const type = random.chance(0.97)
      ? random.pick(this.types)
      : random.pick([0, -1, 10, 23, 99, 108, 1000, -12, 0x7fffffff]);
    const xid = random.chance(0.9) ? 1 + random.below(100_000) : random.pick(specialInts.concat(-4, -8, -2));
    return Buffer.concat([int(xid), int(type), this.record(type)]);
  }

  /** A ConnectRequest without its length. */
  handshake(session) {
    const parts = [this.number(0), this.long(0n), this.number(1000)];
    if (session && this.random.chance(0.5)) parts.push(long(session.id), bytes(session.password));
    else parts.push(this.long(0n), this.random.chance(0.2) ? this.data() : bytes(Buffer.alloc(16)));
    if (this.random.chance(0.7)) parts.push(this.flag());
    return Buffer.concat(parts);
  }
}

const writeTypes = [op.create, op.create2, op.delete, op.setData, op.check, op.createContainer, op.createTtl];

const makers = {
  [op.create]: (s) => [s.create()],
  [op.create2]: (s) => [s.create()],
  [op.createContainer]: (s) => [s.create()],
  [op.createTtl]: (s) => [s.create(), s.long(60_000n)],
  [op.delete]: (s) => [s.path(), s.number(-1)],
  [op.exists]: (s) => [s.path(), s.flag()],
  [op.getData]: (s) => [s.path(), s.flag()],
  [op.setData]: (s) => [s.path(), s.data(), s.number(-1)],
  [op.getAcl]: (s) => [s.path()],
  [op.setAcl]: (s) => [s.path(), s.acl(), s.number(-1)],
  [op.getChildren]: (s) => [s.path(), s.flag()],
  [op.getChildren2]: (s) => [s.path(), s.flag()],
  [op.sync]: (s) => [s.path()],
  [op.check]: (s) => [s.path(), s.number(-1)],
  [op.multi]: (s) => [s.multi(s.writes)],
  [op.multiRead]: (s) => [s.multi([op.getData, op.getChildren])],
  [op.reconfig]: (s) => [s.path(), s.path(), s.path(), s.long(-1n)],
  [op.checkWatches]: (s) => [s.path(), s.number(3)],
  [op.removeWatches]: (s) => [s.path(), s.number(3)],
  [op.deleteContainer]: (s) => [s.path()],
  [op.auth]: (s) => [s.number(0), s.scheme(), s.data()],
  [op.setWatches]: (s) => [s.long(0n), s.paths(), s.paths(), s.paths()],
  [op.setWatches2]: (s) => [s.long(0n), s.paths(), s.paths(), s.paths(), s.paths(), s.paths()],
  [op.sasl]: (s) => [s.data()],
  [op.getEphemerals]: (s) => [s.path()],
  [op.getAllChildrenNumber]: (s) => [s.path()],
  [op.addWatch]: (s) => [s.path(), s.number(1)],
  [op.createSession]: (s) => [s.number(10_000)],
};

/** Every opcode; those that end the connection even when well-formed come up less often. */
const ending = new Set([op.close, op.createSession, op.sasl, op.auth, op.check]);
const opcodes = Object.values(op).flatMap((type) => (ending.has(type) ? [type] : Array(12).fill(type)));

/** A tree for the requests to meet something in. */
export async function plant(wire) {
  await wire.request(op.create, body.create('/fuzz', Buffer.from('root')));
  for (let at = 0; at < 8; at += 1) {
    for (let number = 0; number < 6; number += 1) {
      await wire.request(op.create, body.create(`/fuzz/${'abcdefgh'[at]}${number}`, Buffer.from('seed')));
    }
  }
}
