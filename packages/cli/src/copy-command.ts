// What cp and mv share: what they take along, and what they say.

import type { Context } from './context.ts';
import { readNodes } from './copy.ts';
import type { Copied } from './copy.ts';
import { UsageError } from './exit-codes.ts';
import { writable } from './masked-acl.ts';
import { printJson } from './output.ts';
import { line } from './verb.ts';
import type { GlobalOptions, Task } from './with-client.ts';

export interface CopyFlags {
  readonly recursive?: boolean;
  readonly parents?: boolean;
  /** False for --no-acl. */
  readonly acl: boolean;
}

export async function told(context: Context, { output }: GlobalOptions, value: object, text: string): Promise<void> {
  if (output === 'text') context.stderr.write(text);
  else await printJson(context, output, value);
}

export async function source(
  task: Task,
  from: string,
  to: string,
  flags: CopyFlags,
  context: Context,
): Promise<Copied> {
  if (to === from || to.startsWith(from === '/' ? '/' : `${from}/`)) {
    throw new UsageError(`${to} lies within ${from}`);
  }
  const found = await readNodes(task.client, from, task.call, { recursive: flags.recursive === true });
  const children = (await task.client.exists(from, task.call))?.numChildren ?? 0;
  if (flags.recursive !== true && children > 0)
    context.stderr.write(line(`its ${children} children stay behind: -r takes them along`));
  for (const path of found.skipped) context.stderr.write(line(`skipped ${path}: it is ephemeral`));
  if (found.nodes.length === 0)
    throw new UsageError(`${from} is ephemeral: it belongs to a session and cannot be copied`);
  return { ...found, nodes: writable(found.nodes, from, flags) };
}
