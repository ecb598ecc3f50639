// Whoever points at a name of the API in an editor is told what it is: every export of client, recipes and testing has a
// comment, and so has every public member of a class.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

const parse = (file: string): ts.SourceFile =>
  ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.ES2023, true);
const isDocumented = (node: ts.Node): boolean => ts.getJSDocCommentsAndTags(node).length > 0;

/** Names that an entry exports from files beside it, by file. */
function menuOf(entry: string): Map<string, Set<string>> {
  const menu = new Map<string, Set<string>>();
  for (const statement of parse(entry).statements) {
    if (!ts.isExportDeclaration(statement) || statement.moduleSpecifier === undefined) continue;
    const { text } = statement.moduleSpecifier as ts.StringLiteral;
    const clause = statement.exportClause;
    if (!text.startsWith('.') || clause === undefined || !ts.isNamedExports(clause)) continue;
    const file = join(dirname(entry), text);
    const names = menu.get(file) ?? new Set();
    for (const { propertyName, name } of clause.elements) names.add((propertyName ?? name).text);
    menu.set(file, names);
  }
  return menu;
}

function nameOf(statement: ts.Statement): string | undefined {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations[0].name.getText();
  return (statement as ts.DeclarationStatement).name?.getText();
}

const hidden = [
  ts.SyntaxKind.PrivateKeyword,
  ts.SyntaxKind.ProtectedKeyword,
  ts.SyntaxKind.OverrideKeyword,
  ts.SyntaxKind.DeclareKeyword,
];

function silentMembers(declaration: ts.ClassDeclaration): string[] {
  const silent: string[] = [];
  for (const member of declaration.members) {
    const { name } = member;
    if (name === undefined || !ts.isIdentifier(name)) continue;
    const modifiers = ts.canHaveModifiers(member) ? (ts.getModifiers(member) ?? []) : [];
    if (modifiers.some(({ kind }) => hidden.includes(kind))) continue;
    // Of overloads, one comment is enough.
    const sameName = declaration.members.filter((other) => other.name?.getText() === name.text);
    if (!sameName.some(isDocumented)) silent.push(`${declaration.name?.text}.${name.text}`);
  }
  return silent;
}

function silentIn(file: string, names: ReadonlySet<string>): string[] {
  const silent: string[] = [];
  const statements = parse(file).statements.filter((statement) => names.has(nameOf(statement) ?? ''));
  for (const statement of statements) {
    const name = nameOf(statement)!;
    if (!statements.some((other) => nameOf(other) === name && isDocumented(other))) silent.push(name);
    if (ts.isClassDeclaration(statement)) silent.push(...silentMembers(statement));
  }
  return [...new Set(silent)];
}

describe('every name of the API says what it is', () => {
  const entries = ['client/src/index.ts', 'client/src/core.ts', 'recipes/src/index.ts', 'testing/src/index.ts'];
  it.each(entries)('%s', (entry) => {
    const file = join(root, 'packages', entry);
    expect(existsSync(file)).toBe(true);
    const menu = menuOf(file);
    expect(menu.size).toBeGreaterThan(0);
    expect([...menu].flatMap(([each, names]) => silentIn(each, names))).toEqual([]);
  });
});
