// Kinds of setting values: how the text of a file, a flag or a variable becomes a checked value. Used by the rows of
// settings.ts. Written by hand rather than with a schema library because this runs before the first request is
// answered, where every millisecond of loading counts.

import { isAddressOrSubnet } from '../net/known-peers.ts';
import type { AllowedPeers } from '../net/known-peers.ts';

/** A value that may be used but never shown: printing, logging or serialising it gives a placeholder. */
export class Secret {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  /** The only way to the text; call it where the value is needed, never to keep it. */
  reveal(): string {
    return this.#text;
  }
  toString(): string {
    return secretPlaceholder;
  }
  toJSON(): string {
    return secretPlaceholder;
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return secretPlaceholder;
  }
}

export const secretPlaceholder = '[secret]';

/** A parsed value, with a notice when the server uses something else than what was written. */
export interface Parsed<T> {
  readonly value: T;
  readonly notice?: string;
}

export interface Kind<T> {
  /** One word for the reference. */
  readonly name: string;
  /** Completes "expected …" in an error message. */
  readonly expects: string;
  readonly secret: boolean;
  /** The value, or undefined when the text is not one. */
  parse(text: string): Parsed<T> | undefined;
}

const kind = <T>(name: string, expects: string, parse: (text: string) => Parsed<T> | undefined): Kind<T> => ({
  name,
  expects,
  secret: false,
  parse,
});

const intMax = 2147483647;

export interface IntegerOptions {
  readonly min?: number;
  readonly max?: number;
  readonly unit?: string;
  /** Apache accepts smaller values and uses the minimum; so do we, and say so. */
  readonly raisedToMin?: boolean;
}

export function integer(options: IntegerOptions = {}): Kind<number> {
  const { min = 0, max = intMax, unit = '', raisedToMin = false } = options;
  const range = max === intMax ? `, at least ${min}` : ` from ${min} to ${max}`;
  const expects = `a whole number${unit === '' ? '' : ` of ${unit}`}${raisedToMin ? '' : range}`;
  return kind('integer', expects, (text) => {
    if (!/^[+-]?\d{1,15}$/.test(text)) return undefined;
    const value = Number(text);
    if (value > max) return undefined;
    if (value >= min) return { value };
    return raisedToMin ? { value: min, notice: `${value} is too small, ${min} is used` } : undefined;
  });
}

export function decimal(options: { readonly min: number; readonly max: number }): Kind<number> {
  return kind('decimal', `a number from ${options.min} to ${options.max}`, (text) => {
    if (!/^[+-]?(\d{1,9}(\.\d{0,15})?|\.\d{1,15})$/.test(text)) return undefined;
    const value = Number(text);
    return value >= options.min && value <= options.max ? { value } : undefined;
  });
}

/** Upper and lower case are the same, as in Apache. */
export const boolean: Kind<boolean> = kind('boolean', 'true or false', (text) => {
  const lower = text.toLowerCase();
  return lower === 'true' ? { value: true } : lower === 'false' ? { value: false } : undefined;
});

/** A few of Apache's switches are spelled yes and no. */
export const yesNo: Kind<boolean> = kind('yes/no', 'yes or no', (text) => {
  const lower = text.toLowerCase();
  return lower === 'yes' ? { value: true } : lower === 'no' ? { value: false } : undefined;
});

/** One of a set of words; written in any case, stored as listed here. */
export function word<const W extends string>(words: readonly W[]): Kind<W> {
  return kind('word', `one of ${words.join(', ')}`, (text) => {
    const value = words.find((known) => known.toLowerCase() === text.toLowerCase());
    return value === undefined ? undefined : { value };
  });
}

/** Hashes by Java's names, in any case, with or without the dash; the value is the name that node:crypto knows. */
export const hash: Kind<string> = kind(
  'hash',
  `one of ${['SHA-1', 'SHA-224', 'SHA-256', 'SHA-384', 'SHA-512', 'SHA-512/224', 'SHA-512/256', 'SHA3-224', 'SHA3-256', 'SHA3-384', 'SHA3-512', 'MD5'].join(', ')}`,
  (text) => {
    const name = text.toLowerCase().replace('/', '-');
    if (name === 'sha' || name === 'sha-1') return { value: 'sha1' };
    if (/^(sha1|md5|sha3-(224|256|384|512))$/.test(name)) return { value: name };
    const sha2 = /^sha-?(224|256|384|512|512-224|512-256)$/.exec(name);
    return sha2 === null ? undefined : { value: `sha${sha2[1]}` };
  },
);

export const port: Kind<number> = kind('port', 'a port number from 0 to 65535', (text) => {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const value = Number(text);
  return value <= 65535 ? { value } : undefined;
});

/** A host name or an IP address; brackets around IPv6 are dropped. */
export const address: Kind<string> = kind('address', 'a host name or an IP address', (text) => {
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
  return /^[A-Za-z0-9._:%-]{1,255}$/.test(bare) ? { value: bare } : undefined;
});

export const path: Kind<string> = kind('path', 'a path', (text) =>
  text === '' || text.includes('\0') ? undefined : { value: text },
);

export const text: Kind<string> = kind('text', 'text', (value) => ({ value }));

/** Comma-separated words; empty entries are dropped. */
export const list: Kind<readonly string[]> = kind('list', 'a comma-separated list', (value) => ({
  value: value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== ''),
}));

/** Who may call besides the members: `members` for nobody, `any` for everybody, or addresses and subnets. */
export const peers: Kind<AllowedPeers> = kind<AllowedPeers>(
  'addresses',
  'members, any, or a comma-separated list of IP addresses and subnets such as 10.0.0.0/16',
  (value) => {
    const words = list.parse(value)?.value ?? [];
    if (words.length === 0) return undefined;
    if (words.length === 1 && words[0].toLowerCase() === 'any') return { value: 'any' };
    const added = words.filter((word) => word.toLowerCase() !== 'members');
    return added.every(isAddressOrSubnet) ? { value: added } : undefined;
  },
);

export const secret: Kind<Secret> = {
  name: 'secret',
  expects: 'text',
  secret: true,
  parse: (value) => ({ value: new Secret(value) }),
};
