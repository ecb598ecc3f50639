// From an argument list to an exit code: builds a program that knows just the command asked for, runs it, and turns
// whatever goes wrong into one line on stderr, and another one that says what to do.

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ChildEnded, NotStarted } from './child.ts';
import { commands } from './commands.ts';
import type { Context } from './context.ts';
import { exitCodeOf, exitCodes, fileProblem } from './exit-codes.ts';
import { adviceOn } from './explanations.ts';
import { outputFormats } from './output.ts';
import { resolveTarget } from './target.ts';
import { parseDuration } from './values.ts';
import { colorsFor } from './verb.ts';
import { printable } from './terminal.ts';
import { version } from './version.ts';

const defaultTimeoutMs = 10_000;

export async function run(argv: readonly string[], process: Context): Promise<number> {
  const context = printable(process);
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
    if (error instanceof CommanderError) {
      if (error.code === 'commander.unknownCommand') context.stderr.write(`${elsewhere(argv, program)}\n`);
      return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    }
    if (error instanceof ChildEnded) return error.exitCode;
    const colors = colorsFor(context.stderr, context, program.opts<{ color: boolean }>().color);
    context.stderr.write(`${colors.red('corral:')} ${messageOf(error)}\n`);
    const advice = adviceOn(error);
    if (advice !== undefined) context.stderr.write(`${colors.dim(`        ${advice}`)}\n`);
    return error instanceof NotStarted ? error.exitCode : exitCodeOf(error);
  }
}

/** What people who know zkCli type first. */
const namesInShell: Readonly<Record<string, string | undefined>> = {
  addWatch: 'watch -R',
  addauth: 'context add',
  config: 'cluster status',
  delete: 'rm',
  deleteall: 'rm -r',
  delquota: 'quota rm',
  getAcl: 'acl get',
  getAllChildrenNumber: 'count',
  getEphemerals: 'ephemerals',
  listquota: 'quota get',
  reconfig: 'cluster reconfig',
  setAcl: 'acl set',
  setquota: 'quota set',
  whoami: 'context ls',
};

function elsewhere(argv: readonly string[], program: Command): string {
  const group = program.commands.find((command) => command.commands.length > 0 && argv.includes(command.name()));
  if (group !== undefined && argv.indexOf(group.name()) === 0)
    return `corral ${group.name()} --help lists its commands`;
  const name = argv.find((word) => namesInShell[word] !== undefined);
  if (name === undefined) return 'corral --help lists the commands';
  return `corral ${namesInShell[name]} is the command for it here; corral cli ${name} is that of zkCli`;
}

const messageOf = (error: unknown): string =>
  fileProblem(error) ?? (error instanceof Error ? error.message : String(error));

export async function makeProgram(argv: readonly string[], context: Context): Promise<Command> {
  const program = new Command('corral')
    .description('A coordination service that speaks ZooKeeper’s protocols')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.stdout.write(text),
      writeErr: (text) => context.stderr.write(text),
      outputError: (text, write) => write(text.replace(/^error:/, 'corral:')),
    })
    .configureHelp({ showGlobalOptions: true })
    .addHelpText(
      'after',
      '\nExit codes: 0 ok, 1 refused, 2 usage, 3 connection, 4 not allowed, 5 not found, 6 conflict, 124 timeout',
    );
  globalOptions(program);
  program.hook('preAction', async (_, action) => {
    // `context rm` must work when the password command of the context in use does not.
    if (neverConnects(action)) return;
    const { context: name, auth } = program.opts<{ context?: string; auth: string[] }>();
    const server =
      program.getOptionValueSource('server') === 'cli' ? program.opts<{ server: string }>().server : undefined;
    const target = await resolveTarget({ server, context: name, auth }, context);
    program.setOptionValue('target', target);
    program.setOptionValue('server', target.server);
  });
  const named = commands.filter(({ name }) => argv.includes(name));
  // Without a known name the program is about to print its help, which lists everything; completion offers everything.
  const needsAll = named.length === 0 || argv[0] === 'help' || argv[0] === 'complete';
  for (const row of needsAll ? commands : named) {
    const register = await row.load();
    register(program, context);
    program.commands.find((command) => command.name() === row.name)?.helpGroup(row.group);
  }
  for (const command of program.commands) inherit(command, program);
  return program;
}

const neverConnects = (command: Command): boolean =>
  ['context', 'completion', 'cheat', 'explain'].includes(command.name()) ||
  (command.parent !== null && neverConnects(command.parent));

function globalOptions(program: Command): void {
  const collect = (text: string, before: string[]): string[] => [...before, text];
  program
    .addOption(
      new Option('-s, --server <hosts>', 'where to connect: h1,h2:2181/chroot or zk://user:pw@h1,h2/chroot').default(
        undefined,
        'the context in use, CORRAL_SERVER, or 127.0.0.1:2181',
      ),
    )
    .option('--context <name>', 'connect as saved with `corral context add`')
    .option('--auth <scheme:id>', 'identity of this connection, such as digest:user:password', collect, [])
    .addOption(new Option('-o, --output <format>', 'how to print data').choices([...outputFormats]).default('text'))
    .addOption(
      new Option('--timeout <time>', 'longest time to connect and for each request: 500ms, 5s, 2m')
        .argParser((text) => orInvalid(() => parseDuration(text)))
        .default(defaultTimeoutMs, '10s'),
    )
    .addOption(new Option('-y, --yes', 'answer questions with yes').default(false))
    .option('--no-color', 'no colours (also NO_COLOR)');
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
