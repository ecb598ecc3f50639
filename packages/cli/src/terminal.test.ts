import { describe, expect, it } from 'vitest';
import { control, harmless, isPlain, oneLine, printable } from './terminal.ts';

/** Everything that a terminal may obey or that deceives its reader, as far as one code unit does. */
const hostile = [
  ...Array.from({ length: 0x20 }, (_, code) => code),
  0x7f,
  ...Array.from({ length: 0x20 }, (_, at) => 0x80 + at),
  0x061c,
  0x200e,
  0x200f,
  ...Array.from({ length: 7 }, (_, at) => 0x2028 + at),
  ...Array.from({ length: 4 }, (_, at) => 0x2066 + at),
].map((code) => String.fromCharCode(code));

function streams(isTTY: boolean) {
  const written: (string | Uint8Array)[] = [];
  const write = (data: string | Uint8Array): void => void written.push(data);
  return { written, ...printable({ stdout: { isTTY, write }, stderr: { isTTY, write } }) };
}

describe('what reaches a terminal', () => {
  it('has no character to obey but line end and tab, on either stream, as text and as bytes', () => {
    const { written, stdout, stderr } = streams(true);
    for (const one of hostile) {
      stdout.write(`a${one}b`);
      stdout.write(Buffer.from(`a${one}b`));
      stderr.write(`a${one}b`);
    }
    for (const [at, text] of written.entries()) {
      const one = hostile[Math.floor(at / 3)];
      const code = one.charCodeAt(0).toString(16).padStart(4, '0');
      expect(text).toBe(one === '\n' || one === '\t' ? `a${one}b` : `a\\u${code}b`);
    }
    expect(written).toHaveLength(3 * hostile.length);
  });

  it('keeps the line ends of other systems, and every script', () => {
    const { written, stdout } = streams(true);
    stdout.write('a\r\nb\r\n中文 é 👩‍👩‍👧');
    expect(written).toEqual(['a\r\nb\r\n中文 é 👩‍👩‍👧']);
  });

  it('shows bytes that are no text as such', () => {
    const { written, stdout } = streams(true);
    stdout.write(Buffer.from([0x41, 0x9b, 0x42, 0xff]));
    expect(written).toEqual(['A\ufffdB\ufffd']);
  });

  it('lets through what the program itself wants, and nothing that looks like it', () => {
    const { written, stdout } = streams(true);
    stdout.write(`${control('[31m')}\u001b[32mred${control('[39m')}`);
    expect(written).toEqual(['\u001b[31m\\u001b[32mred\u001b[39m']);
  });
});

describe('what goes into a pipe', () => {
  it('is exact when it is data, and cannot steer the terminal at its end when it is text', () => {
    const { written, stdout } = streams(false);
    const bytes = Buffer.from('\u001b[2J\u0000\u202e');
    stdout.write(bytes);
    stdout.write('\u001b[2J\u009b\u202e');
    expect(written).toEqual([bytes, '\\u001b[2J\\u009b\u202e']);
  });
});

describe('a line', () => {
  it('cannot begin another one', () => {
    expect(oneLine('a\nb\r\nc\rd')).toBe('a\\u000ab\\u000d\\u000ac\\u000dd');
    expect(harmless('a\nb\u001b')).toBe('a\nb\\u001b');
  });

  it('is plain when all of it is shown', () => {
    for (const one of hostile) expect(isPlain(`a${one}b`)).toBe(false);
    expect(isPlain('/a b/中文')).toBe(true);
  });
});
