// Session ids and their passwords, as every member of a mixed ensemble (and a server that takes over a data directory)
// computes them: clients that hold a session of an Apache server keep it.

import { limits } from '@corral/protocol';
import type { SessionId } from '@corral/protocol';

/** First id of a server started at `nowMs`: the server's number on top, then the clock; later ids count up from it. */
export function firstSessionId(serverId: number, nowMs: number): SessionId {
  const clock = BigInt.asUintN(64, BigInt(nowMs) << 24n) >> 8n;
  return BigInt.asIntN(64, (BigInt(serverId) << 56n) | clock) as SessionId;
}

const invalidId = -(1n << 63n);

/** The next id; the smallest 64-bit integer is skipped, it marks container nodes. */
export function nextSessionId(id: SessionId): SessionId {
  const next = BigInt.asIntN(64, id + 1n);
  return (next === invalidId ? next + 1n : next) as SessionId;
}

/** Gives out the ids of one server, each once. Keep it for as long as the server runs. */
export class SessionIds {
  readonly #serverId: number;
  readonly #startedAt: number;
  #next: SessionId | undefined;

  constructor(serverId: number, startedAt: number) {
    this.#serverId = serverId;
    this.#startedAt = startedAt;
  }

  /** `wall`: what the clock shows; ids begin there when it is later than the start of the server. */
  take(wall: number): SessionId {
    const id = this.#next ?? firstSessionId(this.#serverId, Math.max(this.#startedAt, wall));
    this.#next = nextSessionId(id);
    return id;
  }
}

const secret = 0xb3415c00n;
const multiplier = 0x5deece66dn;
const mask48 = (1n << 48n) - 1n;

/** The 16 bytes that java.util.Random gives for this id. */
export function sessionPassword(id: SessionId): Uint8Array {
  const password = new Uint8Array(limits.passwordBytes);
  let state = (BigInt.asUintN(64, id) ^ secret ^ multiplier) & mask48;
  for (let at = 0; at < password.length; at += 4) {
    state = (state * multiplier + 11n) & mask48;
    const word = Number(state >> 16n);
    password[at] = word;
    password[at + 1] = word >>> 8;
    password[at + 2] = word >>> 16;
    password[at + 3] = word >>> 24;
  }
  return password;
}

/** Compares without telling by its duration where the first difference is. */
export function samePassword(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a[i] ^ (b[i] ?? 0);
  return difference === 0;
}
