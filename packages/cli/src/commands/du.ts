// corral du [path]: where the bytes and the nodes are.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { below, placed } from '../copy.ts';
import { atTree, parsePlace, placeHelp, readPlace } from '../move/place.ts';
import type { Place } from '../move/place.ts';
import { report } from '../output.ts';
import { walk } from '../tree.ts';
import { tableText } from '../cluster/table.ts';
import { parseCount } from '../values.ts';
import { byteText, examples, line } from '../verb.ts';
import { globalsOf } from '../with-client.ts';
import type { GlobalOptions, Task } from '../with-client.ts';

interface Share {
  readonly path: string;
  bytes: number;
  nodes: number;
}

export function registerDu(program: Command, context: Context): void {
  const command = program
    .command('du')
    .argument('[path]', placeHelp, '/')
    .option('--depth <n>', 'levels to show', '1')
    .option('--top <n>', 'only the largest')
    .description('bytes of data and number of nodes, largest part first')
    .action(async (path: string, flags: { depth: string; top?: string }, command: Command) => {
      const globals = globalsOf(command);
      const depth = parseCount(flags.depth);
      const place = parsePlace(path);
      const shares =
        place.kind === 'file'
          ? await sharesOf(measured(place, globals, context), place.top, depth)
          : await atTree(place, globals, 'one command', (task) =>
              sharesOf(walked(task, place.path, context), place.path, depth),
            );
      const sorted = shares.toSorted((a, b) => b.bytes - a.bytes || b.nodes - a.nodes);
      const rows = sorted.slice(0, flags.top === undefined ? undefined : parseCount(flags.top));
      const cells = rows.map((share) => [byteText(share.bytes), String(share.nodes), share.path]);
      await report(context, globals.output, {
        value: rows,
        rows,
        text: () => tableText([['BYTES', 'NODES', 'PATH'], ...cells]),
      });
    });
  examples(command, 'du /', 'du /services --depth 2 --top 10', 'du / -o json', 'du snapshot.1f --depth 2');
}

interface Measured {
  /** Below the top: '' for the top itself. */
  readonly path: string;
  readonly bytes: number;
}

async function* measured(place: Place, globals: GlobalOptions, context: Context): AsyncGenerator<Measured> {
  const copied = await readPlace(place, globals, context);
  for (const { path, data } of copied.nodes) yield { path, bytes: data?.length ?? 0 };
}

async function* walked({ client, call }: Task, top: string, context: Context): AsyncGenerator<Measured> {
  const onDenied = (path: string): void => void context.stderr.write(line(`not allowed to list ${path}`));
  for await (const { path, stat } of walk(client, top, call, { onDenied }))
    yield { path: below(top, path), bytes: stat.dataLength };
}

/** Every node counts for each of its ancestors that are shown. */
async function sharesOf(nodes: AsyncIterable<Measured>, top: string, depth: number): Promise<Share[]> {
  const shares = new Map<string, Share>();
  for await (const { path, bytes } of nodes) {
    const names = path.split('/').slice(1);
    for (let level = 0; level <= Math.min(depth, names.length); level++) {
      const at = names.slice(0, level).map((name) => `/${name}`);
      const shown = placed(top, at.join(''));
      const share = shares.get(shown) ?? { path: shown, bytes: 0, nodes: 0 };
      shares.set(shown, share);
      share.bytes += bytes;
      share.nodes += 1;
    }
  }
  return [...shares.values()];
}
