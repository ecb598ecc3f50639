// Where a command connects, and as whom: --server, --context, the environment, or the context in use, in this order.

import { exec } from 'node:child_process';
import { promisify } from 'node:util';
import type { ClientOptions } from '@corral/client';
import type { Context } from './context.ts';
import { readContexts } from './contexts.ts';
import type { SavedContext } from './contexts.ts';
import { UsageError } from './exit-codes.ts';

export interface Target {
  readonly server: string;
  readonly auth: NonNullable<ClientOptions['auth']>;
  readonly tls: ClientOptions['tls'];
}

interface Asked {
  /** Undefined unless given on the command line. */
  readonly server: string | undefined;
  readonly context: string | undefined;
  /** `scheme:id` */
  readonly auth: readonly string[];
}

const defaultServer = '127.0.0.1:2181';

/** Of the environment; empty is as good as not set. */
function given({ env }: Context, name: string): string | undefined {
  return env[name] === '' ? undefined : env[name];
}

export async function resolveTarget(asked: Asked, context: Context): Promise<Target> {
  const saved = await chosen(asked, context);
  const server = asked.server ?? saved?.server ?? given(context, 'CORRAL_SERVER') ?? defaultServer;
  const fromEnv = given(context, 'CORRAL_AUTH');
  const identities = [...asked.auth, ...(fromEnv === undefined ? [] : [fromEnv])];
  const auth = [...identities.map(identity), ...(saved === undefined ? [] : await savedAuth(saved, context))];
  return { server, auth, tls: saved === undefined ? undefined : await savedTls(saved, context) };
}

/** A context that was asked for by name counts before the environment, the one in use after it. */
async function chosen({ server, context: name }: Asked, context: Context): Promise<SavedContext | undefined> {
  const wanted = name ?? given(context, 'CORRAL_CONTEXT');
  if (wanted === undefined && (server !== undefined || given(context, 'CORRAL_SERVER') !== undefined)) return undefined;
  const { current, contexts } = await readContexts(context);
  const found = wanted ?? current;
  if (found === undefined) return undefined;
  if (contexts[found] !== undefined) return contexts[found];
  throw new UsageError(`there is no context "${found}"; corral context ls shows those there are`);
}

function identity(text: string): { scheme: string; id: string } {
  const cut = text.indexOf(':');
  if (cut <= 0) throw new UsageError(`"${text}" is no identity: give scheme:id, such as digest:user:password`);
  return { scheme: text.slice(0, cut), id: text.slice(cut + 1) };
}

async function savedAuth(saved: SavedContext, context: Context): Promise<{ scheme: string; id: string }[]> {
  if (saved.user === undefined) return [];
  return [{ scheme: 'digest', id: `${saved.user}:${await password(saved, context)}` }];
}

async function password({ user, passwordEnv, passwordCommand }: SavedContext, context: Context): Promise<string> {
  if (passwordEnv !== undefined) {
    const found = context.env[passwordEnv];
    if (found === undefined)
      throw new UsageError(`the password of ${user} is expected in ${passwordEnv}, which is not set`);
    return found;
  }
  if (passwordCommand === undefined) throw new UsageError(`the context names the user ${user} but no password`);
  try {
    return (await promisify(exec)(passwordCommand)).stdout.trimEnd();
  } catch (error) {
    const { stderr = '' } = error as { readonly stderr?: string };
    throw new UsageError(`the command for the password of ${user} failed: ${passwordCommand}\n${stderr}`.trimEnd(), {
      cause: error,
    });
  }
}

async function savedTls({ tls }: SavedContext, context: Context): Promise<ClientOptions['tls']> {
  if (tls === undefined) return undefined;
  const read = async (path: string | undefined): Promise<Buffer | undefined> =>
    path === undefined ? undefined : Buffer.from(await context.readFile(path));
  const [ca, cert, key] = [await read(tls.ca), await read(tls.cert), await read(tls.key)];
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}
