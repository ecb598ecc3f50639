// Ways to damage a request. The first group keeps the frame whole, so that the connection may survive and the next
// frame counts; the second breaks the framing itself and therefore ends whatever it is sent on.

import { int } from '../lib/jute.mjs';

export const integers = [-1, 0, 1, 0x7fffffff, -0x80000000, 0x000fffff, 0x00100000, 0x7fffff00, -2, 65536];

const bodyMutations = [
  (r, b) => {
    const out = Buffer.from(b);
    for (let count = 1 + r.below(8); count > 0 && out.length > 8; count -= 1) {
      out[8 + r.below(out.length - 8)] ^= 1 << r.below(8);
    }
    return out;
  },
  (r, b) => {
    const out = Buffer.from(b);
    if (out.length > 8) out[8 + r.below(out.length - 8)] = r.below(256);
    return out;
  },
  (r, b) => b.subarray(0, 8 + r.below(Math.max(1, b.length - 8))),
  (r, b) => Buffer.concat([b, r.bytes(1 + r.below(60))]),
  (r, b) => {
    const out = Buffer.from(b);
    if (out.length >= 12) out.writeInt32BE(r.pick(integers), 8 + r.below(out.length - 11));
    return out;
  },
  (r, b) => {
    const at = 8 + r.below(Math.max(1, b.length - 8));
    return Buffer.concat([b.subarray(0, at), b.subarray(Math.min(b.length, at + 1 + r.below(12)))]);
  },
  (r, b) => {
    const at = 8 + r.below(Math.max(1, b.length - 8));
    return Buffer.concat([b.subarray(0, at), b.subarray(8, at), b.subarray(at)]);
  },
  (r, b, other) =>
    Buffer.concat([b.subarray(0, 8 + r.below(Math.max(1, b.length - 8))), other.subarray(r.below(other.length))]),
  (_r, b) => b,
  (r, b) => Buffer.concat([b.subarray(0, 8), r.bytes(r.below(80))]),
];

/** A whole frame, its length telling the truth, its contents damaged. */
export function damagedBody(random, seeds) {
  let payload = seeds.request();
  for (let count = random.chance(0.2) ? 2 : 1; count > 0; count -= 1) {
    payload = random.pick(bodyMutations)(random, payload, seeds.request());
  }
  return Buffer.concat([int(payload.length), payload]);
}

const framingMutations = [
  (r, b) => Buffer.concat([int(r.pick(integers)), b]),
  (r, b) => Buffer.concat([int(b.length + 1 + r.below(1000)), b]),
  (r, b) => Buffer.concat([int(Math.max(0, b.length - 1 - r.below(20))), b]),
  (r, b) => Buffer.concat([int(b.length), b]).subarray(0, 1 + r.below(b.length + 3)),
  (r) => r.bytes(1 + r.below(200)),
  (r) => Buffer.concat([int(r.below(9)), r.bytes(8)]),
  (r, b) => Buffer.concat([Buffer.from(r.pick(words)), b]),
  (r, b) => Buffer.concat([int(4), r.bytes(4), int(b.length), b]),
];

export function damagedFraming(random, seeds) {
  return random.pick(framingMutations)(random, seeds.request());
}

const words = ['ruok', 'stat', 'mntr', 'srvr', 'RUOK', 'ruo\0', 'stmk', 'conf', 'dump', 'wchp', 'isro', 'GET ', 'xxxx'];

/** What a connection may begin with instead of a proper handshake. */
export function damagedHandshake(random, seeds, session) {
  const choice = random.below(6);
  if (choice === 0) return random.bytes(1 + random.below(120));
  if (choice === 1) return Buffer.concat([Buffer.from(random.pick(words)), random.bytes(random.below(20))]);
  const payload = seeds.handshake(session);
  if (choice === 2) return Buffer.concat([int(random.pick(integers)), payload]);
  if (choice === 3) return Buffer.concat([int(payload.length), payload]).subarray(0, random.below(payload.length + 4));
  if (choice === 4) {
    const out = Buffer.from(payload);
    out[random.below(out.length)] ^= 1 << random.below(8);
    return Buffer.concat([int(out.length), out]);
  }
  return Buffer.concat([int(payload.length), payload]);
}
