// corral find [path]: nodes by name, kind, size or age.

import { Option } from 'commander';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { isEphemeral } from '../node-kind.ts';
import { printJson, report, statJson } from '../output.ts';
import { walk } from '../tree.ts';
import type { WalkedNode } from '../tree.ts';
import { parseBytes, parseCount, parseDuration } from '../values.ts';
import { examples, line } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';

interface FindFlags {
  readonly name?: string;
  readonly type?: string;
  readonly larger?: string;
  readonly children?: string;
  readonly newer?: string;
  readonly older?: string;
  readonly depth?: string;
}

const typeOf = ({ stat }: WalkedNode) => (isEphemeral(stat) ? 'ephemeral' : 'persistent');
type Test = (node: WalkedNode) => boolean;

export function registerFind(program: Command, context: Context): void {
  const command = program
    .command('find')
    .argument('[path]', 'where to look', '/')
    .option('--name <pattern>', 'last part of the path, with * and ?')
    .addOption(new Option('--type <kind>', 'kind of node').choices(['persistent', 'ephemeral']))
    .option('--larger <size>', 'data of at least 100, 64k, 1M')
    .option('--children <n>', 'at least so many children')
    .option('--newer <time>', 'changed within the last 5m, 2h')
    .option('--older <time>', 'not changed within the last 5m, 2h')
    .option('--depth <n>', 'levels to look at')
    .description('find nodes by name, kind, size or age')
    .action(async (path: string, flags: FindFlags, command: Command) => {
      const { output, ...globals } = globalsOf(command);
      const tests = testsOf(flags, Date.now());
      const maxDepth = flags.depth === undefined ? Infinity : parseCount(flags.depth);
      const rows: object[] = [];
      const onDenied = (hidden: string): void => void context.stderr.write(line(`not allowed to list ${hidden}`));
      await withClient(globals, 'one command', async ({ client, call }) => {
        for await (const node of walk(client, path, call, { maxDepth, onDenied })) {
          if (!tests.every((test) => test(node))) continue;
          const row = { path: node.path, type: typeOf(node), ...statJson(node.stat) };
          if (output === 'text') context.stdout.write(line(node.path));
          else if (output === 'ndjson') await printJson(context, output, row);
          else rows.push(row);
        }
      });
      if (output !== 'text' && output !== 'ndjson')
        await report(context, output, { value: rows, rows, text: () => '' });
    });
  examples(command, "find / --name 'lock-*' --type ephemeral", 'find / --larger 64k', 'find / --children 10000');
}

function testsOf({ name, type, larger, children, newer, older }: FindFlags, now: number): Test[] {
  const tests: Test[] = [];
  if (name !== undefined) {
    const pattern = globPattern(name);
    tests.push(({ path }) => pattern.test(path.slice(path.lastIndexOf('/') + 1)));
  }
  if (type !== undefined) tests.push((node) => typeOf(node) === type);
  if (larger !== undefined) {
    const bytes = parseBytes(larger);
    tests.push(({ stat }) => stat.dataLength >= bytes);
  }
  if (children !== undefined) {
    const count = parseCount(children);
    tests.push(({ stat }) => stat.numChildren >= count);
  }
  if (newer !== undefined) {
    const since = now - parseDuration(newer);
    tests.push(({ stat }) => stat.mtime.getTime() >= since);
  }
  if (older !== undefined) {
    const until = now - parseDuration(older);
    tests.push(({ stat }) => stat.mtime.getTime() < until);
  }
  return tests;
}

function globPattern(glob: string): RegExp {
  const source = glob
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's');
}
