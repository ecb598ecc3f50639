// MD5 (RFC 1321), for DIGEST-MD5 only: browsers have no MD5 of their own, and the core of the client runs there, too.

const shifts = [
  [7, 12, 17, 22],
  [5, 9, 14, 20],
  [4, 11, 16, 23],
  [6, 10, 15, 21],
] as const;
const sines = Array.from({ length: 64 }, (_, i) => Math.floor(Math.abs(Math.sin(i + 1)) * 2 ** 32) | 0);
const blockBytes = 64;

export function md5(message: Uint8Array): Uint8Array {
  const padded = pad(message);
  const words = new DataView(padded.buffer);
  let state: Words = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476];
  for (let at = 0; at < padded.length; at += blockBytes) state = mix(state, words, at);
  const digest = new Uint8Array(16);
  state.forEach((word, i) => new DataView(digest.buffer).setInt32(i * 4, word, true));
  return digest;
}

type Words = readonly [number, number, number, number];

/** A one bit, zeros, and the length in bits, up to a whole number of blocks. */
function pad(message: Uint8Array): Uint8Array<ArrayBuffer> {
  const padded = new Uint8Array(Math.ceil((message.length + 9) / blockBytes) * blockBytes);
  padded.set(message);
  padded[message.length] = 0x80;
  new DataView(padded.buffer).setBigUint64(padded.length - 8, BigInt(message.length) * 8n, true);
  return padded;
}

function mix(state: Words, words: DataView, at: number): Words {
  let [a, b, c, d] = state;
  for (let step = 0; step < 64; step++) {
    const round = step >> 4;
    const { mixed, word } = roundOf(round, step, b, c, d);
    const sum = (a + mixed + sines[step] + words.getInt32(at + word * 4, true)) | 0;
    const shift = shifts[round][step & 3];
    [a, d, c, b] = [d, c, b, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0];
  }
  return [(state[0] + a) | 0, (state[1] + b) | 0, (state[2] + c) | 0, (state[3] + d) | 0];
}

function roundOf(round: number, step: number, b: number, c: number, d: number): { mixed: number; word: number } {
  switch (round) {
    case 0:
      return { mixed: (b & c) | (~b & d), word: step };
    case 1:
      return { mixed: (b & d) | (c & ~d), word: (5 * step + 1) & 15 };
    case 2:
      return { mixed: b ^ c ^ d, word: (3 * step + 5) & 15 };
    default:
      return { mixed: c ^ (b | ~d), word: (7 * step) & 15 };
  }
}
