// corral cli (also installed as zkCli): one command of the line it was called with, or a shell: typed in at a terminal,
// with history and completion, or read from standard input.

import type { Context } from '../context.ts';
import { clientTls } from './client-configuration.ts';
import { helpLines } from './commands.ts';
import type { LinkOptions } from './link.ts';
import { Shell } from './shell.ts';

const defaults = { server: 'localhost:2181', sessionTimeout: 30_000 };

interface Start {
  readonly link: LinkOptions;
  readonly wait: boolean;
  readonly command: readonly string[];
}

export async function zkCli(argv: readonly string[], context: Context): Promise<number> {
  if (argv[0] === '--help' || argv[0] === '-help' || argv[0] === '-h') {
    context.stdout.write(
      `${helpLines.join('\n')}\n\nWithout a command it reads commands, from the terminal or from standard input.\n`,
    );
    context.stdout.write(
      'Options: -server host:port[,...][/chroot]  -timeout ms  -r  -waitforconnection  -client-configuration file\n',
    );
    return 0;
  }
  const start = await readStart(argv, context);
  const shell = new Shell(context, start.link);
  try {
    if (start.wait) await shell.link.connected();
    if (start.command.length > 0) await shell.command(start.command);
    else await runLines(shell, context);
    return shell.exitCode;
  } finally {
    await shell.close();
  }
}

/** Options come before the command; the first word that is none begins it. */
async function readStart(argv: readonly string[], context: Context): Promise<Start> {
  let { server, sessionTimeout } = { ...defaults, server: context.env['CORRAL_SERVER'] ?? defaults.server };
  let [readOnly, wait, at] = [false, false, 0];
  let tls: LinkOptions['tls'];
  const value = (option: string): string | undefined => {
    at += 1;
    if (argv[at] === undefined) context.stderr.write(`Error: no argument found for option ${option}\n`);
    return argv[at];
  };
  for (; at < argv.length && argv[at].startsWith('-'); at++) {
    const option = argv[at];
    if (option === '-server') server = value(option) ?? server;
    else if (option === '-timeout') sessionTimeout = Number(value(option) ?? sessionTimeout);
    else if (option === '-r') readOnly = true;
    else if (option === '-waitforconnection') wait = true;
    else if (option === '-client-configuration') tls = await clientTls(value(option) ?? '', context);
  }
  return { link: { server, sessionTimeout, readOnly, tls }, wait, command: argv.slice(at) };
}

async function runLines(shell: Shell, context: Context): Promise<void> {
  context.stdout.write('Welcome to ZooKeeper!\n');
  if (context.terminal !== undefined) return (await import('./repl.ts')).repl(shell, context.terminal, context);
  for await (const line of lines(context.stdin)) {
    context.stdout.write(shell.prompt);
    await shell.line(line);
    if (shell.ended) return;
  }
  context.stdout.write(`${shell.prompt}\n`);
}

async function* lines(input: AsyncIterable<Uint8Array | string>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of input) {
    rest += typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true });
    const whole = rest.split(/\r?\n/);
    rest = whole.pop() ?? '';
    yield* whole;
  }
  if (rest !== '') yield rest;
}
