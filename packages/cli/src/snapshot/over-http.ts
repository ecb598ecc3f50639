// Snapshots from and to a running server, through its AdminServer, as Apache's 3.9 has it, too. The file counts only when it
// has been read back to its last byte.

import { randomUUID } from 'node:crypto';
import { constants, createWriteStream, existsSync } from 'node:fs';
import { copyFile, link, lstat, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Endpoint } from '@corral/client';
import { NodeFiles, inspectSnapshot } from '@corral/server';
import { askCommand, shown } from '../cluster/admin.ts';
import type { Answer } from '../cluster/admin.ts';
import { UsageError } from '../exit-codes.ts';
import type { Progress } from '../move/progress.ts';
import { hasCode } from '../tree.ts';

export interface Saved {
  readonly file: string;
  readonly zxid: string;
  readonly nodes: number;
  readonly bytes: number;
}

interface Asking {
  readonly endpoint: Endpoint;
  /** Scheme and credential, as the Authorization header has them. */
  readonly authorization: string;
  /** For the first byte of the answer; the rest takes as long as it takes. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** The code makes the program end with 3, or with 4. */
class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: 'ConnectFailed' | 'NoAuth' | 'Refused';
  constructor(code: Refused['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * `target` is a file, or a folder that gets one named after the last transaction in it. What is there already is only
 * replaced when the caller says so, and only by a whole snapshot.
 */
export async function saveSnapshot(
  asking: Asking,
  target: string,
  { replace, progress }: { replace: boolean; progress: Progress },
): Promise<Saved> {
  const isFolder = await isFolderThere(target);
  const folder = isFolder ? target : dirname(target);
  await stat(folder);
  // Nothing is downloaded that could not be kept.
  if (!isFolder && !replace) await notThere(target);
  const response = await request(asking);
  const told = zxidOf(response);
  const partial = join(folder, `.corral-snapshot-${randomUUID()}.part`);
  try {
    const body = Readable.fromWeb(response.body as ReadableStream<Uint8Array>);
    const output = createWriteStream(partial, { flags: 'wx', mode: 0o600, flush: true });
    await pipeline(body, counted(progress), output, { signal: asking.signal });
    const facts = inspectSnapshot(new NodeFiles(), partial);
    if (!facts.valid) throw new Error(`what came is no whole snapshot: ${facts.problem}`);
    const { nodes, lastZxid } = facts.summary;
    const zxid = lastZxid === undefined ? told : `0x${lastZxid.toString(16)}`;
    const file = isFolder ? join(folder, `snapshot.${told.replace(/^0x/, '')}`) : target;
    if (replace) await rename(partial, file);
    // Under this name only the same state can have been saved before: that nothing was written since is no failure.
    else if (!isFolder || !isWhole(file)) await keepAs(file, partial).catch(refuseToReplace(file));
    return { file, zxid, nodes, bytes: (await stat(file)).size };
  } finally {
    await rm(partial, { force: true });
  }
}

const isWhole = (file: string): boolean => existsSync(file) && inspectSnapshot(new NodeFiles(), file).valid;

/** Unlike a rename it fails where something is; some file systems have no links. */
const keepAs = (file: string, partial: string): Promise<void> =>
  link(partial, file).catch((error: unknown) => {
    if (hasCode(error, 'EEXIST')) throw error;
    return copyFile(partial, file, constants.COPYFILE_EXCL);
  });

const notThere = (file: string): Promise<void> =>
  lstat(file).then(
    () => refuseToReplace(file)(Object.assign(new Error('it is there'), { code: 'EEXIST' })),
    () => undefined,
  );

const refuseToReplace =
  (file: string) =>
  (error: unknown): never => {
    if (!hasCode(error, 'EEXIST')) throw error;
    throw new UsageError(`${file} is there already: --force replaces it`);
  };

/** It becomes a file name, and whoever answers could put any path there. */
function zxidOf(response: Response): string {
  const told = response.headers.get('last_zxid') ?? '';
  if (/^0x[0-9a-f]{1,16}$/.test(told)) return told;
  throw new Refused('Refused', `what answers there is no server: its snapshot has the number "${told}", not a zxid`);
}

const isFolderThere = (target: string): Promise<boolean> =>
  stat(target).then(
    (found) => found.isDirectory(),
    () => false,
  );

const counted = ({ count }: Progress) =>
  async function* through(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let bytes = 0;
    for await (const chunk of source) {
      count((bytes += chunk.length));
      yield chunk;
    }
  };

async function request({ endpoint, authorization, timeoutMs, signal }: Asking): Promise<Response> {
  const at = shown(endpoint);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), timeoutMs);
  try {
    const response = await fetch(`http://${at}/commands/snapshot?streaming=true`, {
      headers: { authorization },
      signal: AbortSignal.any([signal, late.signal]),
    });
    if (response.ok && response.body !== null) return response;
    throw refusal(at, response.status, ((await response.json()) as Answer).error);
  } catch (error) {
    if (error instanceof Refused || signal.aborted) throw error;
    const reason = late.signal.aborted ? `no answer within ${timeoutMs / 1000} s` : 'no AdminServer answers there';
    throw new Refused('ConnectFailed', `${at}: ${reason}; name it with --admin`);
  } finally {
    clearTimeout(timer);
  }
}

function refusal(at: string, status: number, error: string | null | undefined): Refused {
  const isDenied = status === 401 || status === 403;
  const advice = isDenied ? '; give an identity that may do everything at / with --auth' : '';
  return new Refused(isDenied ? 'NoAuth' : 'Refused', `${at} refuses: ${error ?? `status ${status}`}${advice}`);
}

/** Hands a snapshot to a server, which replaces all that it holds; the zxid that it goes on from. */
export async function restoreSnapshot(asking: Asking, file: string): Promise<string> {
  const { endpoint, authorization, timeoutMs } = asking;
  const body = Readable.toWeb(Readable.from(new NodeFiles().readSnapshot(file))) as ReadableStream<Uint8Array>;
  const headers = { authorization, 'content-type': 'application/octet-stream' };
  const init = { method: 'POST', headers, body, duplex: 'half' } as RequestInit;
  const { at, answer, reason } = await askCommand(endpoint, 'restore', timeoutMs, init);
  if (answer === null)
    throw new Refused('ConnectFailed', `${at}: ${reason ?? 'no answer'}; name the AdminServer with --admin`);
  const zxid = answer['last_zxid'];
  if (typeof zxid === 'number' || typeof zxid === 'string') return `0x${BigInt(zxid).toString(16)}`;
  const error = answer.error ?? 'no zxid in the answer';
  throw refusal(at, /^(Auth|Not auth)/.test(error) ? 401 : 500, error);
}
