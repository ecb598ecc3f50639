// corral trace <path>: the last write to a node, and how the ensemble came to agree on it.

import type { Command } from 'commander';
import { askDecision } from '../cluster/ask-decision.ts';
import { decisionText } from '../cluster/decision.ts';
import type { Context } from '../context.ts';
import { hex, report, statJson } from '../output.ts';
import { examples, lines } from '../verb.ts';
import { ProblemsFound } from './data-files.ts';
import { globalsOf, withClient } from '../with-client.ts';

export function registerTrace(program: Command, context: Context): void {
  const command = program
    .command('trace')
    .argument('<path>')
    .option('--admin <host:port,...>', 'AdminServers to ask (default: port 8080 of each --server)')
    .description('when a node was written last, who proposed that, who accepted it, when it was decided')
    .action(async (path: string, { admin }: { admin?: string }, command: Command) => {
      const globals = globalsOf(command);
      const { stat } = await withClient(globals, 'one command', ({ client, call }) => client.children(path, call));
      const zxid = hex(stat.mzxid);
      const { best, heard } = await askDecision(zxid, admin, globals);
      const facts = [
        path,
        `  created  ${hex(stat.czxid)}  ${stat.ctime.toISOString()}`,
        `  changed  ${zxid}  ${stat.mtime.toISOString()}  version ${stat.version}`,
        `  children ${hex(stat.pzxid)}  cversion ${stat.cversion}`,
      ];
      const silent = heard.map(
        ({ at, answer, reason }) => `  ${at}: ${reason ?? answer?.error ?? 'does not remember'}`,
      );
      const text = () =>
        `${lines(facts)}\n${best === null ? lines(['nobody remembers how it was decided:', ...silent]) : decisionText(best)}`;
      await report(context, globals.output, { value: { path, stat: statJson(stat), decision: best }, text });
      if (heard.every(({ answer }) => answer === null))
        throw new ProblemsFound('no AdminServer was heard: name them with --admin host:port,...');
    });
  examples(command, 'trace /config', 'trace /config --admin zk1:8080,zk2:8080');
}
