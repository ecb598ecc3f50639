// The corral command. `corral server` goes straight to the server: a restarting server should not wait for code that
// prints tables. Everything else goes through run.ts. Only this file reads the environment and sets the exit code.

import { basename } from 'node:path';
import type { Context } from './context.ts';

/** Called as zkCli it is zkCli. */
const isZkCli = /^zkCli(\.(sh|js))?$/.test(basename(process.argv[1] ?? ''));
const argv = [...(isZkCli ? ['cli'] : []), ...process.argv.slice(2)];

function processContext(): Context {
  let interruption: AbortController | null = null;
  return {
    env: process.env,
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    terminal:
      process.stdin.isTTY && process.stdout.isTTY ? { input: process.stdin, output: process.stdout } : undefined,
    readFile: async (path) => (await import('node:fs/promises')).readFile(path),
    interrupted() {
      if (interruption === null) {
        const controller = new AbortController();
        interruption = controller;
        for (const signal of ['SIGINT', 'SIGTERM'] as const)
          process.once(signal, () => controller.abort(new DOMException(signal, 'AbortError')));
      }
      return interruption.signal;
    },
  };
}

async function main(): Promise<number> {
  if (argv[0] === 'server') return (await import('./commands/server.ts')).server(argv.slice(1), process.env);
  // A reader that has seen enough (`corral ls -R / | head`) is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit();
  });
  return (await import('./run.ts')).run(argv, processContext());
}

const code = await main();
// A server that was told twice to stop may have work left that nobody waits for.
if (argv[0] === 'server') process.exit(code);
if (code !== 0) process.exitCode = code;
