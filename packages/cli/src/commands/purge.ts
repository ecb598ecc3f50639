// corral purge <dataDir>: old snapshots and logs, by hand. Servers do it themselves unless told not to
// (autopurge.purgeInterval=0).

import * as path from 'node:path';
import { Purger } from '@corral/server';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { report } from '../output.ts';
import { parseCount } from '../values.ts';
import { confirmed, counted, examples, lines } from '../verb.ts';
import { globalsOf } from '../with-client.ts';
import { existing } from './data-files.ts';

interface PurgeFlags {
  readonly dataLogDir?: string;
  readonly keep: string;
  readonly dryRun?: boolean;
}

const keepMin = 3;

export function registerPurge(program: Command, context: Context): void {
  const command = program
    .command('purge')
    .argument('<dataDir>', 'of a server, which may run')
    .option('--data-log-dir <dir>', 'its dataLogDir, when that is another directory')
    .option('--keep <n>', 'good snapshots that stay, with the logs behind them; 3 at least', '3')
    .option('-n, --dry-run', 'say what would be deleted, delete nothing')
    .description('delete old snapshots and logs; snapshots that cannot be read do not count as kept')
    .action(async (dataDir: string, flags: PurgeFlags, command: Command) => {
      const globals = globalsOf(command);
      const keep = parseCount(flags.keep);
      if (keep < keepMin) throw new UsageError(`--keep begins with ${keepMin}: a snapshot may turn out to be damaged`);
      const { dataLogDir } = existing({ dataDir, dataLogDir: flags.dataLogDir });
      const dirs = { snapDir: path.join(dataDir, 'version-2'), logDir: path.join(dataLogDir ?? dataDir, 'version-2') };
      const purger = new Purger({ ...dirs, keep });
      const { snapshots, logs } = await purger.plan();
      const files = [
        ...snapshots.map((name) => path.join(dirs.snapDir, name)),
        ...logs.map((name) => path.join(dirs.logDir, name)),
      ];
      const wanted = flags.dryRun !== true && files.length > 0;
      if (wanted && !(await confirmed(context, globals, `Delete ${counted(files.length, 'file')}`))) return;
      if (wanted) await purger.run();
      await report(context, globals.output, {
        value: files,
        rows: files.map((file) => ({ file })),
        text: () => lines(files),
      });
      context.stderr.write(`${counted(files.length, 'file')} ${wanted ? 'deleted' : 'would be deleted'}\n`);
    });
  examples(command, 'purge /var/lib/zookeeper --dry-run', 'purge /var/lib/zookeeper --keep 5 -y');
}
