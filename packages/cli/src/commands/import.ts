// corral import <file> [path]: what `corral export` wrote, back into a tree.

import { Option } from 'commander';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { placed } from '../copy.ts';
import { UsageError } from '../exit-codes.ts';
import { noAclHelp, writable } from '../masked-acl.ts';
import { apply, compare, listed } from '../move/compare.ts';
import type { Difference } from '../move/compare.ts';
import { parseDocument } from '../move/document.ts';
import { readTree } from '../move/place.ts';
import { progress } from '../move/progress.ts';
import { report } from '../output.ts';
import { readText } from '../values.ts';
import { confirmed, examples, lines } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';

interface ImportFlags {
  readonly dryRun?: boolean;
  readonly prune?: boolean;
  /** False for --no-acl. */
  readonly acl: boolean;
  readonly onConflict: 'skip' | 'overwrite' | 'fail';
}

export function registerImport(program: Command, context: Context): void {
  const command = program
    .command('import')
    .argument('<file>', 'JSON, YAML or ndjson; - for standard input')
    .argument('[path]', 'where to', '/')
    .option('-n, --dry-run', 'say what would be done, change nothing')
    .option('--no-acl', noAclHelp)
    .option('--prune', 'delete nodes that the file does not have')
    .addOption(
      new Option('--on-conflict <what>', 'with nodes that are there with other data')
        .choices(['skip', 'overwrite', 'fail'])
        .default('fail'),
    )
    .description('create the nodes of an export')
    .action(async (file: string, path: string, flags: ImportFlags, command: Command) => {
      const globals = globalsOf(command);
      const found = await parseDocument(await readText(file, context));
      const source = flags.acl ? found : writable(found, path, flags);
      await withClient(globals, 'one command', async (task) => {
        const { nodes } = await readTree(task, path, context);
        const chosen = choose(compare(source, nodes, { acls: false }), path, flags);
        writable(listed(chosen), path, { acl: true });
        const rows = chosen.map(({ path: below, kind }) => ({ action: actions[kind], path: placed(path, below) }));
        const text = () => lines(rows.map((row) => `${row.action} ${row.path}`));
        if (flags.dryRun === true) return report(context, globals.output, { value: rows, rows, text });
        const extra = chosen.filter(({ kind }) => kind === 'extra').length;
        if (extra > 1 && !(await confirmed(context, globals, `Delete ${extra} nodes that the file does not have`)))
          return;
        const shown = progress(context, 'changes', chosen.length);
        await apply(task.client, path, chosen, task.call, shown.count);
        shown.end();
        context.stderr.write(`${chosen.length} changes, ${source.length} nodes in the file\n`);
      });
    });
  examples(
    command,
    'import config.json /config',
    'import backup.yaml / --dry-run',
    'import - /config --on-conflict overwrite',
  );
}

const actions: Readonly<Record<Difference['kind'], string>> = {
  missing: 'create',
  data: 'set',
  acl: 'set-acl',
  'acl unknown': 'set-acl',
  extra: 'delete',
};

/** What this import does of all that would make the tree like the file. */
function choose(differences: readonly Difference[], path: string, flags: ImportFlags): Difference[] {
  // The root is there in every tree, and its data is nobody's.
  const counted = differences.filter(({ path: below }) => placed(path, below) !== '/');
  const conflicts = counted.filter(({ kind }) => kind === 'data');
  if (flags.onConflict === 'fail' && conflicts.length > 0) {
    const first = placed(path, conflicts[0].path);
    const rest = conflicts.length === 1 ? '' : ` and ${conflicts.length - 1} more`;
    throw new UsageError(`${first}${rest} exist with other data: choose --on-conflict skip or overwrite`);
  }
  return counted.filter(
    ({ kind }) =>
      kind === 'missing' ||
      (kind === 'data' && flags.onConflict === 'overwrite') ||
      (kind === 'extra' && flags.prune === true),
  );
}
