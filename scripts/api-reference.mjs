// The API pages of docs/reference: what a package exports, in the order of its menu, with the docstrings. Read from the
// compiled declarations, in which every type is written out; titles and texts come from the comments of the sources.

import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (name, ...parts) => join(root, 'packages', name, ...parts);

const parsed = new Map();
function parse(file) {
  if (!parsed.has(file))
    parsed.set(file, ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2023));
  return parsed.get(file);
}

/** The file that a module's name leads to, among sources or among declarations. */
function resolve(from, name) {
  const isSource = from.includes('/src/');
  const other = /^@corral\/(\w+)$/.exec(name)?.[1];
  if (other !== undefined) return isSource ? at(other, 'src', 'index.ts') : at(other, 'dist', 'index.d.ts');
  if (!name.startsWith('.')) return undefined;
  return join(dirname(from), name.replace(/\.[jt]s$/, isSource ? '.ts' : '.d.ts'));
}
const toDeclarations = (source) => source.replace('/src/', '/dist/').replace(/\.ts$/, '.d.ts');

/** Blocks of `//` lines, as texts: the first is what the file says of itself. */
const commentBlocks = (text) =>
  text
    .trim()
    .split(/\n\s*\n/)
    .map((block) => block.trim())
    .filter((block) => block.startsWith('//'))
    .map((block) => block.replaceAll(/^\s*\/\/ ?/gm, ''));

function headerOf(source) {
  const text = readFileSync(source, 'utf8');
  return text.startsWith('//') ? commentBlocks(text)[0].split('\nimport ')[0] : '';
}

/** Lines as one paragraph; what is indented is code, and comes last. */
function prose(comment) {
  const lines = comment.split('\n').filter((line) => line !== '');
  const code = lines.filter((line) => line.startsWith('  ')).map((line) => line.slice(2));
  const text = lines.filter((line) => !line.startsWith('  ')).join(' ');
  return code.length === 0 ? text : [text, '', '```ts', ...code, '```'].join('\n');
}
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** A comment's beginning is the title of what it introduces. */
function titled(comment) {
  const [, title, end, rest] = /^([^.:,;]+)([.:,;])\s*([\s\S]*)$/.exec(prose(comment));
  return { title, text: end === '.' || end === ':' ? capital(rest) : prose(comment) };
}

// The menu: which names, in which sections.

const namesOf = (statement) =>
  statement.exportClause.elements.map((one) => ({
    name: one.name.text,
    original: (one.propertyName ?? one.name).text,
  }));

/** Sections of an index: what stands together below a comment, and else what comes from one file. */
function sectionsOf(source, taken = new Set()) {
  const file = parse(source);
  const exports = file.statements.filter(ts.isExportDeclaration);
  const sections = [];
  const add = (key, about) => {
    sections.push({ key, ...about, exports: [] });
    return sections.at(-1);
  };
  const hidden = new Set(taken);
  for (const each of exports) for (const { name } of each.exportClause ? namesOf(each) : []) taken.add(name);
  let section;
  for (const statement of exports) {
    const before = file.text.slice(statement.getFullStart(), statement.getStart(file));
    const comment = /\n\s*\n\s*$/.test(before) ? undefined : commentBlocks(before).at(-1);
    const from = resolve(source, statement.moduleSpecifier.text);
    if (statement.exportClause === undefined) {
      sections.push(...sectionsOf(from, taken));
      section = undefined;
      continue;
    }
    const names = namesOf(statement).filter(({ name }) => !hidden.has(name));
    if (comment !== undefined) section = add('comment', titled(comment));
    else if (names.length > 0 && (section?.key !== 'comment' || /\n\s*\n/.test(before))) {
      section =
        sections.find(({ key }) => key === from) ??
        add(from, { title: `\`${names[0].name}\``, text: prose(headerOf(from)) });
    }
    section?.exports.push(...names.map((one) => ({ ...one, file: toDeclarations(from) })));
  }
  return merged(sections);
}

/** Sections with the same title are one; what the index itself names comes first. */
function merged(sections) {
  const byTitle = new Map();
  for (const section of sections) {
    const known = byTitle.get(section.title);
    if (known === undefined) byTitle.set(section.title, section);
    else known.exports.unshift(...section.exports);
  }
  return [...byTitle.values()].filter((each) => each.exports.length > 0);
}

/** What an entry without a menu declares itself. */
function ownSection(source) {
  const file = parse(toDeclarations(source));
  const isExported = (each) => each.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword);
  const names = file.statements.filter(isExported).flatMap(declaredNames);
  const exports = [...new Set(names)].map((name) => ({ name, original: name, file: file.fileName }));
  return { text: prose(headerOf(source)), exports };
}

// Declarations, as a reader wants them.

function declaredNames(statement) {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.map(({ name }) => name.text);
  return statement.name === undefined ? [] : [statement.name.text];
}

/** The statements that declare a name, wherever a file has it from. */
function declarationsOf(name, path) {
  const file = parse(path);
  const here = file.statements.filter((each) => declaredNames(each).includes(name));
  if (here.length > 0) return here.map((statement) => ({ statement, file }));
  for (const each of file.statements) {
    if (each.moduleSpecifier === undefined) continue;
    const from = resolve(path, each.moduleSpecifier.text);
    const elements = each.exportClause?.elements ?? each.importClause?.namedBindings?.elements;
    const found = elements?.find((one) => one.name.text === name);
    const original = found === undefined ? name : (found.propertyName ?? found.name).text;
    if (from === undefined || (elements !== undefined && found === undefined)) continue;
    const declared = declarationsOf(original, from);
    if (declared.length > 0) return declared;
  }
  return [];
}

