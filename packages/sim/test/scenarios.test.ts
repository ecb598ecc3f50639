// Runs every scenario in ../scenarios and compares what happened with the transcript beside it.

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
