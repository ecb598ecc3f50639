// The file of saved connections. It holds no secrets, only where to find them, and is for its owner's eyes all the same.

import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Context } from './context.ts';
import { UsageError } from './exit-codes.ts';

export interface SavedContext {
  readonly server: string;
  /** Of the digest scheme; the password comes from one of the next two. */
  readonly user?: string;
  readonly passwordEnv?: string;
  readonly passwordCommand?: string;
  /** PEM files. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

export interface SavedContexts {
  readonly current?: string;
  readonly contexts: Readonly<Record<string, SavedContext>>;
}

export const contextsFile = ({ env }: Context): string =>
  env['CORRAL_CONFIG'] ?? join(env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'corral', 'contexts.json');

export async function readContexts(context: Context): Promise<SavedContexts> {
  const file = contextsFile(context);
  try {
    return JSON.parse(await readFile(file, 'utf8')) as SavedContexts;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return { contexts: {} };
    if (error instanceof SyntaxError) throw new UsageError(`${file} is not JSON: ${error.message}`);
    throw error;
  }
}

const ownerOnly = 0o600;

export async function writeContexts(context: Context, saved: SavedContexts): Promise<void> {
  const file = contextsFile(context);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(saved, null, 2)}\n`, { mode: ownerOnly });
  // The mode above counts for a new file only.
  await chmod(file, ownerOnly);
}
