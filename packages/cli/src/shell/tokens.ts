// Splits a line as zkCli does: words, "double" and 'single' quotes that count only around a whole word, no escapes.

const wordPattern = /\s*([^"'\s]\S*|"[^"]*"|'[^']*')\s*/g;

export function tokens(line: string): string[] {
  return [...line.matchAll(wordPattern)].map(([, word]) => unquoted(word));
}

const unquoted = (word: string): string => /^(["'])(.*)\1$/s.exec(word)?.[2] ?? word;
