// corral ping: how long each server takes to answer.

import type { Command } from 'commander';
import { parseAddress } from '@corral/client';
import type { Endpoint } from '@corral/client';
import { tableText } from '../cluster/table.ts';
import type { Context } from '../context.ts';
import { report } from '../output.ts';
import { parseCount } from '../values.ts';
import { examples } from '../verb.ts';
import { globalsOf, withClient } from '../with-client.ts';
import type { GlobalOptions } from '../with-client.ts';
import { ProblemsFound } from './data-files.ts';

interface Row {
  readonly server: string;
  readonly connectMs: number | null;
  readonly minMs: number | null;
  readonly avgMs: number | null;
  readonly maxMs: number | null;
  readonly problem: string | null;
}

export function registerPing(program: Command, context: Context): void {
  const command = program
    .command('ping')
    .option('--count <n>', 'requests for each server', '10')
    .description('connect to each server and time its answers')
    .action(async (flags: { count: string }, command: Command) => {
      const globals = globalsOf(command);
      const count = Math.max(1, parseCount(flags.count));
      const { endpoints } = parseAddress(globals.server);
      const rows: Row[] = [];
      for (const endpoint of endpoints) rows.push(await ping(endpoint, count, globals));
      await report(context, globals.output, { value: rows, rows, text: () => tableText([head, ...rows.map(cells)]) });
      const silent = rows.filter(({ problem }) => problem !== null).length;
      if (silent > 0) throw new ProblemsFound(`${silent} of ${rows.length} servers do not answer`);
    });
  examples(command, 'ping', 'ping -s zk1:2181,zk2:2181,zk3:2181 --count 100');
}

const round = (ms: number): number => Math.round(ms * 100) / 100;

async function ping({ host, port }: Endpoint, count: number, globals: GlobalOptions): Promise<Row> {
  const server = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const began = performance.now();
  try {
    const target = { ...globals.target, server };
    return await withClient({ ...globals, target }, 'one command', async ({ client, call }) => {
      const connectMs = round(performance.now() - began);
      const times: number[] = [];
      for (let n = 0; n < count; n++) {
        const sent = performance.now();
        await client.exists('/', call);
        times.push(performance.now() - sent);
      }
      const sum = times.reduce((total, time) => total + time, 0);
      const [minMs, avgMs, maxMs] = [Math.min(...times), sum / count, Math.max(...times)].map(round);
      return { server, connectMs, minMs, avgMs, maxMs, problem: null };
    });
  } catch (error) {
    return { server, connectMs: null, minMs: null, avgMs: null, maxMs: null, problem: (error as Error).message };
  }
}

const head = ['SERVER', 'CONNECT ms', 'MIN', 'AVG', 'MAX', ''];
const cells = ({ server, connectMs, minMs, avgMs, maxMs, problem }: Row): string[] => [
  server,
  ...[connectMs, minMs, avgMs, maxMs].map((ms) => (ms === null ? '-' : String(ms))),
  problem ?? '',
];
