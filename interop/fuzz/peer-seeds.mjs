// What members of an ensemble have said to each other, recorded, as material for damaged conversations on the ports between
// members: the messages of whoever opened a connection, one list for each connection.

import { readFileSync, readdirSync } from 'node:fs';
import { integers } from './mutate.mjs';

const folder = new URL('../../packages/protocol/test-data/transcripts/', import.meta.url);
/** Where a greeting has the sender's id, and the least it takes. */
const idAt = { election: 8, leader: 16 };
/** Ids that no configuration names. */
const strangers = [50, 51, 52, 253];

function conversations() {
  const found = { election: [], leader: [] };
  for (const name of readdirSync(folder).filter((each) => each.endsWith('.jsonl'))) {
    const rows = readFileSync(new URL(name, folder), 'utf8').split('\n').filter(Boolean).map(JSON.parse);
    const connections = new Map();
    for (const { conn, port, dir, hex } of rows) {
      if (dir !== '>') continue;
      const key = `${port} ${conn}`;
      if (!connections.has(key)) connections.set(key, { port, messages: [] });
      connections.get(key).messages.push(Buffer.from(hex, 'hex'));
    }
    for (const { port, messages } of connections.values()) found[port]?.push(messages);
  }
  return found;
}

export class PeerSeeds {
  constructor(random) {
    this.random = random;
    this.recorded = conversations();
  }

  /** A conversation for this port, as it was or damaged here and there. Mostly nobody's id stands in its greeting. */
  conversation(port) {
    const { random } = this;
    const messages = random.pick(this.recorded[port]).map((message) => Buffer.from(message));
    if (random.chance(0.9) && messages[0].length >= idAt[port] + 8)
      messages[0].writeBigInt64BE(BigInt(random.pick(strangers)), idAt[port]);
    const kept = messages.slice(0, 1 + random.below(40));
    const at = random.below(kept.length);
    return kept.map((message, index) => (index < at || random.chance(0.6) ? message : this.damaged(message, port)));
  }

  damaged(message, port) {
    const { random } = this;
    return random.pick(damages)(random, message, random.pick(random.pick(this.recorded[port])));
  }
}

const spot = (random, bytes, width = 1) => random.below(Math.max(1, bytes.length - width + 1));

const damages = [
  (random, bytes) => {
    for (let count = 1 + random.below(6); count > 0; count -= 1) bytes[spot(random, bytes)] ^= 1 << random.below(8);
    return bytes;
  },
  (random, bytes) => {
    if (bytes.length >= 4) bytes.writeInt32BE(random.pick(integers), spot(random, bytes, 4));
    return bytes;
  },
  (random, bytes) => {
    if (bytes.length >= 8) bytes.writeBigInt64BE(random.pick(longs), spot(random, bytes, 8));
    return bytes;
  },
  (random, bytes) => bytes.subarray(0, spot(random, bytes)),
  (random, bytes) => Buffer.concat([bytes, bytes]),
  (random, bytes) => Buffer.concat([bytes, random.bytes(1 + random.below(300))]),
  (random, bytes, other) =>
    Buffer.concat([bytes.subarray(0, spot(random, bytes)), other.subarray(spot(random, other))]),
  (random) => random.bytes(1 + random.below(2000)),
  (random, _bytes, other) => other,
];

const longs = [-1n, 0n, 1n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 62n, 2n ** 63n - 1n, -(2n ** 63n), -2n];
