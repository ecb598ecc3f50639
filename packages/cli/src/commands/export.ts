// corral export <path>: a part of the tree as text that `corral import` reads.

import { writeFile } from 'node:fs/promises';
import { Option } from 'commander';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { documentFormats, documentText } from '../move/document.ts';
import type { DocumentFormat } from '../move/document.ts';
import { readTree } from '../move/place.ts';
import { examples } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';

interface ExportFlags {
  readonly file?: string;
  readonly as?: DocumentFormat;
}

export function registerExport(program: Command, context: Context): void {
  const command = program
    .command('export')
    .argument('<path>')
    .option('-f, --file <file>', 'where to write; standard output otherwise')
    .addOption(new Option('--as <format>', 'by default as the file is called, or json').choices([...documentFormats]))
    .description('write a part of the tree as JSON, YAML or ndjson: data, access lists, times')
    .action(async (path: string, flags: ExportFlags, command: Command) => {
      const globals = globalsOf(command);
      const { nodes, skipped } = await withClient(globals, 'one command', async (task) => {
        // A missing node is an error here, not an empty export.
        await task.client.get(path, task.call);
        return readTree(task, path, context);
      });
      const text = await documentText(path, nodes, flags.as ?? formatOf(flags.file ?? globals.output));
      if (flags.file === undefined) context.stdout.write(text);
      else await writeFile(flags.file, text);
      for (const left of skipped) context.stderr.write(`skipped ${left}: it is ephemeral\n`);
      context.stderr.write(`${nodes.length} nodes exported\n`);
    });
  examples(command, 'export /config > config.json', 'export / -f backup.yaml', 'export /config --as ndjson | jq .path');
}

function formatOf(name: string): DocumentFormat {
  const ending = name.slice(name.lastIndexOf('.') + 1).replace('yml', 'yaml');
  return documentFormats.find((format) => format === ending) ?? 'json';
}
