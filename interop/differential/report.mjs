// Prints a sequence that servers answer differently as a script, and the command that plays it again.

import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const longest = 1500;

/** One line for a step: connection, operation, arguments. */
export function line({ s, op, parts, steps, ...fields }) {
  const list = Object.entries(fields).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const inner = (parts ?? steps)?.map((part) => `\n         ${line(part)}`).join('') ?? '';
  return `${s === undefined ? '' : `[${s}] `}${op} ${list.join(' ')}${inner}`;
}

export function script(steps) {
  return steps.map((step, at) => `    ${String(at).padStart(2)} ${line(step)}`).join('\n');
}

/** Writes the sequence to a file for `--replay` and returns everything there is to say. */
export function describe({ seed, index, steps, mode }, difference) {
  const folder = join(tmpdir(), 'corral-differential');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${mode}-${seed}-${index}.json`);
  writeFileSync(file, `${JSON.stringify({ mode, found: difference.what, steps }, null, 2)}\n`);
  return [
    `${difference.what} differs at step ${difference.at ?? '?'} (folder ${difference.base})`,
    `    ${difference.one}: ${difference.first?.slice(0, longest)}`,
    `    ${difference.other}: ${difference.second?.slice(0, longest)}`,
    script(steps),
    `    again: npm run test:differential -- --mode ${mode} --replay ${file}`,
    `    whole: npm run test:differential -- --mode ${mode} --replay ${seed}:${index}`,
  ].join('\n');
}
