// Options are checked where they come in. Without types a misspelt or misunderstood one would be believed, and missed when
// it matters.

/** Whether a value will do, and what it should be. */
export interface OptionCheck {
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
}

const check = (expected: string, accepts: (value: unknown) => boolean): OptionCheck => ({ expected, accepts });
const isNumber = (value: unknown): value is number => typeof value === 'number' && !Number.isNaN(value);
const intMax = 2 ** 31 - 1;

/** Kinds of option. */
export const kinds = {
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
    const { expected, accepts } = known[name];
    if (value !== undefined && !accepts(value)) throw new TypeError(`${name} is ${expected}, not ${shown(value)}`);
  }
}

/** Throws a TypeError unless this is a time that something may take. */
export function checkLimit(name: string, value: number): void {
  if (!kinds.limit.accepts(value)) throw new TypeError(`${name} is ${kinds.limit.expected}, not ${shown(value)}`);
}

const shown = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : String(value));

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
