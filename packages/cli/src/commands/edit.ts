// corral edit <path>: the data of a node in your editor. Written back only if nobody changed it meanwhile.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { runChild } from '../child.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { hasCode } from '../tree.ts';
import { examples } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';
import type { Task } from '../with-client.ts';

export function registerEdit(program: Command, context: Context): void {
  const command = program
    .command('edit')
    .argument('<path>')
    .description('change the data of a node in your editor (VISUAL, EDITOR, or vi)')
    .action(async (path: string, _options: unknown, command: Command) => {
      // The editor may stay open for hours; the session lives on beside it.
      await withClient(globalsOf(command), 'until interrupted', (task) => edit(task, path, context));
    });
  examples(command, 'edit /config', 'edit /config --auth digest:ann:pw');
}

async function edit({ client, call }: Task, path: string, context: Context): Promise<void> {
  const { data, stat } = await client.get(path, call);
  const folder = await mkdtemp(join(tmpdir(), 'corral-edit-'));
  const file = join(folder, `${fileNameOf(path)}.txt`);
  await writeFile(file, data, { mode: 0o600 });
  const editor = [context.env['VISUAL'], context.env['EDITOR'], 'vi'].find(
    (name) => name !== undefined && name !== '',
  )!;
  const code = await runChild(['sh', '-c', `${editor} "$1"`, 'sh', file]);
  if (code !== 0) {
    await rm(folder, { recursive: true });
    throw new UsageError(`${editor} ended with ${code}; nothing was written`);
  }
  const changed = await readFile(file);
  if (changed.equals(data)) context.stderr.write('nothing was changed\n');
  else await put(client, path, changed, stat.version, file, call, context);
  await rm(folder, { recursive: true });
}

/** Whoever named the node does not name a file here: no more than the plain part of it, and no more than file systems take. */
const fileNameOf = (path: string): string =>
  path
    .slice(path.lastIndexOf('/') + 1)
    .replaceAll(/[^\w.-]/g, '_')
    .slice(0, 100) || 'root';

async function put(
  client: Task['client'],
  path: string,
  data: Uint8Array,
  version: number,
  file: string,
  call: Task['call'],
  context: Context,
): Promise<void> {
  try {
    const written = await client.set(path, data, { version, ...call });
    context.stderr.write(`${path} has version ${written.version} now\n`);
  } catch (error) {
    // What was typed must not be lost.
    if (hasCode(error, 'BadVersion')) context.stderr.write(`somebody was faster; your text is in ${file}\n`);
    else context.stderr.write(`your text is in ${file}\n`);
    throw error;
  }
}
