// Command lines against a real server in this process: what they print where, and the code they end with.

import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cliReference } from './reference.ts';
import { corralBesideServer } from './testing/corral.ts';

const corral = corralBesideServer();

describe('corral', () => {
  it('creates, reads, changes and deletes nodes, data on stdout and talk on stderr', async () => {
    expect(await corral(['create', '-p', '/t/a', 'one'])).toEqual({ code: 0, out: '/t/a\n', err: '' });
    expect(await corral(['get', '/t/a'])).toEqual({ code: 0, out: 'one', err: '' });
    expect(await corral(['set', '/t/a', '-', '--version', '0'], { stdin: 'two' })).toMatchObject({ code: 0, out: '' });
    expect(await corral(['set', '/t/a', '@file'])).toMatchObject({ code: 0, err: '/t/a has version 2 now\n' });
    expect((await corral(['get', '/t/a'])).out).toBe('content of file');
    expect((await corral(['ls', '/t'])).out).toBe('a\n');
    expect((await corral(['stat', '/t/a'])).out).toContain('dataVersion = 2\n');
    expect(await corral(['rm', '/t/a'])).toEqual({ code: 0, out: '', err: '' });
  });

  it('prints JSON with hex zxids, and base64 for what is not text', async () => {
    await corral(['create', '/j', 'text']);
    const found = JSON.parse((await corral(['get', '/j', '-o', 'json'])).out) as { stat: { czxid: string } };
    expect(found).toMatchObject({ path: '/j', data: 'text', encoding: 'utf8', stat: { version: 0 } });
    expect(found.stat.czxid).toMatch(/^0x[0-9a-f]+$/);
  });

  it('ends with the code that says why', async () => {
    await corral(['create', '-p', '/c/x/y']);
    const codes = async (...lines: string[]): Promise<number[]> => {
      const found: number[] = [];
      for (const line of lines) found.push((await corral(line.split(' '))).code);
      return found;
    };
    expect(await codes('get /none', 'stat /none', 'ls /none', 'rm /none')).toEqual([5, 5, 5, 5]);
    expect(await codes('create /c', 'rm /c', 'set /c x --version 7')).toEqual([6, 6, 6]);
    expect(await codes('get', 'nonsense', 'get relative', 'set /c x --version one', 'ls --timeout soon')).toEqual([
      2, 2, 2, 2, 2,
    ]);
    expect(await codes('ls -s 127.0.0.1:1', '--version', 'help', 'get --help')).toEqual([3, 0, 0, 0]);
    await corral(['create', '/locked', '', '--acl', 'readOnly']);
    expect(await codes('set /locked x')).toEqual([4]);
  });

  it('says what is wrong in one form, whoever finds it out', async () => {
    for (const line of [
      'nonsense',
      'get',
      'ls --nonsense',
      'ls -o nonsense',
      'get relative',
      'get /none',
      'ls --timeout soon',
    ])
      expect((await corral(line.split(' '))).err, line).toMatch(/^corral: /);
  });

  it('takes data that begins with @ as a file, and with @@ as text', async () => {
    await corral(['create', '/at', '@@handle']);
    expect((await corral(['get', '/at'])).out).toBe('@handle');
    expect((await corral(['set', '/at', '@file'])).code).toBe(0);
    expect((await corral(['get', '/at'])).out).toBe('content of file');
  });

  it('counts and asks before it deletes more than one node', async () => {
    await corral(['create', '-p', '/d/a/b']);
    expect(await corral(['rm', '-r', '/d'])).toMatchObject({ code: 2, err: expect.stringContaining('3 nodes') });
    expect(await corral(['rm', '-r', '/d'], { tty: true, stdin: 'n\n' })).toMatchObject({ code: 0 });
    expect((await corral(['ls', '-R', '/d'])).out).toBe('/d/a\n/d/a/b\n');
    expect(await corral(['rm', '-r', '/d'], { tty: true, stdin: 'y\n' })).toMatchObject({ code: 0 });
    expect((await corral(['stat', '/d'])).code).toBe(5);
    expect((await corral(['rm', '-r', '-y', '/'])).code).toBe(2);
  });

  it('prints changes until it is interrupted', async () => {
    await corral(['create', '/w']);
    const controller = new AbortController();
    const lines: string[] = [];
    const onOut = (text: string): void => {
      lines.push(text);
      if (text.includes('deleted')) controller.abort();
    };
    const watching = corral(['watch', '-R', '/w', '-o', 'ndjson'], { interrupted: controller.signal, onOut });
    await new Promise((resolve) => setTimeout(resolve, 500));
    await corral(['create', '/w/a', 'on']);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await corral(['rm', '/w/a']);
    expect((await watching).code).toBe(0);
    const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events[0]).toMatchObject({ type: 'created', path: '/w/a', data: 'on', version: 0 });
    expect(events.at(-1)).toMatchObject({ type: 'deleted', path: '/w/a' });
  });

  it('keeps an ephemeral node until it is interrupted', async () => {
    const controller = new AbortController();
    let seen = 0;
    const onOut = (): void => {
      void corral(['stat', '/e']).then(({ code }) => {
        seen = code;
        controller.abort();
      });
    };
    expect((await corral(['create', '/e', '-m', 'ephemeral'], { interrupted: controller.signal, onOut })).code).toBe(0);
    expect(seen).toBe(0);
    expect((await corral(['stat', '/e'])).code).toBe(5);
  });
});

