// corral du [path]: where the bytes and the nodes are.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { report } from '../output.ts';
import { walk } from '../tree.ts';
import type { WalkedNode } from '../tree.ts';
import { tableText } from '../cluster/table.ts';
import { parseCount } from '../values.ts';
import { byteText, examples } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';
import type { Task } from '../with-client.ts';

interface Share {
  readonly path: string;
  bytes: number;
  nodes: number;
}

export function registerDu(program: Command, context: Context): void {
  const command = program
    .command('du')
    .argument('[path]', 'the top', '/')
    .option('--depth <n>', 'levels to show', '1')
    .option('--top <n>', 'only the largest')
    .description('bytes of data and number of nodes, largest part first')
    .action(async (path: string, flags: { depth: string; top?: string }, command: Command) => {
      const globals = globalsOf(command);
      const depth = parseCount(flags.depth);
      const shares = await withClient(globals, 'one command', (task) => measure(task, path, depth, context));
      const sorted = shares.toSorted((a, b) => b.bytes - a.bytes || b.nodes - a.nodes);
      const rows = sorted.slice(0, flags.top === undefined ? undefined : parseCount(flags.top));
      const cells = rows.map((share) => [byteText(share.bytes), String(share.nodes), share.path]);
      await report(context, globals.output, {
        value: rows,
        rows,
        text: () => tableText([['BYTES', 'NODES', 'PATH'], ...cells]),
      });
    });
  examples(command, 'du /', 'du /services --depth 2 --top 10', 'du / -o json');
}

/** Every node counts for each of its ancestors that are shown. */
async function measure({ client, call }: Task, top: string, depth: number, context: Context): Promise<Share[]> {
  const shares = new Map<string, Share>();
  const open: Share[] = [];
  const onDenied = (path: string): void => void context.stderr.write(`not allowed to list ${path}\n`);
  const add = ({ path, depth: level, stat }: WalkedNode): void => {
    open.length = Math.min(open.length, level);
    if (level <= depth) {
      const share = { path, bytes: 0, nodes: 0 };
      shares.set(path, share);
      open.push(share);
    }
    for (const share of open) {
      share.bytes += stat.dataLength;
      share.nodes += 1;
    }
  };
  for await (const node of walk(client, top, call, { onDenied })) add(node);
  return [...shares.values()];
}
