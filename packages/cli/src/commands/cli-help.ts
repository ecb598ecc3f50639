// The shell's line in the help. run.ts runs the command itself; see shell/start.ts.

import type { Command } from 'commander';
import { examples } from '../verb.ts';

export function registerCli(program: Command): void {
  const command = program
    .command('cli')
    .argument('[options and command...]', '-server host:port, -timeout ms, -r, and a command of zkCli')
    .description('the shell that zkCli users know, with the same commands, output and exit codes')
    .action(() => program.error('cli must be the first word: corral cli ...'));
  examples(
    command,
    'cli',
    'cli -server zk1:2181,zk2:2181/app',
    'cli -server zk1:2181 ls -R /app',
    'cli -server zk1:2181 < script',
  );
}
