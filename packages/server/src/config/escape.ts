// Text that came from outside, made fit for one line of a log, a message or a terminal.

const unsafe = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;
const unsafeButNewline = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]/g;

const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Control characters written out, so that a client cannot forge a line or move a terminal's cursor. */
export const escapeControls = (text: string): string => text.replace(unsafe, escaped);

/** The same for stack traces, which are several lines. */
export const escapeControlsInLines = (text: string): string => text.replace(unsafeButNewline, escaped);