describe('the help', () => {
  it('shows examples for every command, with options that it has', async () => {
    const names = [...(await cliReference()).matchAll(/^### corral (.*)$/gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(70);
    // The shell prints the help of zkCli.
    for (const name of names.filter((one) => one !== 'cli')) {
      const { out } = await corral([...name.split(' '), '--help']);
      const [text, shown = ''] = out.split('Examples:\n');
      expect(shown, `corral ${name} --help`).toContain(`$ corral ${name.split(' ')[0]}`);
      if (text.includes('Commands:')) continue;
      // What belongs to another command, stands in quotes, or follows the examples.
      const own = shown.split('\n\n')[0].replaceAll(/ -- .*| \| .*|"[^"]*"|'[^']*'/g, '');
      for (const [, option] of own.matchAll(/ (--?[a-z][a-z-]*)/g))
        expect(text, `${option} of corral ${name}`).toMatch(new RegExp(`(^|[ ,])${option}\\b`, 'm'));
    }
  });

  it('tells who types what another tool would take where to go', async () => {
    expect(await corral(['nonsense'])).toMatchObject({ code: 2, err: expect.stringContaining('--help lists') });
    expect((await corral(['queue', 'nonsense'])).err).toContain('corral queue --help lists its commands');
    const { code, err } = await corral(['deleteall', '/a']);
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('corral rm -r is the command') });
  });
});

describe('a file that cannot be opened', () => {
  it('is a mistake on the command line, told without system calls', async () => {
    expect(await corral(['export', '/', '-f', '/no/such/folder/x'])).toEqual({
      code: 2,
      out: '',
      err: 'corral: /no/such/folder/x: there is no such file or folder\n',
    });
  });
});

describe('output that cannot be written', () => {
  it('ends the program with one line and 1', () => {
    const bin = fileURLToPath(new URL('../bin/corral.js', import.meta.url));
    const onlyRead = openSync(bin, 'r');
    onTestFinished(() => closeSync(onlyRead));
    const { status, stderr } = spawnSync(process.execPath, [bin, 'explain'], { stdio: ['ignore', onlyRead, 'pipe'] });
    expect({ status, err: stderr.toString() }).toEqual({
      status: 1,
      err: expect.stringMatching(/^corral: what it found cannot be written: .*\n$/) as string,
    });
  });
});

describe('corral sim', () => {
  it('runs a seed and tells of it in one line, the same each time', async () => {
    const first = await corral(['sim', '--seed', '1']);
    expect(first.code).toBe(0);
    expect(first.out).toMatch(/^seed=1 tier=S verdict=pass trace=[0-9a-f]{16} .*knobs=voters=\d+,.*\n$/);
    expect(await corral(['sim', '--seed', '1'])).toEqual(first);
  });

  it('tells what every server does when it is asked to', async () => {
    const { out } = await corral(['sim', '--seed', '1', '--verbose']);
    expect(out).toMatch(/^\d+ [ABC] info leading: established/m);
  });

  it('refuses a seed that is no number and a knob that does not exist', async () => {
    expect((await corral(['sim', '--seed', 'x'])).code).toBe(2);
    const { code, err } = await corral(['sim', '--seed', '1', '--knobs', 'voter=3']);
    expect({ code, err }).toEqual({ code: 2, err: 'corral: no such knob: voter=3\n' });
  });
});
