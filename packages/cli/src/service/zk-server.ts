// The command line of zkServer.sh: [--config <folder>] verb [zoo.cfg]. A name of a file counts in the folder, too.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { verbs } from './verbs.ts';
import type { Verb } from './verbs.ts';

export interface ZkServerLine {
  readonly verb: Verb;
  readonly argv: readonly string[];
}

/** Undefined for a line that zkServer.sh answers with its usage. */
export function parseZkServer(
  words: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ZkServerLine | undefined {
  const [folder, rest] = words[0] === '--config' ? [words[1], words.slice(2)] : [env['ZOOCFGDIR'], words];
  const verb = verbs.find((known) => known === rest[0]);
  if (verb === undefined || (words[0] === '--config' && folder === undefined)) return undefined;
  const [, given, ...more] = rest;
  if (given?.startsWith('-')) return { verb, argv: rest.slice(1) };
  const name = given ?? env['ZOOCFG'] ?? 'zoo.cfg';
  const inFolder = folder === undefined ? undefined : join(folder, name);
  const file = inFolder !== undefined && (given === undefined || !existsSync(given)) ? inFolder : given;
  return { verb, argv: file === undefined ? more : [file, ...more] };
}

export const zkServerUsage = `Usage: zkServer [--config <conf-dir>] {${verbs.join('|')}} [zoo.cfg]\n`;
