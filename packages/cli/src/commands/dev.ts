// corral dev: a server, or an ensemble, to play with. In memory unless told otherwise, gone with Ctrl-C.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import type { Playground } from '../dev/playground.ts';
import { UsageError } from '../exit-codes.ts';
import { parseCount } from '../values.ts';
import { aborted, colorsFor, examples } from '../verb.ts';
import type { Colors } from '../verb.ts';
import { globalsOf } from '../with-client.ts';

interface DevFlags {
  readonly nodes: string;
  readonly port: string;
  readonly seed?: string;
  readonly persist?: string;
}

export function registerDev(program: Command, context: Context): void {
  const command = program
    .command('dev')
    .option('--nodes <n>', 'servers: 1, or up to 9 that form an ensemble', '1')
    .option('--port <port>', 'for clients of one server; the next free one when it is taken', '2181')
    .option('--seed <file>', 'an export to begin with')
    .option('--persist <folder>', 'keep the data there; in memory otherwise')
    .description('start servers to play with, in this process')
    .action(async (flags: DevFlags, command: Command) => {
      const nodes = parseCount(flags.nodes);
      if (nodes < 1 || nodes > 9) throw new UsageError('--nodes is 1 to 9');
      if (nodes > 1 && command.getOptionValueSource('port') === 'cli')
        throw new UsageError('--port is for one server: the servers of an ensemble take free ones');
      // From now on Ctrl-C ends it in order, and leaves no folder behind.
      context.interrupted();
      const { startPlayground } = await import('../dev/playground.ts');
      const playground = await startPlayground({ nodes, port: parseCount(flags.port), persist: flags.persist });
      try {
        if (flags.seed !== undefined) await seed(playground, flags.seed, context);
        greet(playground, nodes, context, colorsFor(context.stdout, context, globalsOf(command).color));
        await (context.terminal === undefined || playground.member === undefined
          ? aborted(context.interrupted())
          : (await import('../dev/keys.ts')).obeyKeys(playground, context.terminal, context));
      } finally {
        await playground.stop();
      }
    });
  examples(command, 'dev', 'dev --nodes 3', 'dev --seed data.yaml', 'dev --persist ./data');
}

function greet(
  { connectString, adminUrl }: Playground,
  nodes: number,
  { stdout, stderr }: Context,
  { bold }: Colors,
): void {
  stdout.write(`${connectString}\n`);
  if (adminUrl !== null) stderr.write(`${bold('admin')}   ${adminUrl}\n`);
  stderr.write(`${bold('try')}     corral -s ${connectString} tree /\n`);
  stderr.write(`        corral cli -server ${connectString}\n`);
  if (nodes > 1 && nodes % 2 === 0)
    stderr.write(`${bold('note')}    ${nodes} servers survive no more failures than ${nodes - 1}\n`);
  if (nodes > 1)
    stderr.write(
      `${bold('keys')}    k1 kill server 1   r1 restart it   p1 cut it off   h heal   s status   q quit; then Enter\n`,
    );
  else stderr.write('Ctrl-C ends it\n');
}

async function seed({ connectString }: Playground, file: string, context: Context): Promise<void> {
  const [{ connect }, { writable }, { parseDocument }, { apply, compare }, { readText }] = await Promise.all([
    import('@corral/client'),
    import('../masked-acl.ts'),
    import('../move/document.ts'),
    import('../move/compare.ts'),
    import('../values.ts'),
  ]);
  const nodes = writable(await parseDocument(await readText(file, context)), '/', { acl: true });
  const client = await connect(connectString);
  try {
    const differences = compare(nodes, [], { acls: false }).filter(({ path }) => path !== '');
    await apply(client, '/', differences, {}, () => undefined);
    context.stderr.write(`${differences.length} nodes from ${file}\n`);
  } finally {
    await client.close();
  }
}
