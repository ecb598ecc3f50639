// corral cheat: the command lines that one looks up.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { report } from '../output.ts';
import { colorsFor, examples, lines } from '../verb.ts';
import { globalsOf } from '../with-client.ts';

const sheets: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  data: [
    ['see the shape of the tree', 'corral tree / --depth 2 --stat'],
    ['read, change only what you read, delete', 'corral get /a; corral set /a new --version 3; corral rm /a'],
    ['from a file, from standard input', 'corral set /a @file; echo x | corral set /a -'],
    ['several writes or none', "printf 'check /lock 0\\nset /a on\\n' | corral txn"],
    ['find what is large, old, or says something', 'corral find / --larger 64k --older 24h; corral grep -i host /'],
  ],
  move: [
    ['back up and restore', 'corral export /app -f app.json; corral import app.json /app --on-conflict overwrite'],
    [
      'compare and copy between clusters',
      'corral diff zk1:2181/app zk2:2181/app; corral sync zk1:2181/app zk2:2181/app',
    ],
  ],
  observe: [
    ['is all well', 'corral doctor; corral cluster status; corral top'],
    ['every change as it happens', 'corral watch -R / -o ndjson'],
    ['do something on every change', 'corral watch /config --exec ./reload.sh'],
    ['who is connected, who watches, whose ephemerals', 'corral sessions; corral watchers; corral ephemerals'],
    ['who agreed to the last write of a node', 'corral trace /a'],
  ],
  coordinate: [
    ['one at a time', 'corral lock /locks/backup -- ./backup.sh'],
    ['at most three at a time', 'corral semaphore /limits/db -n 3 -- ./query'],
    ['on one machine of many', 'corral elect /leader/cron -- ./scheduler'],
    ['a queue of jobs', 'corral queue put /jobs text; corral queue take /jobs --loop -- ./worker'],
  ],
  access: [
    ['who may do what', 'corral acl get /a; corral acl add /a world:anyone:r'],
    ['connect as somebody', 'corral get /a --auth digest:user:password'],
    ['connections by name', 'corral context add prod zk1,zk2,zk3; corral context use prod'],
  ],
};

export function registerCheat(program: Command, context: Context): void {
  const command = program
    .command('cheat')
    .argument('[topic]', Object.keys(sheets).join(', '))
    .description('command lines for what people want most')
    .action((topic: string | undefined, _options: unknown, own: Command) => {
      if (topic !== undefined && !(topic in sheets)) {
        throw new UsageError(`there is no sheet "${topic}"; there are ${Object.keys(sheets).join(', ')}`);
      }
      const { output, color } = globalsOf(own);
      const { bold, dim } = colorsFor(context.stdout, context, color);
      const shown = Object.entries(sheets).filter(([name]) => topic === undefined || topic === name);
      const rows = shown.flatMap(([name, sheet]) => sheet.map(([what, line]) => ({ topic: name, what, line })));
      const block = ([name, sheet]: (typeof shown)[number]): string[] => [
        bold(name),
        ...sheet.flatMap(([what, line]) => [`  ${dim(`# ${what}`)}`, `  ${line}`]),
      ];
      return report(context, output, { value: rows, rows, text: () => lines(shown.flatMap(block)) });
    });
  examples(command, 'cheat', 'cheat move');
}
