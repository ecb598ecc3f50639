// The keys of `corral dev --nodes 3`: what people want to see an ensemble survive.

import { createInterface } from 'node:readline';
import type { Context, Terminal } from '../context.ts';
import type { Playground } from './playground.ts';

/** Reads lines until q, Ctrl-C or the end of input. */
export async function obeyKeys(playground: Playground, terminal: Terminal, context: Context): Promise<void> {
  const lines = createInterface({ ...terminal, prompt: '> ' });
  const signal = context.interrupted();
  signal.addEventListener('abort', () => lines.close(), { once: true });
  lines.on('SIGINT', () => lines.close());
  lines.prompt();
  for await (const line of lines) {
    const answer = await obey(line.trim(), playground);
    if (answer === null) return lines.close();
    if (answer !== '') context.stderr.write(`${answer}\n`);
    lines.prompt();
  }
}

/** What to say, or null to end. */
export async function obey(line: string, { member, status, heal }: Playground): Promise<string | null> {
  if (line === '') return '';
  if (line === 'q') return null;
  if (line === 's') return status?.() ?? '';
  if (line === 'h') {
    heal?.();
    return 'the network is whole';
  }
  const [, key, id] = /^([krp])\s*(\d+)$/.exec(line) ?? [];
  const chosen = key === undefined ? null : (member?.(Number(id)) ?? null);
  if (chosen === null) return 'k1 kill server 1, r1 restart it, p1 cut it off, h heal, s status, q quit';
  if (key === 'k') await chosen.kill();
  else if (key === 'r') await chosen.restart();
  else chosen.cutOff();
  const done = { k: 'is dead', r: 'is up again', p: 'is cut off from the others' }[key as 'k' | 'r' | 'p'];
  return `server ${id} ${done}`;
}
