// corral cluster status | add | remove | reconfig: how the ensemble is, and who belongs to it.

import type { Command } from 'commander';
import { EnsembleConfigError } from '@corral/protocol';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { printJson } from '../output.ts';
import { examples } from '../verb.ts';
import { globalsOf } from '../with-client.ts';
import type { ReconfigureFlags } from '../cluster/reconfigure.ts';
import type { Change } from '../cluster/change.ts';
import { ProblemsFound } from './data-files.ts';

export function registerCluster(program: Command, context: Context): void {
  const cluster = program.command('cluster').description('show an ensemble, change its members');
  cluster
    .command('status')
    .description('the members with their roles, and what the quorum survives; works with ZooKeeper too')
    .option('--admin-port <port>', 'ask the AdminServer on this port of each host instead of srvr on the client port')
    .action((options: StatusOptions, command: Command) => status(options, command, context));
  registerAdmin(cluster, context);
  changing(cluster.command('add').argument('<server...>', 'server.4=host:2888:3888:participant;2181'))
    .description('let servers join, or change the role of members')
    .action((joining: string[], flags: ReconfigureFlags, command: Command) =>
      change(() => ({ kind: 'incremental', joining: commas(joining), leaving: [] }), flags, command, context),
    );
  changing(cluster.command('remove').argument('<id...>', 'ids of members'))
    .description('let members leave')
    .action((ids: string[], flags: ReconfigureFlags, command: Command) =>
      change(async () => incremental({ leaving: ids }), flags, command, context),
    );
  changing(cluster.command('reconfig'))
    .description('let servers join and leave in one step, or replace the whole list')
    .option('--joining <servers>', 'server.N lines, separated by commas')
    .option('--leaving <ids>', 'ids, separated by commas')
    .option('--members <file>', 'a file with all server.N lines, and group.N and weight.N where there are any')
    .action((flags: ReconfigFlags, command: Command) =>
      change(() => changeOf(flags, context), flags, command, context),
    );
  examples(
    cluster,
    'cluster status -s zk1,zk2,zk3',
    'cluster decision 0x100000002 --admin zk1:8080',
    'cluster transfer-leader --admin zk1:8080,zk2:8080,zk3:8080 --auth digest:super:password',
    "cluster add 'server.4=zk4:2888:3888:participant;2181' --dry-run",
    'cluster remove 4',
    "cluster reconfig --leaving 3 --joining 'server.4=zk4:2888:3888;2181'",
  );
}

const adminOption = ['--admin <host:port,...>', 'AdminServers to ask (default: port 8080 of each --server)'] as const;

/** What is asked of AdminServers. */
function registerAdmin(cluster: Command, context: Context): void {
  cluster
    .command('decision')
    .argument('<zxid>', 'a hexadecimal number such as 0x100000002')
    .description('who proposed a write, who accepted it when, when it was decided')
    .option(...adminOption)
    .action((zxid: string, { admin }: AdminFlag, command: Command) => decision(zxid, admin, command, context));
  cluster
    .command('transfer-leader')
    .description('let the leader hand over to another server, and wait until one leads')
    .option(...adminOption)
    .action(({ admin }: AdminFlag, command: Command) => transfer(admin, command, context));
}

interface AdminFlag {
  readonly admin?: string;
}

async function decision(zxid: string, admin: string | undefined, command: Command, context: Context): Promise<void> {
  if (!/^0x[0-9a-f]{1,16}$/i.test(zxid)) throw new UsageError(`"${zxid}" is not a zxid such as 0x100000002`);
  const globals = globalsOf(command);
  const { askDecision } = await import('../cluster/ask-decision.ts');
  const { decisionText } = await import('../cluster/decision.ts');
  const { heard, best } = await askDecision(zxid, admin, globals);
  if (best === null) {
    const said = heard.map(({ at, answer, reason }) => `${at}: ${reason ?? answer?.error ?? 'an unknown answer'}`);
    throw new ProblemsFound(`nobody remembers ${zxid}\n  ${said.join('\n  ')}`);
  }
  if (globals.output === 'text') context.stdout.write(decisionText(best));
  else await printJson(context, globals.output, best);
}

async function transfer(admin: string | undefined, command: Command, context: Context): Promise<void> {
  const globals = globalsOf(command);
  const [{ parseAddress }, { adminAddresses, authorizationOf }, { transferLeader }] = await Promise.all([
    import('@corral/client'),
    import('../cluster/admin.ts'),
    import('../cluster/transfer.ts'),
  ]);
  const address = parseAddress(globals.server);
  const done = await transferLeader(adminAddresses(admin, address), authorizationOf(globals, address), globals.timeout);
  if (globals.output === 'text')
    context.stdout.write(`server ${done.to} leads instead of server ${done.from}, after ${done.ms} ms\n`);
  else await printJson(context, globals.output, done);
}

const changing = (command: Command): Command =>
  command.option('-n, --dry-run', 'show the quorum before and after, change nothing');

interface StatusOptions {
  readonly adminPort?: string;
}

async function status({ adminPort }: StatusOptions, command: Command, context: Context): Promise<void> {
  const globals = globalsOf(command);
  const { survey } = await import('../cluster/survey.ts');
  const found = await survey(globals, context, adminPort === undefined ? undefined : parsePort(adminPort));
  if (globals.output === 'text') {
    const { statusText } = await import('../cluster/status-text.ts');
    context.stdout.write(statusText(found));
  } else await printJson(context, globals.output, found);
  if (found.problems.length > 0) {
    throw new ProblemsFound(
      found.problems.length === 1 ? 'one problem found' : `${found.problems.length} problems found`,
    );
  }
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65535) return port;
  throw new UsageError(`"${text}" is not a port`);
}

interface ReconfigFlags extends ReconfigureFlags {
  readonly joining?: string;
  readonly leaving?: string;
  readonly members?: string;
}

async function changeOf({ joining, leaving, members }: ReconfigFlags, context: Context): Promise<Change> {
  if (members === undefined) {
    if (joining === undefined && leaving === undefined) {
      throw new UsageError('give --joining, --leaving or both, or a whole list with --members');
    }
    return incremental({
      joining: joining === undefined ? [] : [joining],
      leaving: leaving === undefined ? [] : [leaving],
    });
  }
  if (joining !== undefined || leaving !== undefined) {
    throw new UsageError('--members is the whole list: leave out --joining and --leaving');
  }
  const { parseMembersFile } = await import('../cluster/change.ts');
  const text = new TextDecoder().decode(await context.readFile(members));
  return { kind: 'bulk', members: parseMembersFile(text) };
}

async function incremental(texts: { joining?: readonly string[]; leaving?: readonly string[] }): Promise<Change> {
  const { parseLeaving } = await import('../cluster/change.ts');
  return { kind: 'incremental', joining: commas(texts.joining ?? []), leaving: parseLeaving(texts.leaving ?? []) };
}

const commas = (texts: readonly string[]): string[] =>
  texts.flatMap((text) => text.split(',')).filter((text) => text.trim() !== '');

async function change(
  wanted: () => Change | Promise<Change>,
  flags: ReconfigureFlags,
  command: Command,
  context: Context,
): Promise<void> {
  const { reconfigure } = await import('../cluster/reconfigure.ts');
  let parsed: Change;
  try {
    parsed = await wanted();
  } catch (error) {
    if (error instanceof EnsembleConfigError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
  const globals = globalsOf(command);
  await reconfigure(parsed, { ...flags, yes: globals.yes }, globals, context);
}
