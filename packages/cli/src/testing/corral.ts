// Command lines run in this process, beside a server of their own.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startServer } from '@corral/server';
import type { RunningServer } from '@corral/server';
import { afterAll, beforeAll } from 'vitest';
import { run } from '../run.ts';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Surroundings {
  readonly stdin?: string;
  /** Standard input is a terminal. */
  readonly tty?: boolean;
  /** Standard output and standard error are one. */
  readonly screen?: boolean;
  readonly interrupted?: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
  readonly onOut?: (text: string) => void;
  readonly onErr?: (text: string) => void;
}

export interface Corral {
  (args: readonly string[], around?: Surroundings): Promise<Ran>;
  readonly port: number;
  readonly server: RunningServer;
}

/** For a whole test file: one server, and a function that runs command lines on it. */
export function corralBesideServer(settings: Parameters<typeof startServer>[0] = {}): Corral {
  let dataDir = '';
  let server: RunningServer | undefined;
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'corral-cli-'));
    server = await startServer({ clientPort: 0, dataDir, tickTime: 1000, ...settings });
  });
  afterAll(async () => {
    await server?.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  const corral = (args: readonly string[], around: Surroundings = {}): Promise<Ran> =>
    runLine(args, around, {
      CORRAL_SERVER: `127.0.0.1:${server!.port}`,
      CORRAL_CONFIG: join(dataDir, 'contexts.json'),
    });
  return Object.defineProperties(corral, {
    port: { get: () => server!.port },
    server: { get: () => server },
  }) as Corral;
}

async function runLine(args: readonly string[], around: Surroundings, env: Record<string, string>): Promise<Ran> {
  const out: Buffer[] = [];
  let err = '';
  async function* stdin() {
    yield Promise.resolve(around.stdin ?? '');
  }
  const code = await run(args, {
    env: { ...env, ...around.env },
    stdout: {
      isTTY: around.screen ?? false,
      write(bytes) {
        out.push(Buffer.from(bytes as Uint8Array));
        around.onOut?.(Buffer.from(bytes as Uint8Array).toString());
      },
    },
    stderr: {
      isTTY: around.screen ?? false,
      write(text) {
        err += text;
        around.onErr?.(text);
      },
    },
    stdin: Object.assign(stdin(), { isTTY: around.tty ?? false }),
    readFile: (path) => Promise.resolve(Buffer.from(around.files?.[path] ?? `content of ${path}`)),
    interrupted: () => around.interrupted ?? new AbortController().signal,
  });
  return { code, out: Buffer.concat(out).toString(), err };
}
