// corral init --ensemble 3: writes what several machines, or Kubernetes, need to run an ensemble. Touches nothing but its
// own folder, and no file that is there already.

import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { printJson } from '../output.ts';
import { examples } from '../verb.ts';
import { globalsOf } from '../with-client.ts';
import type { InitOptions } from '../init/plan.ts';
import type { Files } from '../init/machine.ts';

interface InitFlags extends InitOptions {
  readonly dir: string;
  readonly force?: boolean;
}

export function registerInit(program: Command, context: Context): void {
  const command = program
    .command('init')
    .description('write the configuration of an ensemble for separate machines, systemd, Docker and Kubernetes')
    .requiredOption('--ensemble <n>', 'servers that vote: 3 survive the loss of one, 5 of two')
    .option('--observers <n>', 'servers that follow without a vote', '0')
    .option('--hosts <a,b,c>', 'the machines, observers last')
    .option('--dir <folder>', 'where to write', 'corral-ensemble')
    .option('--client-port <port>', 'for clients', '2181')
    .option('--quorum-port <port>', 'between leader and followers', '2888')
    .option('--election-port <port>', 'for electing a leader', '3888')
    .option('--data-dir <path>', 'dataDir on the machines', '/var/lib/corral')
    .option('--data-log-dir <path>', 'dataLogDir on the machines, when the log has a disk of its own')
    .option('--conf-dir <path>', 'where zoo.cfg goes on the machines', '/etc/corral')
    .option('--install-dir <path>', 'the clone of Corral on the machines', '/opt/corral')
    .option('--user <name>', 'the user it runs as', 'corral')
    .option('--reconfig', 'members can be changed while the ensemble runs (reconfigEnabled=true)')
    .option('--force', 'overwrite files that are there')
    .action((flags: InitFlags, own: Command) => init(flags, own, context));
  examples(
    command,
    'init --ensemble 3 --hosts zk1,zk2,zk3',
    'init --ensemble 5 --observers 2 --dir ./ensemble --reconfig',
    'init --ensemble 3 --hosts zk1,zk2,zk3 --data-log-dir /var/log/corral',
  );
}

async function init(flags: InitFlags, command: Command, context: Context): Promise<void> {
  const { makePlan } = await import('../init/plan.ts');
  const plan = makePlan(flags);
  const { ensembleFiles } = await import('../init/files.ts');
  const files = ensembleFiles(plan);
  if (flags.force !== true) await refuseToOverwrite(flags.dir, files);
  for (const [name, content] of files) {
    const path = join(flags.dir, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  const { output } = globalsOf(command);
  const paths = [...files.keys()].map((name) => join(flags.dir, name));
  if (output !== 'text') {
    await printJson(context, output, { files: paths });
    return;
  }
  for (const path of paths) context.stdout.write(`${path}\n`);
  if (plan.hostsAreInvented) context.stderr.write('The host names are made up: give yours with --hosts a,b,c\n');
  if (plan.voters % 2 === 0) {
    context.stderr.write(
      `${plan.voters} voters survive no more failures than ${plan.voters - 1}; odd numbers are worth it\n`,
    );
  }
  context.stderr.write(`Next steps: ${join(flags.dir, 'README.txt')}\n`);
}

async function refuseToOverwrite(dir: string, files: Files): Promise<void> {
  const there: string[] = [];
  for (const name of files.keys()) if (await exists(join(dir, name))) there.push(join(dir, name));
  if (there.length === 0) return;
  const rest = there.length === 1 ? '' : ` and ${there.length - 1} more`;
  throw new UsageError(
    `${there[0]}${rest} exist already, and nothing was written; overwrite with --force, or use another --dir`,
  );
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
