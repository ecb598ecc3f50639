// The corral command. `corral server` goes straight to the server: a restarting server should not wait for code that
// prints tables. Everything else goes through run.ts. Only this file reads the environment and sets the exit code.

import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Context } from './context.ts';
import { exitCodes } from './exit-codes.ts';

/** Called as zkCli it is zkCli, called as zkServer it is that. */
const [, calledAs] = /^(zkCli|zkServer)(?:\.(?:sh|js))?$/.exec(basename(process.argv[1] ?? '')) ?? [];
const argv = [...(calledAs === 'zkCli' ? ['cli'] : []), ...process.argv.slice(2)];

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
        const abort = (signal: string): void => controller.abort(new DOMException(signal, 'AbortError'));
        for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const) process.once(signal, abort);
        // A command of the user's may mean something else by these. While one runs it gets them alone, see child.ts.
        for (const signal of ['SIGUSR1', 'SIGUSR2'] as const)
          process.on(signal, () => {
            if (process.listenerCount(signal) === 1) abort(signal);
          });
      }
      return interruption.signal;
    },
  };
}

async function serve(): Promise<number> {
  const { server, zkServer } = await import('./commands/server.ts');
  const command = [process.execPath, fileURLToPath(new URL('../bin/corral.js', import.meta.url))];
  const service = { command, cwd: process.cwd(), context: processContext() };
  return calledAs === 'zkServer' ? zkServer({ ...service, argv }) : server({ ...service, argv: argv.slice(1) });
}

async function main(): Promise<number> {
  if (argv[0] === 'server' || calledAs === 'zkServer') return serve();
  // A reader that has seen enough (`corral ls -R / | head`) is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    process.stderr.write(`corral: what it found cannot be written: ${error.message}\n`);
    process.exit(exitCodes.failed);
  });
  return (await import('./run.ts')).run(argv, processContext());
}

const code = await main();
// A server that was told twice to stop may have work left that nobody waits for.
if (argv[0] === 'server' || calledAs === 'zkServer') process.exit(code);
if (code !== 0) process.exitCode = code;
