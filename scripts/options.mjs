// Options of the scripts here. The comment at the top of a script is its help: what it does, and how it is called.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/**
 * `parseArgs` for a person: --help prints the comment at the top of the script at `url`, and so does a mistake, with what
 * is wrong. An option whose default is a number takes numbers only.
 */
export function readOptions(url, { options, ...rest }) {
  let parsed;
  try {
    parsed = parseArgs({ ...rest, options: { ...options, help: { type: 'boolean' } } });
    for (const [name, { default: fallback }] of Object.entries(options))
      checkNumber(name, parsed.values[name], fallback);
  } catch (error) {
    console.error(`${error.message}\n\n${helpOf(url)}`);
    process.exit(2);
  }
  if (parsed.values.help) {
    console.log(helpOf(url));
    process.exit(0);
  }
  return parsed;
}

function checkNumber(name, value, fallback) {
  const isNumeric = (text) => typeof text === 'string' && /^\d+(\.\d+)?$/.test(text);
  if (isNumeric(fallback) && !isNumeric(value)) throw new Error(`--${name} ${value}: expected a number`);
}

function helpOf(url) {
  const lines = readFileSync(fileURLToPath(url), 'utf8').split('\n');
  const from = lines.findIndex((line) => line.startsWith('// '));
  const to = lines.findIndex((line, at) => at > from && !line.startsWith('//'));
  return lines
    .slice(from, to)
    .map((line) => line.slice(3))
    .join('\n');
}
