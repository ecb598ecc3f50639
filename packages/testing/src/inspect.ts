// What a server holds, in plain values: for assertions, for snapshots of a test, and for reading.

import type { Pipeline } from './machine.ts';
import { decodeText } from '@corral/protocol';

/** A node as `dump` shows it. */
export interface NodeFacts {
  /** As text; null when there is none. */
  readonly data: string | null;
  readonly version: number;
  readonly cversion: number;
  /** The session that it goes with. */
  readonly ephemeralOwner?: bigint;
  readonly kind?: 'container' | 'ttl';
}

/** A session as `sessions` shows it. */
export interface SessionFacts {
  readonly id: bigint;
  readonly timeoutMs: number;
  /** The client's connection is at this server. */
  readonly isConnected: boolean;
  readonly ephemerals: readonly string[];
}

/** A watch as `watchers` shows it. */
export interface WatcherFacts {
  readonly path: string;
  readonly session: bigint;
  readonly kinds: readonly ('data' | 'children' | 'persistent' | 'recursive')[];
}

const system = '/zookeeper';
/** Children come right behind their parents, whatever else a name contains. */
const inOrder = (path: string): string => path.replaceAll('/', '\0');

/** Every node by its path, in order, without the server's own. */
export function dumpOf({ ctx: { tree } }: Pipeline): Record<string, NodeFacts> {
  const nodes: [string, NodeFacts][] = [];
  const n = tree.nodes;
  for (let node = 0; node < n.used; node++) {
    if (!n.isLive(node)) continue;
    const path = tree.path(node);
    if (path === '/' || path === system || path.startsWith(`${system}/`)) continue;
    const data = tree.data(node);
    const kind = tree.kind(node);
    nodes.push([
      path,
      {
        data: data === null ? null : decodeText(data, 0, data.length),
        version: n.version[node],
        cversion: n.cversion[node],
        ...(kind === 'ephemeral' ? { ephemeralOwner: tree.owner(node) } : {}),
        ...(kind === 'container' || kind === 'ttl' ? { kind } : {}),
      },
    ]);
  }
  return Object.fromEntries(nodes.sort(([a], [b]) => (inOrder(a) < inOrder(b) ? -1 : 1)));
}

/** The same as a drawing: one line for each node, children below their parents. */
export function drawingOf(pipeline: Pipeline): string {
  const lines = ['/'];
  for (const [path, { data, ephemeralOwner, kind }] of Object.entries(dumpOf(pipeline))) {
    const depth = path.split('/').length - 1;
    const mark = ephemeralOwner === undefined ? (kind ?? '') : 'ephemeral';
    const value = data === null || data === '' ? '' : ` = ${data}`;
    lines.push(`${'  '.repeat(depth)}${path.slice(path.lastIndexOf('/') + 1)}${value}${mark && ` (${mark})`}`);
  }
  return lines.join('\n');
}

export function sessionsOf({ ctx }: Pipeline): SessionFacts[] {
  const connected = new Set([...ctx.connections.values()].filter((c) => c.isOpen).map((c) => c.session?.id));
  return [...ctx.sessions.values()]
    .filter(({ closing }) => !closing)
    .map(({ id, timeoutMs }) => ({
      id,
      timeoutMs,
      isConnected: connected.has(id),
      ephemerals: [...ctx.tree.ephemeralsOf(id)].map((node) => ctx.tree.path(node)).sort(),
    }));
}

const kindNames = [
  ['data', 1],
  ['children', 2],
  ['persistent', 4],
  ['recursive', 8],
] as const;

/** Who watches what at this server. */
export function watchersOf({ ctx }: Pipeline, path?: string): WatcherFacts[] {
  return [...ctx.watches.all()]
    .filter((watch) => path === undefined || watch.path === path)
    .map((watch) => ({
      path: watch.path,
      session: ctx.connections.get(watch.connection)?.session?.id ?? 0n,
      kinds: kindNames.filter(([, bit]) => (watch.kinds & bit) !== 0).map(([name]) => name),
    }));
}
