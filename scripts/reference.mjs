// `npm run docs`: writes docs/reference from the tables and the declarations of the compiled packages. With --check it
// writes nothing and fails when a page differs from its source.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv, exit } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { apiPages } from './api-reference.mjs';

export const referenceDir = fileURLToPath(new URL('../docs/reference/', import.meta.url));

const generated = (source) => `<!-- Written by \`npm run docs\` from ${source}. Do not edit. -->`;
const row = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
const table = (head, body) => [row(head), row(head.map(() => '---')), ...body.map(row)];

const accessTexts = {
  read: 'Reads: answered from memory by the server that is asked.',
  write: 'Writes: a transaction, on disk before it is answered.',
  watch: 'Watches: change what the connection is told about.',
  session: 'Sessions: about the connection or the session itself.',
  internal: 'Internal: made by servers, refused from clients.',
};

function operationsPage({ ops }) {
  const rows = Object.entries(ops);
  const sections = Object.entries(accessTexts).flatMap(([access, text]) => {
    const [title, meaning] = text.split(': ');
    const chosen = rows.filter(([, op]) => op.access === access);
    const body = chosen.map(([name, op]) => [`\`${name}\``, op.code, op.since, `\`${op.short}\``, op.meaning]);
    const head = ['operation', 'code', 'since', 'in `cons`', 'meaning'];
    return [`## ${title}`, '', `${meaning[0].toUpperCase()}${meaning.slice(1)}`, '', ...table(head, body), ''];
  });
  return [
    generated('packages/protocol/src/ops.ts'),
    '',
    '# Operations',
    '',
    'Every request of the client protocol. `since` is the first ZooKeeper release whose clients send it; the abbreviation',
    'is what the four-letter word `cons` shows as the last operation of a connection.',
    '',
    ...sections,
  ].join('\n');
}

function errorsPage({ errorTable }) {
  const body = Object.entries(errorTable).map(([name, { code, meaning }]) => [code, `\`${name}\``, meaning]);
  return [
    generated('packages/protocol/src/errors.ts'),
    '',
    '# Error codes',
    '',
    'The codes in the header of a reply, with the names that clients give them.',
    '',
    ...table(['code', 'name', 'meaning'], body),
    '',
  ].join('\n');
}

/** Every page by file name. */
export function referencePages(tables) {
  return {
    'operations.md': operationsPage(tables),
    'errors.md': errorsPage(tables),
    'settings.md': tables.settingsReference(),
    'metrics.md': tables.metricsReference(),
    'cli.md': tables.cliText,
  };
}

const stored = (name) => {
  try {
    return readFileSync(join(referenceDir, name), 'utf8');
  } catch {
    return undefined;
  }
};

async function main() {
  const { ops, errorTable } = await import('../packages/protocol/dist/index.js');
  const { settingsReference, metricsReference } = await import('../packages/server/dist/config/reference.js');
  const cliText = await (await import('../packages/cli/dist/reference.js')).cliReference();
  const tables = referencePages({ ops, errorTable, settingsReference, metricsReference, cliText });
  const pages = Object.entries({ ...tables, ...(await apiPages()) });
  const stale = pages.filter(([name, text]) => stored(name) !== text);
  if (argv.includes('--check')) {
    for (const [name] of stale) console.error(`docs/reference/${name} differs from its source; run: npm run docs`);
    return stale.length === 0 ? 0 : 1;
  }
  mkdirSync(referenceDir, { recursive: true });
  for (const [name, text] of stale) writeFileSync(join(referenceDir, name), text);
  console.log(stale.length === 0 ? 'docs/reference is current' : `written: ${stale.map(([name]) => name).join(', ')}`);
  return 0;
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) exit(await main());
