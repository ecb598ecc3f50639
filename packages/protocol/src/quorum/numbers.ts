// The 64-bit numbers of the server-to-server protocols, as the numbers Corral computes with. What a number cannot hold
// exactly is refused here, so that no later comparison works on a rounded value. Used by packet.ts, bodies.ts and
// notification.ts.

import { ProtocolError } from '../errors.ts';
import type { JuteReader } from '../jute/reader.ts';
import type { JuteWriter } from '../jute/writer.ts';
import { epochMax, isSafeZxid, zxidNone } from '../zxid.ts';
import type { Zxid } from '../zxid.ts';

/** High half of Java's smallest long; the low half is zero. It stands for "no vote". */
const smallestHigh = -0x80000000;

/** Server ids are 64 bits on the wire. One that is negative or beyond 2^53 cannot be configured, so nobody has it. */
export function readServerId(from: JuteReader): number {
  const id = from.longNumber();
  if (!Number.isSafeInteger(id) || id < 0) throw new ProtocolError(`impossible server id ${id}`);
  return id;
}

/** Whether the halves of a 64-bit value are a zxid Corral can hold, or the -1 that stands for none. */
export function isWireZxid(high: number, low: number): boolean {
  return (high >= 0 && high <= epochMax) || (high === -1 && low === -1);
}

/** A zxid, or -1 where the sender has none. */
export function readZxid(from: JuteReader): Zxid {
  const value = from.longNumber();
  if (!isSafeZxid(value) && value !== zxidNone) throw new ProtocolError(`zxid out of range: ${value}`);
  return value as Zxid;
}

/** Java's smallest long reads as undefined; anything else is left to `read`. */
export function readUnlessNone<T>(from: JuteReader, read: (from: JuteReader) => T): T | undefined {
  const start = from.at;
  const high = from.int();
  const low = from.int();
  if (high === smallestHigh && low === 0) return undefined;
  from.at = start;
  return read(from);
}

/** undefined is written as Java's smallest long. */
export function writeUnlessNone(to: JuteWriter, value: number | undefined): void {
  if (value !== undefined) return to.longNumber(value);
  to.int(smallestHigh);
  to.int(0);
}
