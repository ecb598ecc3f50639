// corral mntr, srvr, cons, ...: what servers say of themselves.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { printJson } from '../output.ts';
import { examples } from '../verb.ts';
import { askWord, failIfSilent, fieldsOf } from '../words.ts';
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
        for (const { server, text, json } of answers) {
          if (globals.output !== 'text')
            await printJson(context, globals.output, { server, ...(json ?? fieldsOf(text!)) });
          else {
            if (answers.length + silent.length > 1) context.stdout.write(`# ${server}\n`);
            context.stdout.write(json === null ? ended(text!) : `${JSON.stringify(json, null, 2)}\n`);
          }
        }
        failIfSilent(silent, context);
      });
    examples(asking, word, `${word} -s zk1,zk2,zk3`, `${word} --admin zk1:8080 -o json`);
  };

const ended = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`);
