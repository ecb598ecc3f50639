// Commands of the user's under a lock, as a leader, with a permit, on an item of a queue: against a server in this process.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@corral/client';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { corralBesideServer } from '../testing/corral.ts';

const corral = corralBesideServer();
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'corral-coordinate-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** A file that children write to: what they print goes to the terminal of the test. */
const note = (name: string): string => join(folder, name);
const noted = (name: string): Promise<string> => readFile(note(name), 'utf8').catch(() => '');
const sh = (script: string): string[] => ['--', 'sh', '-c', script];

describe('corral lock', () => {
  it('runs the command with a fencing token and ends with its code', async () => {
    expect((await corral(['lock', '/l', ...sh(`echo $CORRAL_TOKEN > ${note('token')}; exit 7`)])).code).toBe(7);
    expect(await noted('token')).toMatch(/^0x[0-9a-f]+\n$/);
    expect(await corral(['lock', '/l', '--', 'no-such-command'])).toMatchObject({
      code: 127,
      err: 'corral: no-such-command: there is no such command\n',
    });
    expect((await corral(['lock', '/l', '--', folder])).code).toBe(126);
    expect((await corral(['lock', '/l', '--list'])).out).toBe('');
    const nobody = await corral(['lock', '/l', '-s', '127.0.0.1:1', '--timeout', '300ms', '--', 'true']);
    expect(nobody).toMatchObject({ code: 3, err: expect.stringContaining('check --server') as string });
  });

  it('waits for its turn, no longer than it is told', async () => {
    const first = corral([
      'lock',
      '/busy',
      ...sh(`touch ${note('in')}; while [ ! -e ${note('go')} ]; do sleep 0.05; done`),
    ]);
    await vi.waitUntil(async () => (await corral(['lock', '/busy', '--list'])).out !== '', { timeout: 300_000 });
    await vi.waitUntil(async () => (await readFile(note('in')).catch(() => null)) !== null, { timeout: 300_000 });
    expect((await corral(['lock', '/busy', '--now', ...sh('true')])).code).toBe(6);
    expect((await corral(['lock', '/busy', '--wait', '200ms', ...sh('true')])).code).toBe(124);
    const second = corral(['lock', '/busy', ...sh(`echo second >> ${note('order')}`)]);
    await corral(['lock', '/other', ...sh(`echo other >> ${note('order')}; touch ${note('go')}`)]);
    expect((await first).code).toBe(0);
    expect((await second).code).toBe(0);
    expect(await noted('order')).toBe('other\nsecond\n');
  });

  it.each([
    ['with the code of the signal', 'touch "$0"; exec sleep 60', 143],
    [
      'and does not call it a success when it ends with 0',
      'sleep 60 & trap "kill $!; exit 0" TERM; touch "$0"; wait',
      1,
    ],
  ])('ends the command when the lock is lost, %s', async (_, script, code) => {
    await rm(note('held'), { force: true });
    const running = corral(['lock', '/lost', ...sh(script), note('held')]);
    await vi.waitUntil(async () => (await readFile(note('held')).catch(() => null)) !== null, { timeout: 300_000 });
    await using zk = await connect(`127.0.0.1:${corral.port}`);
    const { children } = await zk.children('/lost');
    await zk.delete(`/lost/${children[0]}`);
    expect(await running).toMatchObject({ code, err: expect.stringContaining('/lost is lost') as string });
  });

  it('stops waiting when it is interrupted', async () => {
    await using zk = await connect(`127.0.0.1:${corral.port}`);
    const { lock } = await import('@corral/recipes');
    const held = await lock(zk, '/waiting').acquire();
    const interruption = new AbortController();
    const waiting = corral(['lock', '/waiting', ...sh('true')], { interrupted: interruption.signal });
    await vi.waitUntil(async () => (await zk.children('/waiting')).children.length === 2, { timeout: 300_000 });
    interruption.abort();
    expect((await waiting).code).toBe(130);
    expect((await zk.children('/waiting')).children).toHaveLength(1);
    const told = AbortSignal.abort(new DOMException('SIGTERM', 'AbortError'));
    expect((await corral(['lock', '/waiting', ...sh('true')], { interrupted: told })).code).toBe(143);
    await held.release();
  });
});

