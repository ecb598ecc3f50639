// corral sync <from> <to>: makes one tree like another, once or as long as it runs.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { placed } from '../copy.ts';
import { UsageError } from '../exit-codes.ts';
import { noAclHelp, writable } from '../masked-acl.ts';
import { apply, compare, listed } from '../move/compare.ts';
import { atTree, parsePlace, placeHelp, readPlace, readTree } from '../move/place.ts';
import type { Place } from '../move/place.ts';
import { progress } from '../move/progress.ts';
import { printJson } from '../output.ts';
import { confirmed, counted, examples, line } from '../verb.ts';
import { globalsOf } from '../with-client.ts';
import type { GlobalOptions } from '../with-client.ts';

interface SyncFlags {
  readonly watch?: boolean;
  readonly keep?: boolean;
  readonly acl?: boolean;
  readonly dryRun?: boolean;
}

type Tree = Place & { readonly kind: 'tree' };

export function registerSync(program: Command, context: Context): void {
  const command = program
    .command('sync')
    .argument('<from>', placeHelp)
    .argument('<to>', 'a path, host:port/path, or zk://host/path')
    .option('--keep', 'leave nodes alone that <from> does not have')
    .option('--acl', 'access lists, too')
    .option('--no-acl', noAclHelp)
    .option('-n, --dry-run', 'say how much would change')
    .option('--watch', 'go on: follow every change until interrupted')
    .description('make one tree like another')
    .action(async (from: string, to: string, flags: SyncFlags, command: Command) => {
      const globals = globalsOf(command);
      const [source, target] = [parsePlace(from), parsePlace(to)];
      if (target.kind === 'file') throw new UsageError(`${to} is a file: use corral export`);
      if (flags.watch === true) {
        if (source.kind === 'file') throw new UsageError(`${from} is a file: it cannot be watched`);
        await follow(source, target, flags, globals, context);
      } else await once(source, target, flags, globals, context);
    });
  examples(
    command,
    'sync /config /config-copy',
    'sync zk1:2181/app zk2:2181/app --watch',
    'sync backup.json /app -n',
    'sync snapshot.1f#/app /app',
  );
}

async function once(source: Place, target: Tree, flags: SyncFlags, globals: GlobalOptions, context: Context) {
  const { nodes: found } = await readPlace(source, globals, context);
  const top = source.kind === 'file' ? source.top : source.path;
  const wanted = flags.acl === false ? writable(found, top, { acl: false }) : found;
  if (wanted.length === 0) throw new UsageError('there is nothing to sync: the source is empty or does not exist');
  await atTree(target, globals, 'one command', async (task) => {
    const { nodes: there } = await readTree(task, target.path, context);
    const all = compare(wanted, there, { acls: flags.acl === true });
    const differences = all.filter(
      ({ path, kind }) => !(kind === 'extra' && flags.keep === true) && placed(target.path, path) !== '/',
    );
    writable(listed(differences), top, { acl: true });
    if (flags.dryRun === true) return tell(differences.length, globals, context);
    const extra = differences.filter(({ kind }) => kind === 'extra').length;
    if (extra > 1 && !(await confirmed(context, globals, `Delete ${extra} nodes of ${target.path}`))) return;
    const shown = progress(context, 'changes', differences.length);
    await apply(task.client, target.path, differences, task.call, shown.count);
    shown.end();
    await tell(differences.length, globals, context);
  });
}

async function tell(changes: number, { output }: GlobalOptions, context: Context): Promise<void> {
  if (output !== 'text') await printJson(context, output, { changes });
  else context.stderr.write(line(counted(changes, 'change')));
}

/** Changes that come close together are one turn. */
const settleMs = 200;
/** Between two attempts during an outage. */
const againMs = 2000;

/** An outage on either side does not end what follows until it is interrupted: it tries again, and says why. */
async function insist(work: () => Promise<unknown>, signal: AbortSignal, context: Context): Promise<void> {
  const { ZkError } = await import('@corral/client');
  for (;;) {
    try {
      await work();
      return;
    } catch (error) {
      if (signal.aborted) return;
      if (!ZkError.is(error) || !error.retryable) throw error;
      context.stderr.write(line(`${error.message}; trying again`));
    }
    await sleep(againMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
  }
}

/** The watch says that something changed; what it is, the comparison finds: so nothing is missed after a broken link. */
async function follow(source: Tree, target: Tree, flags: SyncFlags, globals: GlobalOptions, context: Context) {
  const signal = context.interrupted();
  // Whoever lets it run cannot be asked each time.
  const asked = { ...globals, yes: true };
  const extraAllowed = await confirmed(context, globals, `Follow ${source.path}, deletions included`);
  if (!extraAllowed) return;
  await atTree(source, globals, 'until interrupted', async ({ client }) => {
    const events = client.watch(source.path, { recursive: true, signal });
    await events.ready;
    await once(source, target, flags, asked, context);
    for await (const event of events) {
      context.stderr.write(line(`${event.type} ${event.path}`));
      await sleep(settleMs);
      await insist(() => once(source, target, flags, asked, context), signal, context);
    }
  });
}
