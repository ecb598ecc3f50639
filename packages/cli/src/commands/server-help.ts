// The server's line in the help. main.ts runs the command itself; see server.ts.

import type { Command } from 'commander';
import { examples } from '../verb.ts';

export function registerServer(program: Command): void {
  const command = program
    .command('server')
    .argument('[verb]', 'start, stop, restart, status, print-cmd, version: in the background, as zkServer.sh does')
    .argument('[zoo.cfg]', 'configuration file')
    .argument('[-Dname=value...]', 'settings as system properties')
    .description('run a server; corral server --help lists its settings')
    .action(() => program.error('server must be the first word: corral server ...'));
  examples(
    command,
    'server zoo.cfg',
    'server start zoo.cfg',
    'server status zoo.cfg',
    'server stop zoo.cfg',
    'server -DclientPort=2181 -DdataDir=./data -D4lw.commands.whitelist=srvr,mntr',
  );
}
