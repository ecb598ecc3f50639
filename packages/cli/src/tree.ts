// Walks a tree from the top, parents before their children. The answer is not one moment in time: nodes that vanish
// during the walk are left out.

import type { CallOptions, Client } from '@corral/client';

const joined = (path: string, name: string): string => (path === '/' ? `/${name}` : `${path}/${name}`);

/** Paths of all nodes below `path`, depth first, names in order. */
export async function* descendants(client: Client, path: string, call: CallOptions): AsyncGenerator<string> {
  const { children } = await client.children(path, call);
  const open = children
    .toSorted()
    .reverse()
    .map((name) => joined(path, name));
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const names = await childrenIfThere(client, next, call);
    if (names === null) continue;
    yield next;
    for (const name of names.toSorted().reverse()) open.push(joined(next, name));
  }
}

async function childrenIfThere(client: Client, path: string, call: CallOptions): Promise<readonly string[] | null> {
  try {
    return (await client.children(path, call)).children;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'NoNode') return null;
    throw error;
  }
}
