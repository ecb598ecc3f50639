// Every link from one page of this repository to another leads somewhere.

import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const below = async (folder: string): Promise<string[]> =>
  (await readdir(join(root, folder), { recursive: true })).map((name) => join(folder, name));
const top = await readdir(root);
const pages = [...top, ...(await below('docs')), ...(await below('examples'))].filter((name) => name.endsWith('.md'));

const withoutCode = (page: string): string => page.replaceAll(/^ *```[\s\S]*?^ *```/gm, '');
/** What a heading is called in a link. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(/\s/g, '-');

async function anchorsOf(path: string): Promise<string[]> {
  const page = withoutCode(await readFile(path, 'utf8'));
  return [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading]) => anchorOf(heading));
}

async function brokenLinksOf(page: string): Promise<string[]> {
  const text = withoutCode(await readFile(join(root, page), 'utf8'));
  const broken: string[] = [];
  for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(link)) continue;
    const [path, anchor] = link.split('#');
    const target = path === '' ? join(root, page) : join(root, dirname(page), path);
    if (!existsSync(target)) broken.push(link);
    else if (anchor !== undefined && !(await anchorsOf(target)).includes(decodeURIComponent(anchor))) broken.push(link);
  }
  return broken;
}

describe('the links of', () => {
  it.each(pages)('%s lead somewhere', async (page) => {
    expect(await brokenLinksOf(page)).toEqual([]);
  });
});
