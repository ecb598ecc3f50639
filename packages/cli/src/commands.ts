// The commands by name. A command's module is loaded when it is asked for, and for the help that lists them all.

import type { Command } from 'commander';
import type { Context } from './context.ts';

export type Register = (program: Command, context: Context) => void;

interface CommandRow {
  readonly name: string;
  readonly load: () => Promise<Register>;
}

const row = (name: string, load: () => Promise<Register>): CommandRow => ({ name, load });

/** In the order of the help. `server` is run by main.ts and `cli` by run.ts; they are here for the help. */
export const commands: readonly CommandRow[] = [
  row('server', async () => (await import('./commands/server-help.ts')).registerServer),
  row('cli', async () => (await import('./commands/cli-help.ts')).registerCli),
  row('get', async () => (await import('./commands/get.ts')).registerGet),
  row('set', async () => (await import('./commands/set.ts')).registerSet),
  row('create', async () => (await import('./commands/create.ts')).registerCreate),
  row('ls', async () => (await import('./commands/ls.ts')).registerLs),
  row('rm', async () => (await import('./commands/rm.ts')).registerRm),
  row('stat', async () => (await import('./commands/stat.ts')).registerStat),
  row('watch', async () => (await import('./commands/watch.ts')).registerWatch),
  row('cluster', async () => (await import('./commands/cluster.ts')).registerCluster),
  row('init', async () => (await import('./commands/init.ts')).registerInit),
  row('doctor', async () => (await import('./commands/doctor.ts')).registerDoctor),
  row('log', async () => (await import('./commands/log.ts')).registerLog),
  row('sim', async () => (await import('./commands/sim.ts')).registerSim),
  row('snapshot', async () => (await import('./commands/snapshot.ts')).registerSnapshot),
];
