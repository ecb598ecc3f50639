// corral export <path>: a part of the tree as text that `corral import` reads.

import { writeFile } from 'node:fs/promises';
import { Option } from 'commander';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import type { Copied } from '../copy.ts';
import { writable } from '../masked-acl.ts';
import { documentFormats, documentText } from '../move/document.ts';
import type { DocumentFormat } from '../move/document.ts';
import { atTree, parsePlace, placeHelp, readPlace, readTree } from '../move/place.ts';
import type { Place } from '../move/place.ts';
import { examples, line } from '../verb.ts';
import { globalsOf } from '../with-client.ts';
import type { GlobalOptions } from '../with-client.ts';

interface ExportFlags {
  readonly file?: string;
  readonly as?: DocumentFormat;
  /** False for --no-acl. */
  readonly acl: boolean;
}

export function registerExport(program: Command, context: Context): void {
  const command = program
    .command('export')
    .argument('<path>', placeHelp)
    .option('-f, --file <file>', 'where to write; standard output otherwise')
    .addOption(new Option('--as <format>', 'by default as the file is called, or json').choices([...documentFormats]))
    .option('--no-acl', 'leave the access lists out: what is imported is open to everybody')
    .description('write a part of the tree as JSON, YAML or ndjson: data, access lists, times')
    .action(async (path: string, flags: ExportFlags, command: Command) => {
      const globals = globalsOf(command);
      const place = parsePlace(path);
      const { nodes, skipped } = await read(place, globals, context);
      const top = place.kind === 'file' ? place.top : place.path;
      const text = await documentText(
        top,
        writable(nodes, top, flags),
        flags.as ?? formatOf(flags.file ?? globals.output),
      );
      if (flags.file === undefined) context.stdout.write(Buffer.from(text));
      else await writeFile(flags.file, text);
      for (const left of skipped) context.stderr.write(line(`skipped ${left}: it is ephemeral`));
      context.stderr.write(line(`${nodes.length} nodes exported`));
    });
  examples(
    command,
    'export /config > config.json',
    'export / -f backup.yaml',
    'export /config --as ndjson | jq .path',
    'export snapshot.1f#/config',
  );
}

/** A missing node is an error here, not an empty export. */
async function read(place: Place, globals: GlobalOptions, context: Context): Promise<Copied> {
  if (place.kind === 'file') return readPlace(place, globals, context);
  return atTree(place, globals, 'one command', async (task) => {
    await task.client.get(place.path, task.call);
    return readTree(task, place.path, context);
  });
}

function formatOf(name: string): DocumentFormat {
  const ending = name.slice(name.lastIndexOf('.') + 1).replace('yml', 'yaml');
  return documentFormats.find((format) => format === ending) ?? 'json';
}