describe('corral elect, semaphore, barrier', () => {
  it('run commands when it is their turn', async () => {
    expect((await corral(['elect', '/lead', '--id', 'me', ...sh('exit 3')])).code).toBe(3);
    expect((await corral(['elect', '/lead', '--list'])).out).toBe('');
    expect((await corral(['semaphore', '/sem', '-n', '2', '--take', '2', ...sh('exit 4')])).code).toBe(4);
    expect((await corral(['semaphore', '/sem', '-n', '2', '--take', '3', ...sh('true')])).code).toBe(2);
    await corral(['barrier', 'raise', '/bar']);
    expect((await corral(['barrier', 'wait', '/bar', '--wait', '100ms'])).code).toBe(124);
    await corral(['barrier', 'lift', '/bar']);
    expect((await corral(['barrier', 'wait', '/bar', '--wait', '5s'])).code).toBe(0);
  });

  it('begin and end together', async () => {
    const enter = (name: string) =>
      corral(['barrier', 'enter', '/both', '--parties', '2', ...sh(`echo ${name} >> ${note('both')}`)]);
    expect((await Promise.all([enter('a'), enter('b')])).map(({ code }) => code)).toEqual([0, 0]);
    expect((await noted('both')).split('\n').toSorted()).toEqual(['', 'a', 'b']);
  });
});

describe('corral queue and counter', () => {
  it('hands items out until they are done', async () => {
    await corral(['queue', 'put', '/q', 'second']);
    await corral(['queue', 'put', '/q', '-', '--priority', '1'], { stdin: 'first' });
    expect((await corral(['queue', 'put', '/q', 'late', '--priority', '1000'])).code).toBe(2);
    expect((await corral(['queue', 'put', '/q', 'keyed', '--key', 'k', '--delay', '1h'])).err).toBe('');
    expect((await corral(['queue', 'put', '/q', 'again', '--key', 'k'])).err).toContain('already');
    expect((await corral(['queue', 'take', '/q', ...sh(`cat > ${note('item')}; exit 5`)])).code).toBe(5);
    expect(await noted('item')).toBe('first');
    expect((await corral(['queue', 'take', '/q'])).out).toBe('first\n');
    expect((await corral(['queue', 'take', '/q', '-o', 'ndjson'])).out).toBe('{"value":"second","attempts":1}\n');
    expect((await corral(['queue', 'take', '/q', '--wait', '200ms'])).code).toBe(124);
    expect((await corral(['queue', 'size', '/q'])).out).toBe('1\n');
    expect((await corral(['queue', 'dead', '/q', '-o', 'json'])).out).toBe('[]\n');
  });

  it('shows what waits in a queue, and makes none by looking', async () => {
    await corral(['queue', 'put', '/seen', 'second']);
    await corral(['queue', 'put', '/seen', 'first', '--priority', '1']);
    expect((await corral(['queue', 'peek', '/seen'])).out).toBe('  1  waits  first\n100  waits  second\n');
    const [item] = JSON.parse((await corral(['queue', 'peek', '/seen', '--count', '1', '-o', 'json'])).out) as object[];
    expect(item).toMatchObject({ value: 'first', attempts: 0, priority: 1, due: null, taken: false });
    expect((await corral(['queue', 'size', '/seen'])).out).toBe('2\n');
    expect((await corral(['queue', 'peek', '/unseen'])).out).toBe('');
    expect((await corral(['queue', 'size', '/unseen'])).out).toBe('0\n');
    expect((await corral(['stat', '/unseen'])).code).toBe(5);
  });

  it('counts', async () => {
    expect((await corral(['counter', 'add', '/n', '5'])).out).toBe('5\n');
    expect((await corral(['counter', 'add', '/n', '--', '-2'])).out).toBe('3\n');
    expect((await corral(['counter', 'set', '/n', '10'])).out).toBe('10\n');
    expect((await corral(['counter', 'get', '/n'])).out).toBe('10\n');
    expect((await corral(['counter', 'add', '/n', 'x'])).code).toBe(2);
  });
});
