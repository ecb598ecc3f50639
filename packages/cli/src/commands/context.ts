// corral context add | ls | use | rm: connections by name, so that nobody types hosts and passwords.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { contextsFile, readContexts, writeContexts } from '../contexts.ts';
import type { SavedContext } from '../contexts.ts';
import { UsageError } from '../exit-codes.ts';
import { report } from '../output.ts';
import { examples, lines } from '../verb.ts';
import { globalsOf } from '../with-client.ts';

interface AddFlags {
  readonly user?: string;
  readonly passwordEnv?: string;
  readonly passwordCommand?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}

export function registerContext(program: Command, context: Context): void {
  const saved = program.command('context').description('connections by name');
  saved
    .command('add')
    .argument('<name>')
    .argument('<hosts>', 'h1,h2:2181/chroot')
    .option('--user <name>', 'of the digest scheme')
    .option('--password-env <variable>', 'where its password is')
    .option('--password-command <command>', 'prints its password: pass show zk')
    .option('--ca <file>', 'PEM file that signs the servers; switches TLS on')
    .option('--cert <file>', 'PEM file of our certificate')
    .option('--key <file>', 'PEM file of its key')
    .description('save a connection and use it; passwords are not saved, only where they are')
    .action((name: string, hosts: string, flags: AddFlags) => add(name, entryOf(hosts, flags), context));
  saved
    .command('ls')
    .description('the saved connections')
    .action(async (_options: unknown, command: Command) => {
      const { current, contexts } = await readContexts(context);
      const rows = Object.entries(contexts).map(([name, entry]) => ({ name, current: name === current, ...entry }));
      const text = () =>
        lines(
          rows.map(
            (row) =>
              `${row.current ? '*' : ' '} ${row.name}  ${row.server}${row.user === undefined ? '' : `  as ${row.user}`}`,
          ),
        );
      await report(context, globalsOf(command).output, { value: rows, rows, text });
    });
  saved
    .command('use')
    .argument('<name>')
    .description('connect there when nothing else is said')
    .action(async (name: string) => {
      const { contexts } = await readContexts(context);
      if (!(name in contexts)) throw unknown(name);
      await writeContexts(context, { current: name, contexts });
    });
  saved
    .command('rm')
    .argument('<name>')
    .description('forget a connection')
    .action(async (name: string) => {
      const { current, contexts } = await readContexts(context);
      if (!(name in contexts)) throw unknown(name);
      const rest = Object.fromEntries(Object.entries(contexts).filter(([other]) => other !== name));
      await writeContexts(context, {
        ...(current === name || current === undefined ? {} : { current }),
        contexts: rest,
      });
    });
  examples(
    saved,
    'context add prod zk1,zk2,zk3:2181/app --user app --password-command "pass show zk"',
    'context ls',
    'context use prod',
    'context rm prod',
    'ls / --context prod',
  );
}

const unknown = (name: string): UsageError =>
  new UsageError(`there is no context "${name}"; corral context ls shows those there are`);

function entryOf(server: string, flags: AddFlags): SavedContext {
  const { user, passwordEnv, passwordCommand, ca, cert, key } = flags;
  // A password in the address would be saved in the clear.
  if (server.includes('@'))
    throw new UsageError('give the user with --user and its password with --password-env or --password-command');
  if (user !== undefined && passwordEnv === undefined && passwordCommand === undefined) {
    throw new UsageError('--user needs --password-env or --password-command');
  }
  const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  return {
    server,
    ...(user && { user }),
    ...(passwordEnv && { passwordEnv }),
    ...(passwordCommand && { passwordCommand }),
    ...(Object.keys(tls).length === 0 ? {} : { tls }),
  };
}

async function add(name: string, entry: SavedContext, context: Context): Promise<void> {
  const { contexts } = await readContexts(context);
  await writeContexts(context, { current: name, contexts: { ...contexts, [name]: entry } });
  context.stderr.write(`saved in ${contextsFile(context)} and in use\n`);
}
