// Text on the wire is UTF-8. Lone surrogates become U+FFFD on the way out and invalid bytes on the way in, as Java does,
// so that nothing malformed survives a round trip.

interface Encoder {
  encode(text: string): Uint8Array;
}
interface Decoder {
  decode(bytes: Uint8Array): string;
}
// The only two platform objects the pure packages use: present in browsers and in Node alike.
declare const TextEncoder: new () => Encoder;
declare const TextDecoder: new (label: string, options: { ignoreBOM: boolean }) => Decoder;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Up to here a call into the platform costs more than the work. */
const shortTextBytesMax = 40;
/** Scratch of one call. */
const units: number[] = [];

/**
 * Decodes bytes[start, end) as UTF-8. Invalid sequences become U+FFFD. Short ASCII is made in one go from its units: a
 * string built by concatenation would stay a tree of pieces, five times the size, for as long as it lives.
 */
export function decodeText(bytes: Uint8Array, start: number, end: number): string {
  const length = end - start;
  if (length > shortTextBytesMax) return decoder.decode(bytes.subarray(start, end));
  units.length = length;
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i];
    if (byte >= 0x80) return decoder.decode(bytes.subarray(start, end));
    units[i] = byte;
  }
  return String.fromCharCode.apply(null, units);
}

/** Encodes text as UTF-8 into a new array. */
export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** True when every code unit of text is below 0x80, so that its UTF-8 form has the same length. */
export function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) >= 0x80) return false;
  return true;
}
