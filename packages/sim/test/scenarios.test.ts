// Runs every scenario in ../scenarios and compares what happened with the transcript beside it. A scenario that could not
// fail would show nothing: with the defect it is about put back in, it must.

import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { runScenario } from '@corral/sim';

const folder = new URL('../scenarios/', import.meta.url);
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.scenario'))
  .map((file) => file.slice(0, -'.scenario'.length))
  .sort();

const read = (file: string): string => readFileSync(new URL(file, folder), 'utf8');

describe('a scenario comes as its script says, and to the recorded transcript', () => {
  test.each(names)('%s', (name) => {
    const { failure, transcript } = runScenario(read(`${name}.scenario`));
    expect(failure).toBeUndefined();
    expect(transcript).toBe(read(`${name}.transcript`));
  });
});

/** Defects that can be put back into the core, and the scenario that is about each. */
const defects =
  'A01 A02 A03 A10 A11 A12 A13 A14 A15 A16 A17 A18 A20 A21 A24 A26 A28 A30 A33 A35 A37 A39 A47 A50 A51'.split(' ');
/** Of several with its number. */
const scenarioOf: Readonly<Record<string, string>> = { A50: 'A50-synchronised-later', A51: 'A51-new-voters-are-gone' };

describe('a scenario fails when the defect it is about is put back in', () => {
  test.each(defects)('%s', (defect) => {
    const name = scenarioOf[defect] ?? names.find((each) => each.startsWith(defect))!;
    const [story, ...rest] = read(`${name}.scenario`).split('\n');
    const { failure } = runScenario([story, `defect ${defect}`, ...rest].join('\n'));
    expect(failure).toBeDefined();
  });
});
