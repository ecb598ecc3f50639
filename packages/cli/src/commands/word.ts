// corral mntr, srvr, cons, ...: what servers say of themselves.

import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { printJson } from '../output.ts';
import { fieldsOf, askWord } from '../words.ts';
import { globalsOf } from '../with-client.ts';

export const wordCommand =
  (word: string, description: string) =>
  (program: Command, context: Context): void => {
    program
      .command(word)
      .option('--admin <host:port,...>', 'ask these AdminServers instead')
      .description(description)
      .action(async ({ admin }: { admin?: string }, command: Command) => {
        const globals = globalsOf(command);
        const answers = await askWord(word, globals, admin);
        for (const { server, text, json } of answers) {
          if (globals.output !== 'text')
            await printJson(context, globals.output, { server, ...(json ?? fieldsOf(text!)) });
          else {
            if (answers.length > 1) context.stdout.write(`# ${server}\n`);
            context.stdout.write(text ?? `${JSON.stringify(json, null, 2)}\n`);
          }
        }
      });
  };
