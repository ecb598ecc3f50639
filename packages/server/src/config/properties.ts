// The syntax of zoo.cfg: Java properties. Text in, entries with their line numbers out, in the order of the file.
// What the keys mean is for load.ts.

export interface PropertyEntry {
  readonly key: string;
  readonly value: string;
  /** Line on which the entry begins, counted from 1. */
  readonly line: number;
}

/** A line that is no Java property. */
export class PropertySyntaxError extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

const isBlank = (char: string | undefined): boolean => char === ' ' || char === '\t' || char === '\f';

/** Reads all entries; of equal keys the caller lets the last one win. Key and value are trimmed, as ZooKeeper does. */
export function parseProperties(source: string): PropertyEntry[] {
  const entries: PropertyEntry[] = [];
  const lines = source.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/);
  for (let at = 0; at < lines.length; at++) {
    const first = at;
    let logical = stripLeft(lines[at] ?? '');
    if (logical === '' || logical.startsWith('#') || logical.startsWith('!')) continue;
    while (endsInContinuation(logical)) {
      logical = logical.slice(0, -1);
      at++;
      if (at >= lines.length) break;
      logical += stripLeft(lines[at] ?? '');
    }
    entries.push(parseEntry(logical, first + 1));
  }
  return entries;
}

function stripLeft(line: string): string {
  let start = 0;
  while (isBlank(line[start])) start++;
  return line.slice(start);
}

/** An odd number of backslashes at the end: the last one is not itself escaped. */
function endsInContinuation(line: string): boolean {
  let slashes = 0;
  while (line[line.length - 1 - slashes] === '\\') slashes++;
  return slashes % 2 === 1;
}

function parseEntry(line: string, lineNumber: number): PropertyEntry {
  let keyEnd = 0;
  while (keyEnd < line.length && !isBlank(line[keyEnd]) && line[keyEnd] !== '=' && line[keyEnd] !== ':') {
    keyEnd += line[keyEnd] === '\\' ? 2 : 1;
  }
  let valueStart = keyEnd;
  while (isBlank(line[valueStart])) valueStart++;
  if (line[valueStart] === '=' || line[valueStart] === ':') valueStart++;
  while (isBlank(line[valueStart])) valueStart++;
  return {
    key: unescape(line.slice(0, keyEnd), lineNumber).trim(),
    value: unescape(line.slice(valueStart), lineNumber).trim(),
    line: lineNumber,
  };
}

const escapes: Readonly<Record<string, string>> = { t: '\t', n: '\n', r: '\r', f: '\f' };

function unescape(raw: string, line: number): string {
  if (!raw.includes('\\')) return raw;
  let out = '';
  for (let at = 0; at < raw.length; at++) {
    const char = raw[at] ?? '';
    if (char !== '\\') {
      out += char;
      continue;
    }
    at++;
    const escaped = raw[at] ?? '';
    if (escaped === 'u') {
      const digits = raw.slice(at + 1, at + 5);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) {
        throw new PropertySyntaxError(line, 'expected four hexadecimal digits after \\u');
      }
      out += String.fromCharCode(parseInt(digits, 16));
      at += 4;
    } else {
      out += escapes[escaped] ?? escaped;
    }
  }
  return out;
}
