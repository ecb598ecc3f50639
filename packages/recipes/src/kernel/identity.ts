// K10: who stands in line, as JSON in the node, readable by people and by other clients.

/** Facts about one contender. Nodes of other clients carry whatever they carry: then that text is the id. */
export interface Contender {
  readonly id: string;
  readonly host?: string;
  readonly pid?: number;
  /** When it began to wait, by its own clock. */
  readonly since?: string;
  readonly data?: unknown;
  /** Name of its node. */
  readonly node: string;
}

/** What others see of who stands in line. */
export interface IdentityOptions {
  /** Name for people; by default host and process. */
  readonly id?: string | undefined;
  /** Anything else that others should know; must survive JSON. */
  readonly data?: unknown;
}

interface ProcessFacts {
  readonly pid?: number;
  getBuiltinModule?(name: string): unknown;
}

/** The process that we run in; nothing in a browser. Recipes import no module of a platform. */
const platform = (globalThis as { readonly process?: ProcessFacts }).process;

export const builtin = <T>(name: string): T | undefined => platform?.getBuiltinModule?.(name) as T | undefined;

let knownHost: string | undefined;
/** Asked once: it is a system call. */
const hostName = (): string | undefined => (knownHost ??= builtin<{ hostname(): string }>('node:os')?.hostname());

export function identityOf(options: IdentityOptions): Omit<Contender, 'node'> {
  const host = hostName();
  const pid = platform?.pid;
  return {
    id: options.id ?? (host === undefined ? crypto.randomUUID() : `${host}:${pid ?? 0}`),
    ...(host === undefined ? {} : { host }),
    ...(pid === undefined ? {} : { pid }),
    since: new Date().toISOString(),
    ...(options.data === undefined ? {} : { data: options.data }),
  };
}

export function readContender(node: string, data: Uint8Array): Contender {
  const text = new TextDecoder().decode(data);
  try {
    const parsed: unknown = JSON.parse(text);
    if (isFacts(parsed)) return { ...parsed, node };
  } catch {
    // Not ours: the text itself says who it is.
  }
  return { id: text, node };
}

const isFacts = (parsed: unknown): parsed is Omit<Contender, 'node'> =>
  typeof parsed === 'object' && parsed !== null && 'id' in parsed && typeof parsed.id === 'string';
