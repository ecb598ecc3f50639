// The commands by name. A command's module is loaded when it is asked for, and for the help that lists them all.

import type { Command } from 'commander';
import type { Context } from './context.ts';

export type Register = (program: Command, context: Context) => void;

interface CommandRow {
  readonly group: string;
  readonly name: string;
  readonly load: () => Promise<Register>;
}

type Loaded = Readonly<Record<string, Register>>;

/** A command, and the module whose one export registers it. */
const row = (group: string, name: string, load: () => Promise<Loaded>): CommandRow => ({
  group: `${group}:`,
  name,
  load: async () => {
    const [register] = Object.values(await load());
    return register;
  },
});

/** The four-letter words that are commands of their own. */
const words = [
  ['srvr', 'version, role, load and latency of each server'],
  ['mntr', 'every figure that a server counts'],
  ['cons', 'connections of each server'],
  ['conf', 'configuration of each server'],
  ['envi', 'environment of each server'],
  ['ruok', 'whether each server runs at all'],
  ['wchs', 'number of watches of each server'],
] as const;

/** In the order of the help. `server` is run by main.ts and `cli` by run.ts; they are here for the help. */
export const commands: readonly CommandRow[] = [
  row('Server', 'dev', () => import('./commands/dev.ts')),
  row('Server', 'server', () => import('./commands/server-help.ts')),
  row('Server', 'cluster', () => import('./commands/cluster.ts')),
  row('Server', 'init', () => import('./commands/init.ts')),
  row('Server', 'import-zk', () => import('./commands/import-zk.ts')),
  row('Server', 'purge', () => import('./commands/purge.ts')),
  row('Server', 'log', () => import('./commands/log.ts')),
  row('Server', 'snapshot', () => import('./commands/snapshot.ts')),
  row('Data', 'cli', () => import('./commands/cli-help.ts')),
  row('Data', 'ls', () => import('./commands/ls.ts')),
  row('Data', 'get', () => import('./commands/get.ts')),
  row('Data', 'set', () => import('./commands/set.ts')),
  row('Data', 'create', () => import('./commands/create.ts')),
  row('Data', 'rm', () => import('./commands/rm.ts')),
  row('Data', 'stat', () => import('./commands/stat.ts')),
  row('Data', 'tree', () => import('./commands/tree.ts')),
  row('Data', 'find', () => import('./commands/find.ts')),
  row('Data', 'grep', () => import('./commands/grep.ts')),
  row('Data', 'du', () => import('./commands/du.ts')),
  row('Data', 'count', () => import('./commands/count.ts')),
  row('Data', 'cp', () => import('./commands/cp.ts')),
  row('Data', 'mv', () => import('./commands/mv.ts')),
  row('Data', 'edit', () => import('./commands/edit.ts')),
  row('Data', 'touch', () => import('./commands/touch.ts')),
  row('Data', 'acl', () => import('./commands/acl.ts')),
  row('Data', 'quota', () => import('./commands/quota.ts')),
  row('Data', 'txn', () => import('./commands/txn.ts')),
  row('Observe', 'watch', () => import('./commands/watch.ts')),
  row('Observe', 'top', () => import('./commands/top.ts')),
  row('Observe', 'ping', () => import('./commands/ping.ts')),
  row('Observe', 'sessions', () => import('./commands/sessions.ts')),
  row('Observe', 'watchers', () => import('./commands/watchers.ts')),
  row('Observe', 'ephemerals', () => import('./commands/ephemerals.ts')),
  row('Observe', 'trace', () => import('./commands/trace.ts')),
  ...words.map(([word, description]) =>
    row('Observe', word, async () => ({
      register: (await import('./commands/word.ts')).wordCommand(word, description),
    })),
  ),
  row('Observe', 'doctor', () => import('./commands/doctor.ts')),
  row('Move', 'export', () => import('./commands/export.ts')),
  row('Move', 'import', () => import('./commands/import.ts')),
  row('Move', 'diff', () => import('./commands/diff.ts')),
  row('Move', 'sync', () => import('./commands/sync.ts')),
  row('Coordinate', 'lock', () => import('./commands/lock.ts')),
  row('Coordinate', 'elect', () => import('./commands/elect.ts')),
  row('Coordinate', 'semaphore', () => import('./commands/semaphore.ts')),
  row('Coordinate', 'barrier', () => import('./commands/barrier.ts')),
  row('Coordinate', 'queue', () => import('./commands/queue.ts')),
  row('Coordinate', 'counter', () => import('./commands/counter.ts')),
  row('Measure', 'bench', () => import('./commands/bench.ts')),
  row('Measure', 'sim', () => import('./commands/sim.ts')),
  row('Help', 'context', () => import('./commands/context.ts')),
  row('Help', 'completion', () => import('./commands/completion.ts')),
  row('Help', 'complete', () => import('./commands/complete.ts')),
  row('Help', 'cheat', () => import('./commands/cheat.ts')),
  row('Help', 'explain', () => import('./commands/explain.ts')),
];
