// The pages in docs/reference say what the tables and the docstrings say.

import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import * as client from '@corral/client';
import { errorTable, ops } from '@corral/protocol';
import * as recipes from '@corral/recipes';
import * as testing from '@corral/testing';
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

interface ApiGenerator {
  readonly apiPages: () => Promise<Record<string, string>>;
}

const { apiPages } = (await import(new URL('../scripts/api-reference.mjs', import.meta.url).href)) as ApiGenerator;
const api = await apiPages();

describe('the generated API reference', () => {
  it.each(Object.entries(api))('%s is current; `npm run docs` writes it', async (name, text) => {
    expect(await readFile(new URL(`reference/${name}`, import.meta.url), 'utf8')).toBe(text);
  });
  it.each(Object.entries({ client, recipes, testing }))('declares every value that %s exports', (name, exported) => {
    const page = api[`api-${name}.md`];
    for (const each of Object.keys(exported))
      expect(page).toMatch(new RegExp(`^(const|function|class) ${each}\\b`, 'm'));
  });
});
