// The one way to standard output and standard error. Names, data, access lists and what servers say of themselves come from
// others, and a terminal obeys the control characters in them: titles, colours, cleared lines, text that reads backwards. So
// they are written as \uXXXX here, whatever command prints them.
//
// Text keeps its line ends and tabs. Bytes are data for another program: they arrive unchanged unless that program is a
// terminal.

import { randomUUID } from 'node:crypto';
import type { Context } from './context.ts';

/** What a terminal, a pager or a log viewer may act on: C0 but for tab and line end, a lone carriage return, DEL, and C1. */
const controls = String.raw`\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f`;
/** What changes how the text around it is shown: marks and overrides of direction, and line ends that no program splits at. */
const disguises = String.raw`\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069`;
/** Begins every sequence of our own. No text of others can hold it. */
const own = `\u001b${randomUUID()}`;

const inPipes = new RegExp(String.raw`${own}|[${controls}]|\r(?!\n)`, 'g');
const onTerminals = new RegExp(String.raw`${own}|[${controls}${disguises}]|\r(?!\n)`, 'g');
const special = new RegExp(`[${controls}${disguises}\\r\\n\\t]`);

const escaped = (text: string): string => text.replace(/[^]/g, codeOf);
const codeOf = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** A control sequence that reaches the terminal, such as `[31m`. */
export const control = (sequence: string): string => `${own}${sequence}`;

/** Whether all characters of a text are shown, on one line. */
export const isPlain = (text: string): boolean => text.search(special) < 0;

/** For text that is a line or a cell: it cannot begin another one. */
export const oneLine = (text: string): string => text.replace(/\r?\n|\r/g, escaped);

/** Text without anything to obey, line ends apart; for what is measured before it is printed. */
export const harmless = (text: string): string => text.replace(onTerminals, escaped);

/** The streams of a context, made safe. */
export function printable<C extends Pick<Context, 'stdout' | 'stderr'>>(context: C): C {
  const { stdout, stderr } = context;
  const text = (found: string, isTTY: boolean | undefined): string =>
    found.replace(isTTY === true ? onTerminals : inPipes, (match) => (match === own ? '\u001b' : escaped(match)));
  return {
    ...context,
    stdout: {
      isTTY: stdout.isTTY,
      write(data) {
        if (typeof data === 'string') return stdout.write(text(data, stdout.isTTY));
        return stdout.write(stdout.isTTY === true ? text(Buffer.from(data).toString(), true) : data);
      },
    },
    stderr: { isTTY: stderr.isTTY, write: (data) => stderr.write(text(data, stderr.isTTY)) },
  };
}
