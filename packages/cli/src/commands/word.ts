// corral mntr, srvr, cons, ...: what servers say of themselves.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { report } from '../output.ts';
import { examples } from '../verb.ts';
import { askWord, failIfSilent, fieldsOf } from '../words.ts';
import type { WordAnswer } from '../words.ts';
import { globalsOf } from '../with-client.ts';

export const wordCommand =
  (word: string, description: string) =>
  (program: Command, context: Context): void => {
    const asking = program
      .command(word)
      .option('--admin <host:port,...>', 'ask these AdminServers instead')
      .description(description)
      .action(async ({ admin }: { admin?: string }, command: Command) => {
        const globals = globalsOf(command);
        const { answers, silent } = await askWord(word, globals, admin);
        const rows = answers.map(({ server, text, json }) => ({ server, ...(json ?? fieldsOf(text!)) }));
        const single = answers.length + silent.length === 1;
        await report(context, globals.output, {
          value: rows,
          rows,
          text: () => answers.map((answer) => (single ? '' : `# ${answer.server}\n`) + asText(answer)).join(''),
        });
        failIfSilent(silent, context);
      });
    examples(asking, word, `${word} -s zk1,zk2,zk3`, `${word} --admin zk1:8080 -o json`);
  };

function asText({ text, json }: WordAnswer): string {
  if (json !== null) return `${JSON.stringify(json, null, 2)}\n`;
  return text!.endsWith('\n') ? text! : `${text}\n`;
}
