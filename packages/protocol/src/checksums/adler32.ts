// Adler-32, the checksum of Apache's log records and snapshots. Incremental: the value of a prefix is the seed for what
// follows, so a snapshot is summed chunk by chunk and a log record where it lies.

const modulus = 65521;
/** Longest run for which both 32-bit sums stay below 2^31, so that the engine keeps them in integer registers. */
const runBytes = 3792;

/** Checksum of bytes[start, end) as an unsigned number; `seed` is the checksum of everything before. */
export function adler32(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 1): number {
  let a = seed & 0xffff;
  let b = seed >>> 16;
  let at = start;
  while (at < end) {
    const runEnd = Math.min(at + runBytes, end);
    // Eight bytes at a time: b grows by 8a plus the bytes weighted by how many later additions still see them.
    for (const unrolledEnd = runEnd - 7; at < unrolledEnd; at += 8) {
      const c0 = bytes[at];
      const c1 = bytes[at + 1];
      const c2 = bytes[at + 2];
      const c3 = bytes[at + 3];
      const c4 = bytes[at + 4];
      const c5 = bytes[at + 5];
      const c6 = bytes[at + 6];
      const c7 = bytes[at + 7];
      b = (b + 8 * a + 8 * c0 + 7 * c1 + 6 * c2 + 5 * c3 + 4 * c4 + 3 * c5 + 2 * c6 + c7) | 0;
      a = (a + c0 + c1 + c2 + c3 + c4 + c5 + c6 + c7) | 0;
    }
    for (; at < runEnd; at++) {
      a += bytes[at];
      b += a;
    }
    a %= modulus;
    b %= modulus;
  }
  return ((b << 16) | a) >>> 0;
}
