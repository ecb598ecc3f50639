// corral ephemerals: nodes that live with a session, by session.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { isEphemeral } from '../node-kind.ts';
import { hex, report } from '../output.ts';
import { walk } from '../tree.ts';
import { examples, line, lines } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';

interface EphemeralsFlags {
  readonly session?: string;
}

export function registerEphemerals(program: Command, context: Context): void {
  const command = program
    .command('ephemerals')
    .argument('[path]', 'where to look', '/')
    .option('--session <id>', 'of this session alone: 0x100000a2b3c0001')
    .description('nodes that live with a session, and whose')
    .action(async (path: string, { session }: EphemeralsFlags, command: Command) => {
      const globals = globalsOf(command);
      const wanted = session === undefined ? undefined : parseSession(session);
      const rows: { session: string; path: string; ctime: string }[] = [];
      const onDenied = (hidden: string): void => void context.stderr.write(line(`not allowed to list ${hidden}`));
      await withClient(globals, 'one command', async ({ client, call }) => {
        for await (const { path: found, stat } of walk(client, path, call, { onDenied })) {
          const owner = hex(stat.ephemeralOwner);
          if (!isEphemeral(stat) || (wanted !== undefined && owner !== wanted)) continue;
          rows.push({ session: owner, path: found, ctime: stat.ctime.toISOString() });
        }
      });
      rows.sort((a, b) => (a.session < b.session ? -1 : a.session > b.session ? 1 : 0));
      const text = () => lines(rows.map((row) => `${row.session}  ${row.path}`));
      await report(context, globals.output, { value: rows, rows, text });
    });
  examples(command, 'ephemerals', 'ephemerals /services --session 0x100000a2b3c0001');
}

/** In hex, with or without 0x, as the other commands print it. */
function parseSession(text: string): string {
  const [, digits] = /^(?:0x)?([0-9a-f]{1,16})$/i.exec(text) ?? [];
  if (digits === undefined) throw new UsageError(`"${text}" is not a session such as 0x100000a2b3c0001`);
  return hex(BigInt(`0x${digits}`));
}
