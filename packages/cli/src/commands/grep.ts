// corral grep <pattern> [path]: nodes by what they hold.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { printJson, report } from '../output.ts';
import { hasCode, walk } from '../tree.ts';
import { colorsFor, examples, line, lines } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';
import type { Task } from '../with-client.ts';

interface GrepFlags {
  readonly ignoreCase?: boolean;
  readonly fixed?: boolean;
  readonly list?: boolean;
}

export function registerGrep(program: Command, context: Context): void {
  const command = program
    .command('grep')
    .argument('<pattern>', 'a regular expression')
    .argument('[path]', 'where to look', '/')
    .option('-i, --ignore-case', 'large and small letters are the same')
    .option('-F, --fixed', 'the pattern is plain text')
    .option('-l, --list', 'paths alone')
    .description('find nodes by their data')
    .action(async (text: string, path: string, flags: GrepFlags, command: Command) => {
      const { output, ...globals } = globalsOf(command);
      const pattern = patternOf(text, flags);
      const colors = colorsFor(context.stdout, context, globals.color);
      const rows: object[] = [];
      await withClient(globals, 'one command', async (task) => {
        for await (const { found, matches } of search(task, path, pattern, context)) {
          if (output !== 'text') {
            if (output === 'ndjson') await printJson(context, output, { path: found, lines: matches });
            else rows.push({ path: found, lines: matches });
          } else if (flags.list === true) context.stdout.write(line(found));
          else context.stdout.write(lines(matches.map((match) => `${colors.cyan(found)}: ${match}`)));
        }
      });
      if (output !== 'text' && output !== 'ndjson')
        await report(context, output, { value: rows, rows, text: () => '' });
    });
  examples(command, 'grep password /', "grep -i 'host=.*db' /services", 'grep -l -F 10.0.0.7 /');
}

function patternOf(text: string, { fixed, ignoreCase }: GrepFlags): RegExp {
  const source = fixed === true ? text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&') : text;
  try {
    return new RegExp(source, ignoreCase === true ? 'iu' : 'u');
  } catch (error) {
    throw new UsageError(`"${text}" is no pattern: ${(error as Error).message}`, { cause: error });
  }
}

async function* search({ client, call }: Task, top: string, pattern: RegExp, { stderr }: Context) {
  const onDenied = (path: string): void => void stderr.write(line(`not allowed to list ${path}`));
  for await (const { path, stat } of walk(client, top, call, { onDenied })) {
    if (stat.dataLength === 0) continue;
    const matches = await matchingLines(() => client.getText(path, call), pattern);
    if (matches === null) stderr.write(line(`not allowed to read ${path}`));
    else if (matches.length > 0) yield { found: path, matches };
  }
}

async function matchingLines(read: () => Promise<string>, pattern: RegExp): Promise<string[] | null> {
  try {
    return (await read()).split('\n').filter((line) => pattern.test(line));
  } catch (error) {
    if (hasCode(error, 'NoNode')) return [];
    if (hasCode(error, 'NoAuth')) return null;
    throw error;
  }
}
