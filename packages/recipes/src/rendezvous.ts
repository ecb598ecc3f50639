// Rendezvous hashing: every part goes to the member with the highest hash of both names. Whoever computes it gets the same
// answer, and one member more or less moves only what it gains or had.

const offset = 0xcbf29ce484222325n;
const prime = 0x100000001b3n;

/** FNV-1a over UTF-8 with the bits mixed once more: FNV alone tells similar names apart badly in its high bits. */
function hash(text: string): bigint {
  let h = offset;
  for (const byte of new TextEncoder().encode(text)) h = BigInt.asUintN(64, (h ^ BigInt(byte)) * prime);
  h = BigInt.asUintN(64, (h ^ (h >> 33n)) * 0xff51afd7ed558ccdn);
  return h ^ (h >> 33n);
}

/** Which member has which part. */
export function rendezvous(parts: readonly string[], members: readonly string[]): Record<string, string> {
  const map: Record<string, string> = {};
  for (const part of [...parts].sort()) {
    let best = -1n;
    for (const member of members) {
      const score = hash(`${member}\0${part}`);
      if (score <= best) continue;
      best = score;
      map[part] = member;
    }
  }
  return map;
}
