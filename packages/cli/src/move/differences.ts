// What differs between two places, for people and for programs.

import { aclEntryText } from '../acl-text.ts';
import { ProblemsFound } from '../commands/data-files.ts';
import type { Context } from '../context.ts';
import type { CopiedNode } from '../copy.ts';
import { report } from '../output.ts';
import { colorsFor, lines } from '../verb.ts';
import type { Colors } from '../verb.ts';
import type { GlobalOptions } from '../with-client.ts';
import { compare } from './compare.ts';
import type { Difference } from './compare.ts';
import { readPlace } from './place.ts';
import type { Place } from './place.ts';

export interface DiffFlags {
  readonly acl?: boolean;
}

export async function showDifferences(
  a: Place,
  b: Place,
  { acl = false }: DiffFlags,
  globals: GlobalOptions,
  context: Context,
): Promise<void> {
  const [left, right] = [await readPlace(a, globals, context), await readPlace(b, globals, context)];
  const found = compare(left.nodes, right.nodes, { acls: acl });
  const rows = found.map(({ path, kind }) => ({ path: path === '' ? '/' : path, difference: words[kind] }));
  const colors = colorsFor(context.stdout, context, globals.color);
  const text = () => lines(found.flatMap((one) => describe(one, colors)));
  await report(context, globals.output, { value: rows, rows, text });
  if (found.length > 0) throw new ProblemsFound(found.length === 1 ? 'one difference' : `${found.length} differences`);
}

const words: Readonly<Record<Difference['kind'], string>> = {
  missing: 'only in a',
  extra: 'only in b',
  data: 'data',
  acl: 'acl',
  'acl unknown': 'acl: cannot tell',
};

function describe({ path, kind, source, target }: Difference, { red, green, bold }: Colors): string[] {
  const shown = path === '' ? '/' : path;
  if (kind === 'missing') return [red(`- ${shown}  ${preview(source!)}`)];
  if (kind === 'extra') return [green(`+ ${shown}  ${preview(target!)}`)];
  if (kind === 'acl unknown')
    return [bold(`? ${shown}  cannot tell: hashes are masked for whoever may not administrate it`)];
  const of = kind === 'acl' ? rules : preview;
  return [bold(`~ ${shown}`), red(`  - ${of(source!)}`), green(`  + ${of(target!)}`)];
}

const rules = ({ acl }: CopiedNode): string => acl.map(aclEntryText).join(',');

const previewMax = 60;
function preview({ data }: CopiedNode): string {
  if (data === null) return '(no data)';
  const text = JSON.stringify(Buffer.from(data).toString());
  return text.length > previewMax ? `${text.slice(0, previewMax)}... (${data.length} bytes)` : text;
}
