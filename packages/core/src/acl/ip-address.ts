// Addresses as ACLs of scheme `ip` see them: dotted IPv4 or IPv6, with an optional number of leading bits that count.

const dot = 46;
const zero = 48;
const nine = 57;

/** The 4 or 16 bytes of a literal address, or undefined. IPv4 mapped into IPv6 is IPv4. */
export function parseAddress(text: string): Uint8Array | undefined {
  const bytes = text.includes(':') ? parseV6(text) : parseV4(text);
  if (bytes?.length !== 16) return bytes;
  const mapped = bytes.subarray(0, 10).every((b) => b === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped ? bytes.slice(12) : bytes;
}

/** Up to three digits a part; a list may have tens of thousands of addresses, so no part becomes a string. */
function parseV4(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(4);
  let part = 0;
  let value = 0;
  let digits = 0;
  for (let i = 0; i <= text.length; i++) {
    const unit = i === text.length ? dot : text.charCodeAt(i);
    if (unit === dot) {
      if (digits === 0 || value > 255 || part > 3) return undefined;
      bytes[part++] = value;
      value = digits = 0;
    } else if (unit >= zero && unit <= nine && digits < 3) {
      value = value * 10 + unit - zero;
      digits++;
    } else return undefined;
  }
  return part === 4 ? bytes : undefined;
}

function parseV6(text: string): Uint8Array | undefined {
  const zone = text.indexOf('%');
  const halves = (zone < 0 ? text : text.slice(0, zone)).split('::');
  if (halves.length > 2) return undefined;
  const head = groups(halves[0]);
  const tail = groups(halves[1] ?? '');
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return Uint8Array.from([...head, ...new Array<number>(missing).fill(0), ...tail]);
}

/** Bytes of colon-separated groups, the last of which may be an IPv4 address. */
function groups(text: string): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (i === parts.length - 1 && part.includes('.')) {
      const v4 = parseV4(part);
      if (v4 === undefined) return undefined;
      bytes.push(...v4);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      const group = parseInt(part, 16);
      bytes.push(group >> 8, group & 0xff);
    } else return undefined;
  }
  return bytes;
}

interface AddressRange {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

/** `address` or `address/bits`; undefined when it is neither. */
export function parseRange(text: string): AddressRange | undefined {
  const [address, bitsText, ...rest] = text.split('/');
  const bytes = parseAddress(address);
  if (bytes === undefined || rest.length > 0) return undefined;
  if (bitsText === undefined) return { bytes, bits: bytes.length * 8 };
  if (!/^\d{1,3}$/.test(bitsText)) return undefined;
  const bits = Number(bitsText);
  return bits <= bytes.length * 8 ? { bytes, bits } : undefined;
}

/** Whether a literal address lies in a range. Families must agree. */
export function inRange(address: string, range: string): boolean {
  const a = parseAddress(address);
  const r = parseRange(range);
  if (a === undefined || r === undefined) return false;
  if (a.length !== r.bytes.length) return false;
  for (let bit = 0; bit < r.bits; bit += 8) {
    const mask = r.bits - bit >= 8 ? 0xff : (0xff << (8 - (r.bits - bit))) & 0xff;
    if (((a[bit >> 3] ^ r.bytes[bit >> 3]) & mask) !== 0) return false;
  }
  return true;
}

/** Many ranges, each with permission bits: asking takes one look-up for each length of prefix, not for each range. */
export class IpRanges {
  /** By number of bytes and of leading bits, then by those bits. */
  readonly #byLength = new Map<number, Map<string, number>>();

  /** A text that is no range covers nobody. */
  add(range: string, perms: number): void {
    const parsed = parseRange(range);
    if (parsed === undefined) return;
    const { bytes, bits } = parsed;
    const length = bytes.length * 256 + bits;
    let prefixes = this.#byLength.get(length);
    if (prefixes === undefined) this.#byLength.set(length, (prefixes = new Map<string, number>()));
    const prefix = leading(bytes, bits);
    prefixes.set(prefix, (prefixes.get(prefix) ?? 0) | perms);
  }

  /** Bits of all ranges that a literal address lies in. */
  permsOf(address: string): number {
    const bytes = parseAddress(address);
    if (bytes === undefined) return 0;
    let perms = 0;
    for (const [length, prefixes] of this.#byLength)
      if (length >> 8 === bytes.length) perms |= prefixes.get(leading(bytes, length & 255)) ?? 0;
    return perms;
  }
}

/** The first bits of an address, the rest cleared, as a key. */
function leading(bytes: Uint8Array, bits: number): string {
  let key = '';
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = bits - bit >= 8 ? 0xff : (0xff << (8 - (bits - bit))) & 0xff;
    key += String.fromCharCode(bytes[bit >> 3] & mask);
  }
  return key;
}
