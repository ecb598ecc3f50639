// The 64 bits that a znode stores as its owner say what kind of node it is: nothing, a session, a container or a time to
// live. They are held as two signed halves, since a session id does not fit a JavaScript number.

import { opcodes } from '@corral/protocol';

export type OwnerKind = 'persistent' | 'ephemeral' | 'container' | 'ttl';

export interface OwnerOptions {
  /** Without it, TTL encodings are taken for session ids, as ZooKeeper does. */
  readonly extendedTypes: boolean;
  /** Also read the TTL encoding of 3.5.3. */
  readonly emulate353: boolean;
}

const containerHigh = -0x80000000;
const twoTo32 = 4294967296;

export function ownerKind(high: number, low: number, options: OwnerOptions): OwnerKind {
  if (high === 0 && low === 0) return 'persistent';
  if (high === containerHigh && low === 0) return 'container';
  if (options.extendedTypes && high >>> 24 === 0xff) return 'ttl';
  if (options.extendedTypes && options.emulate353 && high < 0) return 'ttl';
  return 'ephemeral';
}

/** Milliseconds a TTL node may stay without children and changes. */
export function ttlOf(high: number, low: number): number {
  const isNewFormat = high >>> 24 === 0xff;
  return (high & (isNewFormat ? 0xff : 0x0fffffff)) * twoTo32 + (low >>> 0);
}

export const containerOwner = { high: containerHigh, low: 0 } as const;
export const ttlOwner = (ttlMs: number): { high: number; low: number } => ({
  high: 0xff000000 | Math.floor(ttlMs / twoTo32) | 0,
  low: (ttlMs % twoTo32) | 0,
});
export const sessionOwner = (id: bigint): { high: number; low: number } => ({
  high: Number(BigInt.asIntN(32, id >> 32n)),
  low: Number(BigInt.asIntN(32, id)),
});
export const sessionOfOwner = (high: number, low: number): bigint => (BigInt(high) << 32n) | BigInt(low >>> 0);

/** What a create of this kind stores as the owner; undefined for a node that nobody owns. `session`: 0 for none. */
export function storedOwner(
  code: number,
  ttlMs: number,
  session: bigint,
): { readonly high: number; readonly low: number } | undefined {
  if (code === opcodes.createContainer) return containerOwner;
  if (code === opcodes.createTTL) return ttlOwner(ttlMs);
  return session === 0n ? undefined : sessionOwner(session);
}
