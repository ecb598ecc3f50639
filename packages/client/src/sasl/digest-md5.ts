// SASL DIGEST-MD5 (RFC 2831) as ZooKeeper's servers speak it: protocol `zookeeper`, server name `zk-sasl-md5`, quality of
// protection `auth`. Both sides prove that they know the password; it does not travel.

import { decodeText, encodeText } from '@corral/protocol';
import { md5 } from './md5.ts';
import type { SaslExchange, SaslMechanism } from './mechanism.ts';

/** Who proves an identity by DIGEST-MD5. */
export interface DigestMd5Options {
  readonly username: string;
  readonly password: string;
  /** Name of the service in the digest; `zookeeper/zk-sasl-md5` unless given. */
  readonly digestUri?: string;
  /** A fresh random text for every exchange. */
  readonly clientNonce?: () => string;
}

const defaultUri = 'zookeeper/zk-sasl-md5';
const nonceCount = '00000001';

/** The SASL mechanism DIGEST-MD5. */
export function digestMd5(options: DigestMd5Options): SaslMechanism {
  return { start: () => new DigestMd5Exchange(options) };
}

class DigestMd5Exchange implements SaslExchange {
  readonly #options: DigestMd5Options;
  /** What the server must answer; null before our own answer. */
  #expected: string | null = null;

  constructor(options: DigestMd5Options) {
    this.#options = options;
  }

  step(challenge: Uint8Array): Uint8Array | null {
    // The client speaks first and has nothing to say.
    if (challenge.length === 0) return new Uint8Array(0);
    const directives = parse(decodeText(challenge, 0, challenge.length));
    if (this.#expected === null) return this.#answer(directives);
    if (directives.get('rspauth') !== this.#expected) throw new Error('the server does not know the password');
    return null;
  }

  #answer(challenge: ReadonlyMap<string, string>): Uint8Array {
    const { username, password, digestUri = defaultUri, clientNonce = randomNonce } = this.#options;
    const nonce = challenge.get('nonce');
    if (nonce === undefined || (challenge.get('algorithm') ?? 'md5-sess') !== 'md5-sess') {
      throw new Error('the server asks for something else than DIGEST-MD5');
    }
    const realm = challenge.get('realm') ?? '';
    const cnonce = clientNonce();
    const secret = join(
      md5(join(latin1OrUtf8(username), ':', latin1OrUtf8(realm), ':', latin1OrUtf8(password))),
      `:${nonce}:${cnonce}`,
    );
    const proof = (method: string): string =>
      hash(`${hash(secret)}:${nonce}:${nonceCount}:${cnonce}:auth:${hash(`${method}:${digestUri}`)}`);
    this.#expected = proof('');
    const answer = [
      'charset=utf-8',
      `username=${quoted(username)}`,
      `realm=${quoted(realm)}`,
      `nonce=${quoted(nonce)}`,
      `nc=${nonceCount}`,
      `cnonce=${quoted(cnonce)}`,
      `digest-uri=${quoted(digestUri)}`,
      'qop=auth',
      `response=${proof('AUTHENTICATE')}`,
    ];
    return encodeText(answer.join(','));
  }
}

/** `name=value` and `name="quoted \" value"`, separated by commas. */
function parse(text: string): Map<string, string> {
  const directive = /\s*([a-z-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^",\s]*))\s*(?:,|$)/giy;
  const found = new Map<string, string>();
  for (const [, name, quote, plain] of text.matchAll(directive)) {
    // Of several realms the first one counts.
    if (!found.has(name)) found.set(name, quote === undefined ? plain : quote.replace(/\\(.)/g, '$1'));
  }
  return found;
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

const hash = (data: string | Uint8Array): string =>
  Array.from(md5(typeof data === 'string' ? encodeText(data) : data), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');

/** In what is hashed, text that fits into ISO 8859-1 counts one byte per character. */
function latin1OrUtf8(text: string): Uint8Array {
  const codes = Array.from(text, (character) => character.codePointAt(0)!);
  return codes.every((code) => code < 0x100) ? Uint8Array.from(codes) : encodeText(text);
}

function join(...parts: readonly (Uint8Array | string)[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...(typeof part === 'string' ? encodeText(part) : part)]));
}

function randomNonce(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
