// From an argument list to an exit code: builds a program that knows just the command asked for, runs it, and turns
// whatever goes wrong into one line on stderr.

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import picocolors from 'picocolors';
import { commands } from './commands.ts';
import type { Context } from './context.ts';
import { exitCodeOf, exitCodes } from './exit-codes.ts';
import { parseDuration } from './values.ts';
import { version } from './version.ts';

const defaultServer = '127.0.0.1:2181';
const defaultTimeoutMs = 10_000;

export async function run(argv: readonly string[], context: Context): Promise<number> {
  if (argv[0] === '--version' || argv[0] === '-V') {
    context.stdout.write(`${version}\n`);
    return exitCodes.ok;
  }
  // The compatible shell reads its own options.
  if (argv[0] === 'cli') return (await import('./shell/start.ts')).zkCli(argv.slice(1), context);
  const program = await makeProgram(argv, context);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCodes.ok;
  } catch (error) {
    // The parser has said what was wrong; asking for help is not an error.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    const colors = picocolors.createColors(context.stderr.isTTY === true && context.env['NO_COLOR'] === undefined);
    context.stderr.write(`${colors.red('corral:')} ${error instanceof Error ? error.message : String(error)}\n`);
    return exitCodeOf(error);
  }
}

async function makeProgram(argv: readonly string[], context: Context): Promise<Command> {
  const program = new Command('corral')
    .description('A coordination service that speaks ZooKeeper’s protocols')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
    })
    .configureHelp({ showGlobalOptions: true })
    .addOption(
      new Option('-s, --server <hosts>', 'where to connect: h1,h2:2181/chroot or zk://user:pw@h1,h2/chroot').default(
        context.env['CORRAL_SERVER'] ?? defaultServer,
        'CORRAL_SERVER or 127.0.0.1:2181',
      ),
    )
    .addOption(
      new Option('-o, --output <format>', 'how to print data').choices(['text', 'json', 'ndjson']).default('text'),
    )
    .addOption(
      new Option('--timeout <time>', 'longest time to connect and for each request: 500ms, 5s, 2m')
        .argParser((text) => orInvalid(() => parseDuration(text)))
        .default(defaultTimeoutMs, '10s'),
    )
    .addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 refused, 2 usage, 3 connection, 4 not allowed, 5 not found, 6 conflict, 124 timeout',
    );
  const named = commands.filter(({ name }) => argv.includes(name));
  // Without a known name the program is about to print its help, which lists everything.
  for (const row of named.length > 0 && argv[0] !== 'help' ? named : commands) {
    const register = await row.load();
    register(program, context);
  }
  for (const command of program.commands) inherit(command, program);
  return program;
}

/** Commands made elsewhere end the program the same way as those made here. */
function inherit(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherit(child, command);
}

function orInvalid<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}
