// corral tree [path]: the shape of a part of the tree.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { kindText } from '../node-kind.ts';
import { report, statJson } from '../output.ts';
import { walk } from '../tree.ts';
import type { WalkedNode } from '../tree.ts';
import { parseCount } from '../values.ts';
import { byteText, colorsFor, examples, lines } from '../verb.ts';
import type { Colors } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';

interface TreeFlags {
  readonly depth?: string;
  readonly stat?: boolean;
}

export function registerTree(program: Command, context: Context): void {
  const command = program
    .command('tree')
    .argument('[path]', 'the top', '/')
    .option('--depth <n>', 'levels to show')
    .option('--stat', 'size, version and kind of every node')
    .description('draw a part of the tree')
    .action(async (path: string, flags: TreeFlags, command: Command) => {
      const globals = globalsOf(command);
      const maxDepth = flags.depth === undefined ? Infinity : parseCount(flags.depth);
      const denied = new Set<string>();
      const nodes: WalkedNode[] = [];
      await withClient(globals, 'one command', async ({ client, call }) => {
        const options = { maxDepth, onDenied: (hidden: string) => void denied.add(hidden) };
        for await (const node of walk(client, path, call, options)) nodes.push(node);
      });
      const rows = nodes.map(({ path: found, depth, stat }) => ({ path: found, depth, ...statJson(stat) }));
      const colors = colorsFor(context.stdout, context, globals.color);
      const text = () => lines(draw(nodes, { ...flags, maxDepth, denied, colors }));
      await report(context, globals.output, { value: { path, nodes: rows }, rows, text });
    });
  examples(command, 'tree /', 'tree /kafka --depth 2 --stat', 'tree / -o json');
}

interface Look {
  readonly stat?: boolean;
  readonly maxDepth: number;
  readonly denied: ReadonlySet<string>;
  readonly colors: Colors;
}

/** Nodes come parents first, as a walk gives them. */
function draw(nodes: readonly WalkedNode[], look: Look): string[] {
  // For every depth: whether more siblings follow, so that the line goes on.
  const more: boolean[] = [];
  const rows = nodes.map((node, at) => {
    more[node.depth] = hasSibling(nodes, at);
    const stems = more.slice(1, node.depth).map((goesOn) => (goesOn ? '│  ' : '   '));
    const branch = node.depth === 0 ? '' : more[node.depth] ? '├─ ' : '└─ ';
    const name = node.depth === 0 ? node.path : node.path.slice(node.path.lastIndexOf('/') + 1);
    return { lead: `${stems.join('')}${branch}`, name, facts: factsOf(node, look) };
  });
  const width = Math.max(...rows.map(({ lead, name }) => lead.length + name.length));
  const { dim, cyan } = look.colors;
  return rows.map(({ lead, name, facts }) => {
    const gap = facts === '' ? '' : ' '.repeat(width - lead.length - name.length + 2);
    return `${dim(lead)}${cyan(name)}${gap}${dim(facts)}`;
  });
}

function hasSibling(nodes: readonly WalkedNode[], at: number): boolean {
  for (let next = at + 1; next < nodes.length && nodes[next].depth >= nodes[at].depth; next++) {
    if (nodes[next].depth === nodes[at].depth) return true;
  }
  return false;
}

function factsOf({ path, depth, stat }: WalkedNode, { stat: all, maxDepth, denied }: Look): string {
  const facts: string[] = [];
  const hidden = depth >= maxDepth && stat.numChildren > 0;
  if (hidden) facts.push(`${stat.numChildren} below ▸`);
  if (all === true) {
    if (!hidden && stat.numChildren > 0) facts.push(`${stat.numChildren} below`);
    facts.push(byteText(stat.dataLength), `v${stat.version}`);
    const kind = kindText(stat);
    if (kind !== '') facts.push(kind);
  }
  if (denied.has(path)) facts.push('not allowed to list');
  return facts.join('  ');
}
