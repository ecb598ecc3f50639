// corral acl get | set | add | remove | hash: who may do what with a node.

import { createHash } from 'node:crypto';
import type { Command } from 'commander';
import type { Acl } from '@corral/client';
import { aclEntryText, aclJson, aclNames, parseAclText, parseEntry } from '../acl-text.ts';
import type { Context } from '../context.ts';
import { UsageError } from '../exit-codes.ts';
import { report } from '../output.ts';
import { walk } from '../tree.ts';
import { confirmed, examples, lines } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';
import type { Task } from '../with-client.ts';

export function registerAcl(program: Command, context: Context): void {
  const acl = program.command('acl').description('who may do what: show and change access lists');
  acl
    .command('get')
    .argument('<path>')
    .description('print the access list of a node, one rule a line')
    .action(async (path: string, _options: unknown, command: Command) => {
      const globals = globalsOf(command);
      const { acl: found, stat } = await withClient(globals, 'one command', ({ client, call }) =>
        client.getAcl(path, call),
      );
      const value = { path, aversion: stat.aversion, acl: aclJson(found) };
      await report(context, globals.output, { value, rows: value.acl, text: () => lines(found.map(aclEntryText)) });
    });
  acl
    .command('set')
    .argument('<path>')
    .argument('<rules>', `scheme:id:perms,... or ${aclNames.join(', ')}`)
    .option('-R, --recursive', 'for everything below it, too')
    .description('replace the access list')
    .action(async (path: string, rules: string, flags: { recursive?: boolean }, command: Command) => {
      const globals = globalsOf(command);
      const wanted = parseAclText(rules);
      await withClient(globals, 'one command', async ({ client, call }) => {
        const paths = flags.recursive === true ? await pathsOf({ client, call }, path) : [path];
        const question = `Replace the access lists of ${paths.length} nodes`;
        if (paths.length > 1 && !(await confirmed(context, globals, question))) return;
        for (const target of paths) await client.setAcl(target, wanted, call);
      });
    });
  changing(acl, 'add', 'add a rule, or replace the one for the same identity', (before, rule) => [
    ...before.filter((other) => !isSameIdentity(other, rule)),
    rule,
  ]);
  changing(acl, 'remove', 'remove the rule for an identity', (before, rule) =>
    before.filter((other) => !isSameIdentity(other, rule)),
  );
  acl
    .command('hash')
    .argument('<user:password>')
    .description('the id that stands for a user of the digest scheme in access lists')
    .action(async (user: string, _options: unknown, command: Command) => {
      const value = { scheme: 'digest', id: digestId(user) };
      await report(context, globalsOf(command).output, { value, text: () => `${value.scheme}:${value.id}\n` });
    });
  examples(
    acl,
    'acl get /config',
    'acl set /config world:anyone:r,auth::cdrwa --auth digest:gil:secret',
    'acl set -R /config readOnly',
    'acl add /config world:anyone:r',
    'acl remove /config world:anyone',
    'acl hash gil:secret',
  );
}

const isSameIdentity = (a: Acl, b: Acl): boolean => a.scheme === b.scheme && a.id === b.id;

function changing(acl: Command, name: string, description: string, change: (before: Acl[], rule: Acl) => Acl[]): void {
  acl
    .command(name)
    .argument('<path>')
    .argument('<rule>', 'scheme:id:perms')
    .description(description)
    .action(async (path: string, text: string, _options: unknown, command: Command) => {
      const rule = parseEntry(name === 'remove' && text.split(':').length === 2 ? `${text}:` : text);
      await withClient(globalsOf(command), 'one command', async ({ client, call }) => {
        const { acl: before, stat } = await client.getAcl(path, call);
        const after = change([...before], rule);
        if (after.length === 0)
          throw new UsageError('nobody could reach the node any more: a list needs one rule at least');
        await client.setAcl(path, after, { version: stat.aversion, ...call });
      });
    });
}

async function pathsOf({ client, call }: Task, top: string): Promise<string[]> {
  const paths: string[] = [];
  for await (const { path } of walk(client, top, call)) paths.push(path);
  return paths;
}

function digestId(text: string): string {
  const cut = text.indexOf(':');
  if (cut <= 0) throw new UsageError('give user:password');
  return `${text.slice(0, cut)}:${createHash('sha1').update(text).digest('base64')}`;
}
