// A zxid orders every change of the ensemble: the epoch of the leader in the high 32 bits, a counter in the low 32.
// Inside Corral it is a safe integer (epoch below 2^21), which compares, sorts and hashes as a number; an epoch beyond
// that means a corrupt file and is refused. Only this file does arithmetic on zxids.

declare const brand: unique symbol;
/** A number or bigint that must not be mixed with others of its kind. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

export type Zxid = Brand<number, 'Zxid'>;
export type Epoch = Brand<number, 'Epoch'>;
/** 64 bits, the server's number in the top byte; never a JavaScript number. */
export type SessionId = Brand<bigint, 'SessionId'>;

const twoTo32 = 4294967296;
export const epochMax = 2 ** 21 - 1;

export const zxidZero = 0 as Zxid;
/** Watch events raised by setWatches and replies to unknown operations carry it. */
export const zxidNone = -1 as Zxid;

export const zxidOf = (epoch: number, counter: number): Zxid => (epoch * twoTo32 + counter) as Zxid;
export const epochOf = (zxid: Zxid): Epoch => Math.floor(zxid / twoTo32) as Epoch;
export const counterOf = (zxid: Zxid): number => zxid % twoTo32;
export const nextZxid = (zxid: Zxid): Zxid => (zxid + 1) as Zxid;
/** Whether a 64-bit value read as a number is a zxid Corral can hold exactly. */
export const isSafeZxid = (value: number): value is Zxid => value >= 0 && value < (epochMax + 1) * twoTo32;

/** Lower-case hex without prefix, as in file names and configuration versions. */
export const zxidHex = (zxid: number): string => (zxid < 0 ? BigInt.asUintN(64, BigInt(zxid)) : zxid).toString(16);
/** `0x…`, as in logs and four-letter words. */
export const formatZxid = (zxid: number): string => `0x${zxidHex(zxid)}`;
/** `0x…` of a session id, unsigned. */
export const formatSessionId = (id: bigint): string => `0x${BigInt.asUintN(64, id).toString(16)}`;
