// Options are checked where they come in. Without types a misspelt or misunderstood one would be believed, and missed when
// it matters.

/** Whether a value will do, and what it should be. */
export interface OptionCheck {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
  /** What is thrown for a value that will not do; TypeError unless given. */
  readonly refusal?: new (message: string) => Error;
}

const check = (expected: string, accepts: (value: unknown) => boolean): OptionCheck => ({ expected, accepts });
const range = (expected: string, accepts: (value: number) => boolean): OptionCheck => ({
  expected,
  accepts: (value) => isNumber(value) && accepts(value),
  refusal: RangeError,
});
const isNumber = (value: unknown): value is number => typeof value === 'number' && !Number.isNaN(value);
const intMax = 2 ** 31 - 1;

/** About 30 years: more is a mistake in the unit. */
const spanMax = 1e12;
const has = (value: unknown, ...methods: readonly string[]): boolean =>
  typeof value === 'object' &&
  value !== null &&
  methods.every((name) => typeof (value as Record<string, unknown>)[name] === 'function');

/** Kinds of option. */
export const kinds = {
  anything: check('anything', () => true),
  /** A number of things. */
  count: range('a whole number of at least 1', (v) => Number.isSafeInteger(v) && v >= 1),
  positive: range('a positive number', (v) => v > 0 && v !== Infinity),
  /** A span of time that is written down: no Infinity. */
  span: range(`a number of milliseconds from 0 to ${spanMax}`, (v) => v >= 0 && v <= spanMax),
  version: check("an integer, or 'any'", (v) => v === 'any' || Number.isInteger(v)),
  bigint: check('a bigint', (v) => typeof v === 'bigint'),
  signal: check('an AbortSignal', (v) => has(v, 'addEventListener', 'throwIfAborted')),
  codec: check('a codec, with encode and decode', (v) => has(v, 'encode', 'decode')),
  decoder: check('a codec, with decode', (v) => has(v, 'decode')),
  port: range('a port from 0 to 65535', (v) => Number.isInteger(v) && v >= 0 && v <= 65_535),
  /** How many at most. */
  most: range('a number of at least 0, or Infinity', (v) => v >= 0),
  /** Its entries are looked at where they are written. */
  acl: check('a list of entries, or the name of one', (v) => typeof v === 'string' || Array.isArray(v)),
  /** A time that travels as a 32-bit integer. */
  timeout: check(`a number of milliseconds from 1 to ${intMax}`, (v) => isNumber(v) && v > 0 && v <= intMax),
  /** A time that something may take. */
  limit: check('a number of milliseconds, or Infinity for no limit', (v) => isNumber(v) && v >= 0),
  bytes: check('a positive number of bytes', (v) => isNumber(v) && v > 0),
  boolean: check('true or false', (v) => typeof v === 'boolean'),
  text: check('a string', (v) => typeof v === 'string'),
  callback: check('a function', (v) => typeof v === 'function'),
  object: check('an object', (v) => typeof v === 'object' && v !== null),
  list: check('an array', (v) => Array.isArray(v)),
  oneOf: (...values: readonly string[]): OptionCheck =>
    check(values.map((value) => `'${value}'`).join(' or '), (v) => values.includes(v as string)),
  either: (...some: readonly OptionCheck[]): OptionCheck =>
    check(some.map(({ expected }) => expected).join(', or '), (v) => some.some((each) => each.accepts(v))),
  just: (value: unknown): OptionCheck => check(String(value), (v) => v === value),
};

/** Throws a TypeError that names the first option that is unknown or will not do. */
export function checkOptions(what: string, options: unknown, known: Readonly<Record<string, OptionCheck>>): void {
  if (!kinds.object.accepts(options))
    throw new TypeError(`the options of ${what} are an object, not ${shown(options)}`);
  for (const [name, value] of Object.entries(options as object)) {
    if (!Object.hasOwn(known, name)) {
      throw new TypeError(`${what} has no option "${name}"${suggestion(name, Object.keys(known))}`);
    }
    const { expected, accepts, refusal = TypeError } = known[name];
    if (value !== undefined && !accepts(value)) throw new refusal(`${name} is ${expected}, not ${shown(value)}`);
  }
}

/** Throws a TypeError unless this is a time that something may take. */
export function checkLimit(name: string, value: number): void {
  if (!kinds.limit.accepts(value)) throw new TypeError(`${name} is ${kinds.limit.expected}, not ${shown(value)}`);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return `${value}n`;
  return Array.isArray(value) ? 'an array' : String(value);
}

function suggestion(name: string, known: readonly string[]): string {
  const nearest = known
    .map((each) => ({ each, distance: distance(name.toLowerCase(), each.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)
    .at(0);
  return nearest !== undefined && nearest.distance <= 2 ? `; did you mean "${nearest.each}"?` : '';
}

/** How many letters have to be put in, taken out or replaced to come from one word to the other. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length];
}
