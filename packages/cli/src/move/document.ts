// Exported trees as text: JSON, YAML, or one JSON object a line. The same fields in each, and each is read back.

import { pathProblem } from '@corral/protocol';
import { aclFromJson, aclJson } from '../acl-text.ts';
import type { CopiedNode } from '../copy.ts';
import { UsageError } from '../exit-codes.ts';
import { dataJson } from '../output.ts';

const formatVersion = 1;
export const documentFormats = ['json', 'ndjson', 'yaml'] as const;
export type DocumentFormat = (typeof documentFormats)[number];

interface NodeJson {
  readonly path: string;
  readonly type?: CopiedNode['type'];
  /** Milliseconds, for the type ttl. */
  readonly ttl?: number;
  readonly data?: string | null;
  readonly encoding?: 'utf8' | 'base64';
  readonly acl?: ReturnType<typeof aclJson>;
  readonly ctime?: string;
}

interface Head {
  readonly corral: number;
  readonly root: string;
}

const nodeJson = ({ path, type, data, acl, ctime }: CopiedNode): NodeJson => ({
  path,
  type,
  ...dataJson({ data: data ?? new Uint8Array(0), hasData: data !== null }),
  acl: aclJson(acl),
  ctime: ctime.toISOString(),
});

export async function documentText(
  root: string,
  nodes: readonly CopiedNode[],
  format: DocumentFormat,
): Promise<string> {
  const head: Head = { corral: formatVersion, root };
  const rows = nodes.map(nodeJson);
  if (format === 'ndjson') return [head, ...rows].map((row) => `${JSON.stringify(row)}\n`).join('');
  const document = { ...head, nodes: rows };
  return format === 'yaml' ? (await import('yaml')).stringify(document) : `${JSON.stringify(document, null, 2)}\n`;
}

export async function parseDocument(text: string): Promise<readonly CopiedNode[]> {
  const { head, rows } = await read(text);
  if (head?.corral !== formatVersion) {
    throw new UsageError('this is no export of corral: the field "corral" with the number of the format is missing');
  }
  if (!Array.isArray(rows)) throw new UsageError('the export has no list of nodes');
  return (rows as NodeJson[]).map(parseNode);
}

async function read(text: string): Promise<{ head: Partial<Head> | null; rows: unknown }> {
  try {
    if (!/^\s*\{/.test(text)) {
      const document = (await import('yaml')).parse(text) as { nodes?: unknown } & Partial<Head>;
      return { head: document, rows: document?.nodes };
    }
    const [first, ...rest] = text.split('\n').filter((line) => line.trim() !== '');
    if (rest.length > 0 && isObject(first) && !first.includes('"nodes"')) {
      return { head: JSON.parse(first) as Head, rows: rest.map((line) => JSON.parse(line) as unknown) };
    }
    const document = JSON.parse(text) as { nodes?: unknown } & Partial<Head>;
    return { head: document, rows: document.nodes ?? [] };
  } catch (error) {
    throw new UsageError(`the export cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function isObject(line: string): boolean {
  try {
    return typeof JSON.parse(line) === 'object';
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}

/** What a hand-written file leaves out is what is usual. */
function parseNode(node: NodeJson): CopiedNode {
  const { type = 'persistent', ttl, data = '', encoding = 'utf8', acl, ctime } = node;
  const path = node.path === '/' ? '' : node.path;
  // Before anything is written: a part of a file that is refused halfway would be worse than none of it.
  const problem =
    typeof path !== 'string'
      ? 'it begins with /, or is empty for the top'
      : path === ''
        ? undefined
        : pathProblem(path);
  if (problem !== undefined) throw new UsageError(`a node has the path ${JSON.stringify(path)}: ${problem}`);
  return {
    path,
    type,
    ...(ttl === undefined ? {} : { ttl }),
    data: data === null ? null : Buffer.from(data, encoding),
    acl: aclFromJson(acl ?? [{ scheme: 'world', id: 'anyone', perms: 'cdrwa' }]),
    ctime: new Date(ctime ?? 0),
    version: 0,
  };
}
