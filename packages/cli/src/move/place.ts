// The two sides of export, import, diff and sync: a path on the server of the command line, a path on another one, or a file.

import type { Context } from '../context.ts';
import { below, isWithin, readNodes } from '../copy.ts';
import type { Copied } from '../copy.ts';
import { readText } from '../values.ts';
import { withClient } from '../with-client.ts';
import type { GlobalOptions, Task } from '../with-client.ts';
import { parseDocument } from './document.ts';
import { progress } from './progress.ts';

export type Place =
  | { readonly kind: 'file'; readonly file: string; readonly top: string }
  | { readonly kind: 'tree'; readonly server: string | null; readonly path: string };

export const placeHelp =
  'a path, host:port/path, zk://host/path, or a file (file:/... when it begins with /): an export, or a snapshot';

/**
 * `/path`, `zk://host/path`, `host:2181/path`; anything else is a file, and - standard input. `file:` says so of a file whose
 * path begins with /, and `#/path` names a part of what is in it.
 */
export function parsePlace(text: string): Place {
  if (text.startsWith('/')) return { kind: 'tree', server: null, path: text };
  const match = /^((?:zks?:\/\/)?[^/\s]*:\d+|zks?:\/\/[^/]+)(\/.*)?$/.exec(text);
  if (match === null || text.startsWith('file:')) return filePlace(text);
  const path = (match[2] ?? '/').replace(/(.)\/+$/, '$1');
  return { kind: 'tree', server: match[1], path };
}

export function filePlace(text: string): Place & { readonly kind: 'file' } {
  const [, file, top = '/'] = /^(?:file:)?(.*?)(?:#(\/.*))?$/.exec(text) ?? [];
  return { kind: 'file', file, top };
}

/** Runs work on the client of a place in a tree. */
export function atTree<T>(
  { server }: Place & { readonly kind: 'tree' },
  globals: GlobalOptions,
  lifetime: 'one command' | 'until interrupted',
  work: (task: Task) => Promise<T>,
): Promise<T> {
  const target = server === null ? globals.target : { ...globals.target, server };
  return withClient({ ...globals, target }, lifetime, work);
}

/** Everything at a place. A tree that is not there is an empty one. */
export async function readPlace(place: Place, globals: GlobalOptions, context: Context): Promise<Copied> {
  if (place.kind === 'file') return part(await readFileOf(place.file, context), place.top);
  return atTree(place, globals, 'one command', (task) => readTree(task, place.path, context));
}

/** What lies at and below a path. */
const part = ({ nodes, skipped }: Copied, top: string): Copied => ({
  nodes: nodes.flatMap((node) => {
    const path = node.path === '' ? '/' : node.path;
    return isWithin(path, top) ? [{ ...node, path: below(top, path) }] : [];
  }),
  skipped: skipped.filter((path) => isWithin(path, top)),
});

/** A snapshot by its name, or an exported document. */
async function readFileOf(file: string, context: Context): Promise<Copied> {
  const { isSnapshotFile, readSnapshotNodes } = await import('./snapshot-nodes.ts');
  if (isSnapshotFile(file)) return readSnapshotNodes(file);
  return { nodes: await parseDocument(await readText(file, context)), skipped: [] };
}

export async function readTree({ client, call }: Task, path: string, context: Context): Promise<Copied> {
  if ((await client.exists(path, call)) === null) return { nodes: [], skipped: [] };
  const shown = progress(context, 'nodes read');
  try {
    return await readNodes(client, path, call, { onProgress: shown.count });
  } finally {
    shown.end();
  }
}
