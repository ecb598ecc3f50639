// Standard base64 with padding: digest ids carry their hash in it.

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

export function base64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const word = (bytes[at] << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const left = bytes.length - at;
    text += alphabet[word >> 18] + alphabet[(word >> 12) & 63];
    text += left > 1 ? alphabet[(word >> 6) & 63] : '=';
    text += left > 2 ? alphabet[word & 63] : '=';
  }
  return text;
}
