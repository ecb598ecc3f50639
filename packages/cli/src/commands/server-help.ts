// The server's line in the help. main.ts runs the command itself; see server.ts.

import type { Command } from 'commander';

export function registerServer(program: Command): void {
  program
    .command('server')
    .argument('[zoo.cfg]', 'configuration file')
    .argument('[-Dname=value...]', 'settings as system properties')
    .description('run a server; corral server --help lists its settings')
    .action(() => program.error('server must be the first word: corral server ...'));
}
