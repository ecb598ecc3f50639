// corral watchers: which paths are watched, and by which sessions.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { report } from '../output.ts';
import { examples, lines } from '../verb.ts';
import { askWord, failIfSilent } from '../words.ts';
import type { WordAnswer } from '../words.ts';
import { globalsOf } from '../with-client.ts';

interface Row {
  readonly server: string;
  readonly path: string;
  readonly sessions: readonly string[];
}

export function registerWatchers(program: Command, context: Context): void {
  const command = program
    .command('watchers')
    .option('--admin <host:port,...>', 'ask these AdminServers instead of the word wchp')
    .description('watched paths, the most watched first')
    .action(async ({ admin }: { admin?: string }, command: Command) => {
      const globals = globalsOf(command);
      const { answers, silent } = await askWord(admin === undefined ? 'wchp' : 'watches_by_path', globals, admin);
      const rows = answers
        .flatMap(rowsOf)
        .toSorted((a, b) => b.sessions.length - a.sessions.length || (a.path < b.path ? -1 : 1));
      const text = () => lines(rows.map(({ path, sessions }) => `${path}  ${sessions.join(' ')}`));
      await report(context, globals.output, { value: rows, rows, text });
      failIfSilent(silent, context);
    });
  examples(command, 'watchers', 'watchers --admin zk1:8080');
}

const hexId = (id: string | number): string => `0x${BigInt.asUintN(64, BigInt(id)).toString(16)}`;

function rowsOf({ server, text, json }: WordAnswer): Row[] {
  if (json !== null) {
    const paths = (json['path_to_session_ids'] ?? {}) as Record<string, (string | number)[]>;
    return Object.entries(paths).map(([path, sessions]) => ({ server, path, sessions: sessions.map(hexId) }));
  }
  return [...text!.matchAll(/^(\/.*)\n((?:\t0x[0-9a-f]+\n?)+)/gm)].map(([, path, sessions]) => ({
    server,
    path,
    sessions: sessions.trim().split(/\s+/),
  }));
}
