// The commands of the compatible shell, in the order of its help. Those that are about the shell itself have no body here:
// shell.ts runs them.

import type { ShellCommand } from './command.ts';
import { config, reconfig } from './commands/ensemble.ts';
import { delquota, listquota, setquota } from './commands/quota.ts';
import {
  get,
  getAcl,
  getAllChildrenNumber,
  getEphemerals,
  ls,
  stat,
  sync,
  versionCommand,
  whoami,
} from './commands/read.ts';
import { addWatch, removewatches } from './commands/watches.ts';
import { addauth, create, deleteall, deleteCommand, set, setAcl } from './commands/write.ts';

export interface ShellVerb {
  readonly name: 'close' | 'connect' | 'history' | 'printwatches' | 'quit' | 'redo';
  readonly usage: string;
}
const verb = (name: ShellVerb['name'], usage: string): ShellVerb => ({ name, usage });

export const shellCommands: readonly (ShellCommand | ShellVerb)[] = [
  addWatch,
  addauth,
  verb('close', ''),
  config,
  verb('connect', 'host:port'),
  create,
  deleteCommand,
  deleteall,
  delquota,
  get,
  getAcl,
  getAllChildrenNumber,
  getEphemerals,
  verb('history', ''),
  listquota,
  ls,
  verb('printwatches', 'on|off'),
  verb('quit', ''),
  reconfig,
  verb('redo', 'cmdno'),
  removewatches,
  set,
  setAcl,
  setquota,
  stat,
  sync,
  versionCommand,
  whoami,
];

export const isShellVerb = (command: ShellCommand | ShellVerb): command is ShellVerb => !('run' in command);

export const commandNamed = (name: string): ShellCommand | ShellVerb | undefined =>
  shellCommands.find((command) => command.name === name);

export const helpLines: readonly string[] = [
  'ZooKeeper -server host:port -client-configuration properties-file cmd args',
  ...shellCommands.map(({ name, usage }) => `\t${name} ${usage}`),
];
