// CRC-32 (the polynomial of zlib), used by the tree digest. Every change of a znode sums its path, data and stat twice,
// so this takes eight bytes a step from eight tables instead of one byte from one.

const polynomial = 0xedb88320;

/** Table k at [256k, 256k + 256): the effect of one byte that has k more bytes behind it. */
const tables = buildTables();

function buildTables(): Int32Array {
  const built = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let value = byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1;
    built[byte] = value;
  }
  for (let at = 256; at < built.length; at++) {
    const previous = built[at - 256];
    built[at] = (previous >>> 8) ^ built[previous & 0xff];
  }
  return built;
}

/** Checksum of bytes[start, end) as an unsigned number; `seed` is the checksum of everything before. */
export function crc32(bytes: Uint8Array, start = 0, end: number = bytes.length, seed = 0): number {
  const t = tables;
  let crc = ~seed;
  let at = start;
  for (const unrolledEnd = end - 7; at < unrolledEnd; at += 8) {
    crc ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    crc =
      t[1792 + (crc & 0xff)] ^
      t[1536 + ((crc >>> 8) & 0xff)] ^
      t[1280 + ((crc >>> 16) & 0xff)] ^
      t[1024 + (crc >>> 24)] ^
      t[768 + bytes[at + 4]] ^
      t[512 + bytes[at + 5]] ^
      t[256 + bytes[at + 6]] ^
      t[bytes[at + 7]];
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ t[(crc ^ bytes[at]) & 0xff];
  return ~crc >>> 0;
}
