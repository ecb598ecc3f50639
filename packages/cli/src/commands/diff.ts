// corral diff <a> <b>: what differs between two trees, on one server, on two, or in a file.

import type { Command } from 'commander';
import { aclEntryText } from '../acl-text.ts';
import type { Context } from '../context.ts';
import type { CopiedNode } from '../copy.ts';
import { compare } from '../move/compare.ts';
import type { Difference } from '../move/compare.ts';
import { parsePlace, readPlace } from '../move/place.ts';
import { report } from '../output.ts';
import { colorsFor, examples, lines } from '../verb.ts';
import type { Colors } from '../verb.ts';
import { globalsOf } from '../with-client.ts';
import { ProblemsFound } from './data-files.ts';

export function registerDiff(program: Command, context: Context): void {
  const command = program
    .command('diff')
    .argument('<a>', 'a path, host:port/path, zk://host/path, or an exported file')
    .argument('<b>', 'the same')
    .option('--acl', 'compare access lists, too')
    .description('compare two parts of trees; ends with 1 when they differ')
    .action(async (a: string, b: string, flags: { acl?: boolean }, command: Command) => {
      const globals = globalsOf(command);
      const [left, right] = [
        await readPlace(parsePlace(a), globals, context),
        await readPlace(parsePlace(b), globals, context),
      ];
      const found = compare(left.nodes, right.nodes, { acls: flags.acl === true });
      const rows = found.map(({ path, kind }) => ({ path: path === '' ? '/' : path, difference: words[kind] }));
      const colors = colorsFor(context.stdout, context, globals.color);
      const text = () => lines(found.flatMap((one) => describe(one, colors)));
      await report(context, globals.output, { value: rows, rows, text });
      if (found.length > 0) throw new ProblemsFound(`${found.length} differences`);
    });
  examples(command, 'diff /blue /green', 'diff /config config.json', 'diff zk1:2181/app zk2:2181/app');
}

const words: Readonly<Record<Difference['kind'], string>> = {
  missing: 'only in a',
  extra: 'only in b',
  data: 'data',
  acl: 'acl',
};

function describe({ path, kind, source, target }: Difference, { red, green, bold }: Colors): string[] {
  const shown = path === '' ? '/' : path;
  if (kind === 'missing') return [red(`- ${shown}  ${preview(source!)}`)];
  if (kind === 'extra') return [green(`+ ${shown}  ${preview(target!)}`)];
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
