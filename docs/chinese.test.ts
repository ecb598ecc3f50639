// The Chinese pages: one word for each term, as the Chinese glossary says; mark-up that is rendered; no line breaks inside
// of paragraphs, which browsers show as blanks; and the same structure and examples as their English twins.

import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const guide = (await readdir(join(root, 'docs', 'guide'))).map((name) => `docs/guide/${name}`);
const glossaryPage = 'docs/glossary.zh-CN.md';
const pages = ['README.zh-CN.md', glossaryPage, ...guide.filter((name) => name.endsWith('.zh-CN.md'))];
const read = (page: string): Promise<string> => readFile(join(root, page), 'utf8');

/** Blocks of code are no prose; what stands in code marks is left out as well. */
const withoutBlocks = (page: string): string => page.replaceAll(/^ *```[\s\S]*?^ *```/gm, '');
const prose = (page: string): string => withoutBlocks(page).replaceAll(/`[^`]*`/g, '`');

/** Words that the last column of the glossary rules out. */
async function ruledOut(): Promise<string[]> {
  const rows = (await read(glossaryPage)).split('\n').filter((line) => /^\| [^-]/.test(line));
  return rows
    .slice(1)
    .flatMap((row) => (row.split('|')[4] ?? '').split('、').map((word) => word.trim()))
    .filter((word) => word !== '');
}

/** Whether marks of bold text stand where Markdown takes them for such: what flanks them decides, not the eye. */
function brokenMarks(line: string): string[] {
  const broken: string[] = [];
  let isOpen = false;
  for (const { index } of line.matchAll(/\*\*/g)) {
    const before = line[index - 1] ?? ' ';
    const after = line[index + 2] ?? ' ';
    const [near, far] = isOpen ? [before, after] : [after, before];
    const isPunctuation = (char: string): boolean => /[\p{P}\p{S}]/u.test(char);
    const flanks = !/\s/.test(near) && (!isPunctuation(near) || /\s/.test(far) || isPunctuation(far));
    if (!flanks) broken.push(line.slice(Math.max(0, index - 12), index + 14));
    isOpen = !isOpen;
  }
  if (isOpen) broken.push(line);
  return broken;
}

const startsBlock = (line: string): boolean => /^\s*([-*+] |\d+\. |#|\||>|<|\[[^\]]+\]:|$)/.test(line);

describe('the Chinese page', () => {
  it.each(pages)('%s uses one word for each term', async (page) => {
    // The glossary itself names what is not used, in its last column.
    const source = prose(await read(page));
    const text = page === glossaryPage ? source.replaceAll(/^(\|[^|]*\|[^|]*\|[^|]*)\|.*$/gm, '$1') : source;
    const found = (await ruledOut()).filter((word) => text.includes(word));
    expect(found).toEqual([]);
  });

  it.each(pages)('%s has marks that are rendered', async (page) => {
    const lines = withoutBlocks(await read(page)).split('\n');
    expect(lines.flatMap((line) => brokenMarks(line.replaceAll(/`[^`]*`/g, 'x')))).toEqual([]);
  });

  it.each(pages)('%s has each paragraph on one line', async (page) => {
    const lines = withoutBlocks(await read(page)).split('\n');
    const broken = lines.filter((line, at) => {
      const before = lines[at - 1] ?? '';
      return !startsBlock(line) && before.trim() !== '' && !/^\s*[#|<]/.test(before);
    });
    expect(broken).toEqual([]);
  });
});

/** What two pages of different languages must have in common. */
function skeletonOf(page: string) {
  const blocks = [...page.matchAll(/^ *```(\w*[^\n]*)\n[\s\S]*?^ *```/gm)].map(([, language]) => language);
  const headings = [...withoutBlocks(page).matchAll(/^(#+) /gm)].map(([, level]) => level);
  return { headings, blocks };
}

describe('a page and its Chinese twin', () => {
  const twins = pages.filter((page) => existsSync(join(root, page.replace('.zh-CN', ''))));
  it('are there for every Chinese page', () => expect(twins).toEqual(pages));

  it.each(twins.filter((page) => page !== glossaryPage))('%s: the same headings and examples', async (page) => {
    expect(skeletonOf(await read(page))).toEqual(skeletonOf(await read(page.replace('.zh-CN', ''))));
  });

  it.each(twins)('%s: each leads to the other', async (page) => {
    const name = page.split('/').at(-1)!;
    expect(await read(page)).toContain(`](${name.replace('.zh-CN', '')})`);
    expect(await read(page.replace('.zh-CN', ''))).toContain(`](${name})`);
  });
});
