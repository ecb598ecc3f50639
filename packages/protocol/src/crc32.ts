// CRC-32 (zlib's polynomial), four bytes a step. The tree digest runs it over every changed znode.

const tables = ((): readonly Uint32Array[] => {
  const first = new Uint32Array(256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    first[n] = c >>> 0;
  }
  const all = [first];
  for (let k = 1; k < 4; k++) all.push(all[k - 1]!.map((c) => (c >>> 8) ^ first[c & 0xff]!));
  return all;
})();
const [t0, t1, t2, t3] = tables as [Uint32Array, Uint32Array, Uint32Array, Uint32Array];

/** CRC-32 of bytes[start, end) as an unsigned number; `seed` is the CRC of what came before. */
export function crc32(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  let c = ~seed;
  let at = start;
  for (const last = end - 3; at < last; at += 4) {
    c ^= bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    c = t3[c & 0xff]! ^ t2[(c >>> 8) & 0xff]! ^ t1[(c >>> 16) & 0xff]! ^ t0[c >>> 24]!;
  }
  for (; at < end; at++) c = (c >>> 8) ^ t0[(c ^ bytes[at]!) & 0xff]!;
  return ~c >>> 0;
}
