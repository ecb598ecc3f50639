// `corral log`: what a transaction log holds, and whether it is sound.

import { readTxnPayload } from '@corral/core';
import type { LogRecord } from '@corral/core';
import { ProtocolError, formatZxid } from '@corral/protocol';
import { NodeFiles, describeLogEnd, inspectLog, isSoundEnd, logScanner } from '@corral/server';
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { report } from '../output.ts';
import type { OutputFormat } from '../output.ts';
import { examples, lines } from '../verb.ts';
import { globalsOf } from '../with-client.ts';
import { ProblemsFound, parseZxid } from './data-files.ts';
import { describeRecord, recordJson } from './txn-text.ts';

interface DumpOptions {
  readonly json?: boolean;
  readonly from?: string;
}

export function registerLog(program: Command, context: Context): void {
  const log = program.command('log').description('transaction logs: log.<zxid> files');
  log
    .command('dump <file>')
    .description('print the transactions of a log file, one a line')
    .option('--json', 'one JSON object a line')
    .option('--from <zxid>', 'start at this zxid (hex)')
    .action((file: string, options: DumpOptions, command: Command) => {
      const json = options.json === true || globalsOf(command).output !== 'text';
      dumpLog(file, { ...options, json }, context);
    });
  log
    .command('verify <files...>')
    .description('read log files to their last byte and say how they end')
    .action((files: string[], _options: unknown, command: Command) =>
      verifyLogs(files, globalsOf(command).output, context),
    );
  examples(
    log,
    'log dump /var/lib/zookeeper/version-2/log.100000001',
    'log dump log.1 --from 0x1f --json | jq .txn',
    'log verify /var/lib/zookeeper/version-2/log.*',
  );
}

function dumpLog(file: string, options: DumpOptions, { stdout }: Context): void {
  const json = options.json === true;
  const from = options.from === undefined ? 0 : parseZxid(options.from);
  const scanner = logScanner(new NodeFiles(), file);
  let unknown = 0;
  for (let record = scanner.next(); record !== undefined; record = scanner.next()) {
    if (record.zxid < from) continue;
    const line = textOf(record, json);
    if (line === undefined) unknown += 1;
    stdout.write(`${line ?? `${formatZxid(record.zxid)} at offset ${record.offset} cannot be decoded`}\n`);
  }
  const end = scanner.ending;
  stdout.write(json ? `${JSON.stringify({ end })}\n` : `-- ${describeLogEnd(end)}\n`);
  if (!isSoundEnd(end)) throw new ProblemsFound(`${file}: ${describeLogEnd(end)}`);
  if (unknown > 0) throw new ProblemsFound(`${file}: ${unknown} transactions cannot be decoded`);
}

/** Undefined for a record whose checksum fits but whose content is of no known kind. */
function textOf(record: LogRecord, json: boolean): string | undefined {
  try {
    const decoded = readTxnPayload(record.bytes, record.start, record.payloadEnd);
    return json ? recordJson(decoded) : describeRecord(decoded);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

async function verifyLogs(paths: readonly string[], output: OutputFormat, context: Context): Promise<void> {
  const found = paths.map((path) => inspectLog(new NodeFiles(), path));
  const rows = found.map(({ path, records, first, last, end }) => ({
    file: path,
    sound: isSoundEnd(end),
    records,
    first: first === undefined ? null : formatZxid(first),
    last: last === undefined ? null : formatZxid(last),
    end: describeLogEnd(end),
  }));
  const line = ({ file, sound, records, first, last, end }: (typeof rows)[number]): string => {
    const range = first === null || last === null ? '' : `, ${first} to ${last}`;
    return `${sound ? 'ok     ' : 'DAMAGED'}  ${file}: ${records} transactions${range}; ${end}`;
  };
  await report(context, output, { value: rows, rows, text: () => lines(rows.map(line)) });
  const damaged = rows.filter(({ sound }) => !sound).length;
  if (damaged > 0) throw new ProblemsFound(damaged === 1 ? 'one file is damaged' : `${damaged} files are damaged`);
}
