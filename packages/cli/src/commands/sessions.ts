// corral sessions: the connections of a server, with their sessions.

import type { Command } from 'commander';
import { tableText } from '../cluster/table.ts';
import type { Context } from '../context.ts';
import { report } from '../output.ts';
import { examples } from '../verb.ts';
import { askWord, failIfSilent } from '../words.ts';
import type { WordAnswer } from '../words.ts';
import { globalsOf } from '../with-client.ts';

interface Row {
  readonly server: string;
  readonly client: string;
  readonly session: string | null;
  readonly timeoutMs: number | null;
  readonly received: number;
  readonly sent: number;
  readonly queued: number;
  readonly lastOp: string | null;
  readonly maxLatencyMs: number | null;
}

export function registerSessions(program: Command, context: Context): void {
  const command = program
    .command('sessions')
    .option('--admin <host:port,...>', 'ask these AdminServers instead of the word cons')
    .description('connections of the servers, with their sessions')
    .action(async ({ admin }: { admin?: string }, command: Command) => {
      const globals = globalsOf(command);
      const { answers, silent } = await askWord('cons', globals, admin);
      const rows = answers.flatMap(rowsOf);
      await report(context, globals.output, { value: rows, rows, text: () => tableText([head, ...rows.map(cells)]) });
      failIfSilent(silent, context);
    });
  examples(command, 'sessions', 'sessions --admin zk1:8080 -o json');
}

const head = ['SERVER', 'CLIENT', 'SESSION', 'TIMEOUT', 'RECEIVED', 'SENT', 'QUEUED', 'LAST', 'MAX ms'];
const cells = (row: Row): string[] =>
  Object.values(row).map((value: string | number | null) => (value === null ? '-' : String(value)));

const hexId = (id: unknown): string | null =>
  typeof id === 'string' || typeof id === 'number' ? `0x${BigInt.asUintN(64, BigInt(id)).toString(16)}` : null;

function rowsOf({ server, text, json }: WordAnswer): Row[] {
  if (json !== null) {
    const connections = (json['connections'] ?? []) as Record<string, string | number>[];
    return connections.map((one) => ({
      server,
      client: String(one['remote_socket_address']),
      session: hexId(one['session_id']),
      timeoutMs: Number(one['session_timeout'] ?? 0),
      received: Number(one['packets_received'] ?? 0),
      sent: Number(one['packets_sent'] ?? 0),
      queued: Number(one['outstanding_requests'] ?? 0),
      lastOp: one['last_operation'] === undefined ? null : String(one['last_operation']),
      maxLatencyMs: one['max_latency'] === undefined ? null : Number(one['max_latency']),
    }));
  }
  return [...text!.matchAll(/^ *\/(\S+?)\[\d+\]\((.*)\)$/gm)].map(([, client, fields]) => {
    const value = new Map(fields.split(',').map((field) => field.split('=', 2) as [string, string]));
    const number = (name: string): number => Number(value.get(name) ?? 0);
    return {
      server,
      client,
      session: hexId(value.get('sid')),
      timeoutMs: value.has('to') ? number('to') : null,
      received: number('recved'),
      sent: number('sent'),
      queued: number('queued'),
      lastOp: value.get('lop') ?? null,
      maxLatencyMs: value.has('maxlat') ? number('maxlat') : null,
    };
  });
}
