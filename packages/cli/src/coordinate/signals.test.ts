// What signals do to a command that runs while something is held, and to whoever waits for it: real processes, the compiled
// command. The child never outlives the hold, nor the process that holds it.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { connect } from '@corral/client';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { corralBesideServer } from '../testing/corral.ts';

const corral = corralBesideServer();
const bin = fileURLToPath(new URL('../../bin/corral.js', import.meta.url));
const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const;
const patience = { timeout: 120_000, interval: 50 };

/** Every command that runs another one. */
const holders = {
  lock: ['lock', '/sig/lock'],
  elect: ['elect', '/sig/elect'],
  semaphore: ['semaphore', '/sig/semaphore', '-n', '1'],
  barrier: ['barrier', 'enter', '/sig/barrier', '--parties', '1'],
  queue: ['queue', 'take', '/sig/queue'],
} as const;
type Holder = keyof typeof holders;

interface Running {
  readonly process: ChildProcess;
  readonly childId: number;
  readonly out: () => string;
  readonly err: () => string;
  /** Exit code, or the name of the signal. */
  readonly ended: Promise<number | string>;
}

function start(words: readonly string[]): Omit<Running, 'childId'> {
  const process = spawn(globalThis.process.execPath, [bin, '-s', `127.0.0.1:${corral.port}`, ...words]);
  let [out, err] = ['', ''];
  process.stdout.on('data', (text: Buffer) => (out += text.toString()));
  process.stderr.on('data', (text: Buffer) => (err += text.toString()));
  onTestFinished(() => void process.kill('SIGKILL'));
  const ended = once(process, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  return { process, out: () => out, err: () => err, ended };
}

async function hold(holder: Holder, script: string): Promise<Running> {
  if (holder === 'queue') await corral(['queue', 'put', '/sig/queue', 'item']);
  const running = start([...holders[holder], '--', 'sh', '-c', `echo $$; ${script}`]);
  const childId = Number(await vi.waitUntil(() => /^(\d+)\n/.exec(running.out())?.[1], patience));
  onTestFinished(() => {
    if (stateOf(childId) !== undefined) process.kill(childId, 'SIGKILL');
  });
  return { ...running, childId };
}

/** As the kernel has it: S, T, Z, ...; undefined for a process that is gone. */
function stateOf(id: number): string | undefined {
  try {
    const state = /\) (\S)/.exec(readFileSync(`/proc/${id}/stat`, 'utf8'))?.[1];
    return state === 'Z' ? undefined : state;
  } catch {
    return undefined;
  }
}

const forever = 'while :; do sleep 0.05; done';
const eachHolder = <T>(work: (holder: Holder) => Promise<T>): Promise<T[]> =>
  Promise.all((Object.keys(holders) as Holder[]).map(work));

describe('a command that runs while something is held', () => {
  it.each(signals)(
    'gets %s and decides itself, and its code is ours',
    async (signal) => {
      const ends = await eachHolder(async (holder) => {
        const names = signals.map((name) => name.slice(3)).join(' ');
        const { process, childId, out, err, ended } = await hold(
          holder,
          `trap 'echo got; exit 7' ${names}; echo set; ${forever}`,
        );
        await vi.waitUntil(() => out().includes('set\n'), patience);
        process.kill(signal);
        return {
          holder,
          code: await ended,
          got: out().includes('got\n'),
          child: stateOf(childId),
          debugger: err().includes('ebugger'),
        };
      });
      const right = { code: 7, got: true, child: undefined, debugger: false };
      expect(ends).toEqual(Object.keys(holders).map((holder) => ({ holder, ...right })));
      for (const path of ['/sig/lock', '/sig/elect', '/sig/semaphore'])
        expect((await corral(['ls', path])).out, path).not.toMatch(/-\d{10}\n/);
    },
    300_000,
  );

  it.each(signals)('ends by %s when it does nothing about it', async (signal) => {
    const { process, childId, ended } = await hold('lock', 'exec sleep 600');
    process.kill(signal);
    expect(await ended).toBe(128 + constants.signals[signal]);
    expect(stateOf(childId)).toBeUndefined();
    expect((await corral(['lock', '/sig/lock', '--list'])).out).toBe('');
  });

  it('ends when the process that holds is killed', async () => {
    await eachHolder(async (holder) => {
      // Killed in the instant in which the child begins, the process cannot have told its guard of it yet.
      const { process, childId, out, ended } = await hold(holder, `sleep 1; echo set; ${forever}`);
      await vi.waitUntil(() => out().includes('set\n'), patience);
      process.kill('SIGKILL');
      expect(await ended).toBe('SIGKILL');
      await vi.waitUntil(() => stateOf(childId) === undefined, patience);
    });
  });

  it('stops and goes on together with the process that holds', async () => {
    const { process, childId, ended } = await hold('lock', forever);
    process.kill('SIGTSTP');
    await vi.waitUntil(() => stateOf(childId) === 'T' && stateOf(process.pid!) === 'T', patience);
    process.kill('SIGCONT');
    await vi.waitUntil(() => stateOf(childId) !== 'T' && stateOf(process.pid!) !== 'T', patience);
    process.kill('SIGTERM');
    expect(await ended).toBe(143);
  });

  it('must be there', async () => {
    for (const words of Object.values(holders)) {
      expect((await corral([...words, '--', ''])).code, words.join(' ')).toBe(2);
      // An item of a queue can also be printed.
      if (words[0] !== 'queue') expect((await corral(words)).code, words.join(' ')).toBe(2);
    }
  });
});

describe('waiting in line', () => {
  it.each(signals)(
    'ends by %s, and the place is given up',
    async (signal) => {
      await using zk = await connect(`127.0.0.1:${corral.port}`);
      const { election, lock, semaphore } = await import('@corral/recipes');
      const held = [
        await lock(zk, '/line/lock').acquire(),
        await semaphore(zk, '/line/semaphore', { permits: 1 }).acquire(),
      ];
      const term = await election(zk, '/line/elect').campaign();
      const waits = [
        ['lock', '/line/lock'],
        ['elect', '/line/elect'],
        ['semaphore', '/line/semaphore', '-n', '1'],
      ];
      const places = (): Promise<number[]> =>
        Promise.all(waits.map(async ([, path]) => (await corral(['ls', '-R', path])).out.split('\n').length));
      const before = await places();
      const waiting = waits.map((words) => start([...words, '--', 'echo', 'ran']));
      await vi.waitUntil(async () => (await places()).every((count, at) => count > before[at]), patience);
      for (const { process } of waiting) process.kill(signal);
      for (const { ended, out } of waiting) {
        expect(await ended).toBe(128 + constants.signals[signal]);
        expect(out()).toBe('');
      }
      expect(await places()).toEqual(before);
      for (const one of held) await one.release();
      await term.resign();
    },
    300_000,
  );
});
