// corral import-zk <dataDir> <to>: the data of a stopped ZooKeeper into a folder for Corral. The original stays as it is.

import { isUnused, planImport, runImport } from '@corral/server';
import type { DataDirectories } from '@corral/server';
import { formatZxid } from '@corral/protocol';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { progress } from '../move/progress.ts';
import { report } from '../output.ts';
import { counted, examples, lines } from '../verb.ts';
import { globalsOf } from '../with-client.ts';
import type { GlobalOptions } from '../with-client.ts';
import { ProblemsFound, existing } from './data-files.ts';

interface ImportFlags {
  readonly dataLogDir?: string;
  readonly toLogDir?: string;
  readonly dryRun?: boolean;
}

export function registerImportZk(program: Command, context: Context): void {
  const command = program
    .command('import-zk')
    .argument('<dataDir>', 'the dataDir of a stopped ZooKeeper')
    .argument('<to>', 'a new dataDir, for corral server')
    .option('--data-log-dir <dir>', 'its dataLogDir, when that is another directory')
    .option('--to-log-dir <dir>', 'a new dataLogDir, when that shall be another directory')
    .option('-n, --dry-run', 'read everything, say what would be copied, copy nothing')
    .description('copy the snapshots and logs of ZooKeeper, and check that a server starts on the copy')
    .action((from: string, to: string, flags: ImportFlags, command: Command) => {
      const source = existing({ dataDir: from, dataLogDir: flags.dataLogDir });
      return importZk(source, { dataDir: to, dataLogDir: flags.toLogDir }, flags, globalsOf(command), context);
    });
  examples(
    command,
    'import-zk /var/lib/zookeeper ./data',
    'import-zk /var/lib/zookeeper ./data --dry-run',
    'import-zk /data /var/lib/corral --data-log-dir /datalog',
  );
}

async function importZk(
  from: DataDirectories,
  to: DataDirectories,
  { dryRun = false }: ImportFlags,
  globals: GlobalOptions,
  context: Context,
): Promise<void> {
  if (!isUnused(to)) throw new UsageError(`${to.dataDir} is in use: give a folder that is empty or not there yet`);
  const plan = planImport(from, to);
  const { starts, refused, lastZxid } = plan.diagnosis;
  if (plan.copies.length === 0)
    throw new UsageError(`${from.dataDir} holds no data of ZooKeeper: no version-2 with files`);
  if (!starts) {
    const what = `corral doctor --data-dir ${from.dataDir} tells all of it`;
    throw new ProblemsFound(
      `no server could start on ${from.dataDir}: ${refused?.problem ?? 'it is damaged'}; ${what}`,
    );
  }
  if (!dryRun) {
    const shown = progress(context, 'files', plan.copies.length);
    const copy = runImport(plan, to, shown.count);
    shown.end();
    if (!copy.starts || copy.lastZxid !== lastZxid)
      throw new ProblemsFound(
        `the copy differs from ${from.dataDir}: does a server write to it? Stop that one, empty ${to.dataDir}, begin again`,
      );
  }
  const value = { from: from.dataDir, to: to.dataDir, files: plan.copies.length, zxid: formatZxid(lastZxid!), dryRun };
  await report(context, globals.output, {
    value,
    rows: plan.copies,
    text: () => lines(plan.copies.map(({ to: file }) => file)),
  });
  context.stderr.write(`${counted(value.files, 'file')}, as of ${value.zxid}${dryRun ? '; nothing was copied' : ''}\n`);
  if (!dryRun)
    context.stderr.write(`next: corral server --data-dir ${to.dataDir}, or dataDir=${to.dataDir} in zoo.cfg\n`);
}
