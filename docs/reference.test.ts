// The pages in docs/reference say what the tables say.

import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { errorTable, ops } from '@corral/protocol';
import { cliReference } from '../packages/cli/src/reference.ts';
import { metricsReference, settingsReference } from '../packages/server/src/config/reference.ts';

interface Generator {
  readonly referencePages: (tables: Record<string, unknown>) => Record<string, string>;
}

const script = new URL('../scripts/reference.mjs', import.meta.url);
const { referencePages } = (await import(script.href)) as Generator;
const cliText = await cliReference();
const pages = referencePages({ ops, errorTable, settingsReference, metricsReference, cliText });

describe('the generated reference', () => {
  it.each(Object.entries(pages))('%s is current; `npm run docs` writes it', async (name, text) => {
    expect(await readFile(new URL(`reference/${name}`, import.meta.url), 'utf8')).toBe(text);
  });
  it('names every operation and every error', () => {
    for (const name of Object.keys(ops)) expect(pages['operations.md']).toContain(`\`${name}\``);
    for (const name of Object.keys(errorTable)) expect(pages['errors.md']).toContain(`\`${name}\``);
  });
});
