// The shell at a terminal: line editing, a history that outlives it, completion of commands and paths.

import { readFile, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Interface } from 'node:readline';
import type { Context, Terminal } from '../context.ts';
import { complete } from './completion.ts';
import type { Shell } from './shell.ts';

const historyMax = 500;
/** Lines with a password in them are not written down. */
const isSecret = (line: string): boolean => /^\s*addauth\b/.test(line);

export async function repl(shell: Shell, terminal: Terminal, context: Context): Promise<void> {
  const file = context.env['CORRAL_HISTORY'] ?? join(homedir(), '.corral_history');
  const rl = createInterface({
    ...terminal,
    terminal: true,
    history: await savedHistory(file),
    historySize: historyMax,
    removeHistoryDuplicates: true,
    completer: (line: string, answer: (error: Error | null, found: [string[], string]) => void) => {
      complete(line, shell.link).then(
        (found) => answer(null, found),
        () => answer(null, [[], line]),
      );
    },
  });
  const history: string[] = [];
  rl.on('history', (lines: string[]) => history.splice(0, history.length, ...lines));
  try {
    await readLines(rl, shell);
  } finally {
    shell.onInterruption = () => undefined;
    rl.close();
    const kept = history.filter((line) => !isSecret(line)).slice(0, historyMax);
    // A home that cannot be written to costs the history, not the session.
    if (kept.length > 0) await writeFile(file, `${kept.join('\n')}\n`, { mode: 0o600 }).catch(() => undefined);
  }
}

async function readLines(rl: Interface, shell: Shell): Promise<void> {
  const prompt = (keepLine: boolean): void => {
    rl.setPrompt(shell.prompt);
    rl.prompt(keepLine);
  };
  // An event at the prompt pushes the line that is being typed down; during a command the prompt comes by itself.
  shell.onInterruption = () => prompt(true);
  prompt(false);
  for await (const line of rl) {
    shell.onInterruption = () => undefined;
    await shell.line(line);
    if (shell.ended) return;
    shell.onInterruption = () => prompt(true);
    prompt(false);
  }
}

async function savedHistory(file: string): Promise<string[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}
