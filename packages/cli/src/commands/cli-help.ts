// The shell's line in the help. run.ts runs the command itself; see shell/start.ts.

import type { Command } from 'commander';

export function registerCli(program: Command): void {
  program
    .command('cli')
    .argument('[options and command...]', '-server host:port, -timeout ms, -r, and a command of zkCli')
    .description('the shell that zkCli users know, with the same commands, output and exit codes')
    .action(() => program.error('cli must be the first word: corral cli ...'));
}