const docOf = (node, file) => file.text.slice(node.getFullStart(), node.getStart(file)).trim();

/** `#private`, and constructors that only functions of the package call. */
function isHidden(member, file) {
  if (member.name !== undefined && ts.isPrivateIdentifier(member.name)) return true;
  if (
    member.modifiers?.some(
      ({ kind }) => kind === ts.SyntaxKind.PrivateKeyword || kind === ts.SyntaxKind.ProtectedKeyword,
    )
  )
    return true;
  return ts.isConstructorDeclaration(member) && !/\/\*\*(?!\s*Use `)/.test(docOf(member, file));
}

function textOf({ statement, file }) {
  let text = file.text.slice(statement.getFullStart(), statement.end);
  for (const member of [...(ts.isClassDeclaration(statement) ? statement.members : [])].reverse()) {
    if (!isHidden(member, file)) continue;
    text =
      text.slice(0, member.getFullStart() - statement.getFullStart()) +
      text.slice(member.end - statement.getFullStart());
  }
  return text.trim().replace(/^export (declare )?/m, '');
}

/** What a class or interface extends: names, and the files to look for them in. */
function parentsOf({ statement, file }) {
  const clauses = (statement.heritageClauses ?? []).filter(({ token }) => token === ts.SyntaxKind.ExtendsKeyword);
  return clauses.flatMap(({ types }) =>
    types.map(({ expression }) => {
      if (!ts.isPropertyAccessExpression(expression)) return { name: expression.text, path: file.fileName };
      const space = expression.expression.text;
      const isOfSpace = (each) => each.importClause?.namedBindings?.name?.text === space;
      const { moduleSpecifier } = file.statements.find(isOfSpace);
      return { name: expression.name.text, space, path: resolve(file.fileName, moduleSpecifier.text) };
    }),
  );
}

/** The text of a declaration. One that adds to another of the same name has the members of both. */
function wholeText(declared) {
  let text = textOf(declared);
  for (const { name, space, path } of parentsOf(declared)) {
    if (space === undefined) continue;
    const [base] = declarationsOf(name, path);
    if (name !== declared.statement.name.text) {
      text = text.replace(`${space}.${name}`, name);
      continue;
    }
    const [, heritage, members] = /interface \w+ ?([^{]*)\{([\s\S]*)\}$/.exec(wholeText(base));
    text = text.replace(`extends ${space}.${name} {`, `${heritage}{${members}`);
  }
  return text;
}

/** Declarations of a section; with them what they extend and nobody exports, since its members are theirs. */
function declarationsIn({ exports }, shown) {
  const texts = [];
  const show = (name, path) => {
    const declared = declarationsOf(name, path);
    if (declared.length === 0 || shown.has(declared[0].statement)) return;
    shown.add(declared[0].statement);
    for (const parent of declared.flatMap(parentsOf)) if (!shown.names.has(parent.name)) show(parent.name, parent.path);
    texts.push(declared.map(wholeText).join('\n'));
  };
  for (const { original, file } of exports) show(original, file);
  return texts.join('\n\n');
}

// The page.

const anchorOf = (title) =>
  title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-');

async function sectionText(section, shown) {
  const lines = [`## ${section.title}`, '', section.text, ''];
  const declarations = declarationsIn(section, shown);
  if (declarations === '') return lines.join('\n');
  const code = await prettier.format(declarations, { parser: 'typescript', printWidth: 110, singleQuote: true });
  return [...lines, '```ts', code.trim(), '```', ''].join('\n');
}

async function apiPage(name) {
  const { exports } = JSON.parse(readFileSync(at(name, 'package.json'), 'utf8'));
  const [index, ...others] = Object.entries(exports).map(([entry, { 'corral-source': source }]) => [
    entry,
    at(name, source),
  ]);
  const sections = sectionsOf(index[1]);
  const shown = Object.assign(new Set(), {
    names: new Set(sections.flatMap((each) => each.exports.map((one) => one.name))),
  });
  const contents = sections.map(({ title, exports: names }) => {
    return `- [${title}](#${anchorOf(title)}): ${names.map((one) => `\`${one.name}\``).join(', ')}`;
  });
  const parts = [];
  for (const section of sections) parts.push(await sectionText(section, shown));
  for (const [entry, source] of others) {
    const section = { ...ownSection(source), title: `\`@corral/${name}${entry.slice(1)}\`` };
    parts.push(await sectionText(section, shown));
  }
  return [
    `<!-- Written by \`npm run docs\` from packages/${name}/src. Do not edit. -->`,
    '',
    `# \`@corral/${name}\``,
    '',
    prose(headerOf(index[1])),
    '',
    ...contents,
    '',
    ...parts,
  ].join('\n');
}

/** Pages by file name. */
export async function apiPages() {
  const names = ['client', 'recipes', 'testing'];
  const pages = await Promise.all(names.map(async (name) => [`api-${name}.md`, await apiPage(name)]));
  return Object.fromEntries(pages);
}
