// corral top: the servers and what they do, again and again.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { parseAddress } from '@corral/client';
import type { Endpoint } from '@corral/client';
import { fourLetterWord } from '../cluster/ask.ts';
import { tableText } from '../cluster/table.ts';
import type { Context } from '../context.ts';
import { CodedError } from '../exit-codes.ts';
import { report } from '../output.ts';
import { control } from '../terminal.ts';
import { parseCount, parseDuration } from '../values.ts';
import { examples } from '../verb.ts';
import { fieldsOf } from '../words.ts';
import { globalsOf } from '../with-client.ts';

interface TopFlags {
  readonly every: string;
  readonly count?: string;
}

interface Row {
  readonly server: string;
  readonly role: string;
  readonly zxid: string | null;
  readonly clients: number | null;
  /** Requests and answers a second since the last look. */
  readonly received: number | null;
  readonly sent: number | null;
  readonly queued: number | null;
  /** Minimum, average and maximum in milliseconds, as the server counts them. */
  readonly latency: string | null;
  readonly nodes: number | null;
}

interface Sample {
  readonly at: number;
  readonly received: number;
  readonly sent: number;
}

export function registerTop(program: Command, context: Context): void {
  const command = program
    .command('top')
    .option('--every <time>', 'between two looks', '2s')
    .option('--count <n>', 'looks; without it until interrupted, or once when the output is no terminal')
    .description('roles, load and latency of the servers, as they change')
    .action(async (flags: TopFlags, command: Command) => {
      const globals = globalsOf(command);
      const { endpoints } = parseAddress(globals.server);
      const everyMs = parseDuration(flags.every);
      const isScreen = context.stdout.isTTY === true && globals.output === 'text';
      const count = flags.count === undefined ? (isScreen ? Infinity : 1) : parseCount(flags.count);
      const signal = context.interrupted();
      const samples = new Map<string, Sample>();
      for (let looks = 1; !signal.aborted; looks++) {
        const rows = await Promise.all(endpoints.map((endpoint) => look(endpoint, globals.timeout, samples)));
        if (isScreen) context.stdout.write(`${clearScreen}${new Date().toISOString()}\n\n`);
        await report(context, globals.output, { value: rows, rows, text: () => tableText([head, ...rows.map(cells)]) });
        if (looks >= count) {
          if (rows.every(({ role }) => role === 'unreachable'))
            throw new CodedError('ConnectFailed', 'no server answers');
          return;
        }
        await sleep(everyMs, undefined, { signal }).catch(() => undefined);
      }
    });
  examples(command, 'top', 'top --every 5s', 'top --count 2 --every 1s -o ndjson');
}

const clearScreen = `${control('[H')}${control('[2J')}`;
const askMsMax = 2000;
const down = { zxid: null, clients: null, received: null, sent: null, queued: null, latency: null, nodes: null };

async function look(endpoint: Endpoint, timeout: number, samples: Map<string, Sample>): Promise<Row> {
  const server = `${endpoint.host}:${endpoint.port}`;
  const text = await fourLetterWord('srvr', endpoint, Math.min(timeout, askMsMax)).catch(() => null);
  if (text === null) return { server, role: 'unreachable', ...down };
  const fields = fieldsOf(text);
  if (fields['Mode'] === undefined) return { server, role: 'not serving', ...down };
  const sample = { at: performance.now(), received: Number(fields['Received']), sent: Number(fields['Sent']) };
  const before = samples.get(server);
  samples.set(server, sample);
  const rate = (now: number, then: number | undefined): number | null =>
    before === undefined || then === undefined ? null : Math.round(((now - then) * 1000) / (sample.at - before.at));
  return {
    server,
    role: String(fields['Mode']),
    zxid: String(fields['Zxid']),
    clients: Number(fields['Connections']),
    received: rate(sample.received, before?.received),
    sent: rate(sample.sent, before?.sent),
    queued: Number(fields['Outstanding']),
    latency: rounded(String(fields['Latency min/avg/max'])),
    nodes: Number(fields['Node count']),
  };
}

/** `0/3.8438/74` as `0/3.8/74`. */
const rounded = (latency: string): string =>
  latency
    .split('/')
    .map((ms) => Math.round(Number(ms) * 10) / 10)
    .join('/');

const head = ['SERVER', 'ROLE', 'ZXID', 'CLIENTS', 'IN/s', 'OUT/s', 'QUEUED', 'MIN/AVG/MAX ms', 'NODES'];
const cells = (row: Row): string[] =>
  Object.values(row).map((value: string | number | null) => (value === null ? '-' : String(value)));
