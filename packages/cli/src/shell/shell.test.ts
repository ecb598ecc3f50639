// The compatible shell's parts, and whole sessions against a server in this process. That its output is zkCli's, byte for
// byte, is for `npm run test:interop -- --only shell`.

import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { startServer } from '@corral/server';
import type { RunningServer } from '@corral/server';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { run } from '../run.ts';
import { complete } from './completion.ts';
import { Link } from './link.ts';
import { parseOptions } from './options.ts';
import { dateText, hexDump, parseAcl, pathComplaint } from './texts.ts';
import { tokens } from './tokens.ts';

let dataDir = '';
let server: RunningServer | undefined;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'corral-shell-'));
  server = await startServer({ clientPort: 0, dataDir, tickTime: 1000 });
});
afterAll(async () => {
  await server?.stop();
  await rm(dataDir, { recursive: true, force: true });
});

async function shell(args: readonly string[], typed: readonly string[] = []) {
  let [out, err] = ['', ''];
  async function* stdin() {
    yield Promise.resolve(typed.map((line) => `${line}\n`).join(''));
  }
  const code = await run(['cli', '-server', `127.0.0.1:${server!.port}`, '-waitforconnection', ...args], {
    env: {},
    stdout: { write: (text) => (out += Buffer.from(text as string).toString()) },
    stderr: { write: (text) => (err += text) },
    stdin: stdin(),
    readFile: () => Promise.reject(new Error('no files here')),
    interrupted: () => new AbortController().signal,
  });
  const said = out.replaceAll(/\[zk: \S+\(\w+\) \d+\] /g, '').split('\n');
  return { code, out: said.filter((line) => line !== ''), err: err.split('\n').filter((line) => line !== '') };
}

const events = (out: readonly string[]): string[] => out.filter((line) => line.startsWith('WatchedEvent state:Sync'));

describe('a line', () => {
  it('is split into words, with quotes around whole words only', () => {
    expect(tokens(`create /a "two words" 'it"s' x"y z"`)).toEqual(['create', '/a', 'two words', 'it"s', 'x"y', 'z"']);
    expect(tokens('  ')).toEqual([]);
    expect(tokens('set /a ""')).toEqual(['set', '/a', '']);
  });

  it('has options in bunches, with values glued on or behind, anywhere', () => {
    const table = { s: 'flag', R: 'flag', v: 'value', add: 'value' } as const;
    const read = (...args: string[]) => {
      const given = parseOptions(args, table);
      return {
        words: given.words,
        s: given.has('s'),
        R: given.has('R'),
        v: given.value('v'),
        add: given.values('add'),
      };
    };
    const nothing = { words: [], s: false, R: false, v: undefined, add: [] };
    expect(read('-sR', '/a')).toEqual({ ...nothing, s: true, R: true, words: ['/a'] });
    expect(read('/a', '-v', '-1', '-s')).toEqual({ ...nothing, s: true, v: '-1', words: ['/a'] });
    expect(read('-v7', '-add', 'x', '-add', 'y')).toEqual({ ...nothing, v: '7', add: ['x', 'y'] });
    expect(read('-v=7', '--', '-s')).toEqual({ ...nothing, v: '7', words: ['-s'] });
    expect(() => read('-x')).toThrow('Unrecognized option: -x');
    expect(() => read('-v')).toThrow('Missing argument for option: v');
    expect(() => read('-v', '-s')).toThrow('Missing argument for option: v');
  });
});

describe('a text', () => {
  it('of a date is as Java prints it, in the zone that it is asked for', () => {
    const moment = new Date(Date.UTC(2026, 0, 5, 0, 4, 3));
    expect(dateText(moment, 'UTC')).toBe('Mon Jan 05 00:04:03 UTC 2026');
    expect(dateText(moment, 'Europe/Berlin')).toBe('Mon Jan 05 01:04:03 CET 2026');
  });

  it('of bytes has sixteen columns', () => {
    const lines = hexDump(Buffer.from('0123456789abcdef\n')).split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[4]).toBe('|00000010| 0a                                              |.               |');
    expect(hexDump(new Uint8Array(0))).toBe('');
  });

  it('says what is wrong with a path', () => {
    expect(pathComplaint('/a/b')).toBeUndefined();
    expect(pathComplaint('/a/.b/..c')).toBeUndefined();
    expect(pathComplaint('/a/./b')).toContain('relative paths not allowed @3');
    expect(pathComplaint('/a\u0001')).toContain('invalid character @2');
  });

  it('of an access list may have colons in the id', () => {
    const said: string[] = [];
    expect(parseAcl('digest:a:b=:cd,world:anyone:q', (line) => said.push(line))).toEqual([
      { scheme: 'digest', id: 'a:b=', perms: 12 },
      { scheme: 'world', id: 'anyone', perms: 0 },
    ]);
    expect(said).toEqual(['Unknown perm type: q']);
    expect(parseAcl('open', () => undefined)).toBeNull();
  });
});

describe('corral cli', () => {
  it('runs one command and ends with its code', async () => {
    expect(await shell(['create', '/one', 'first'])).toMatchObject({ code: 0, err: ['Created /one'] });
    expect((await shell(['get', '/one'])).out.at(-1)).toBe('first');
    expect(await shell(['get', '/none'])).toMatchObject({ code: 1, err: ['Node does not exist: /none'] });
    expect((await shell(['nonsense'])).code).toBe(127);
  });

  it('reads commands until there are none, or quit; the last one decides the code', async () => {
    const { code, out, err } = await shell(
      [],
      ['create /two a', 'set -s /two b', 'get /two', 'get /none', 'quit', 'ls /'],
    );
    expect(code).toBe(1);
    expect(out).toContain('dataVersion = 1');
    expect(out).toContain('b');
    expect(err).toEqual(['Created /two', 'Node does not exist: /none']);
    expect((await shell([], ['get /none', 'ls /'])).code).toBe(0);
  });

  it('prints what its watches see, each event once however many watches see it', async () => {
    const { out } = await shell(
      [],
      ['create /w', 'get -w /w', 'addWatch /w', 'set /w x', 'removewatches /w', 'set /w y'],
    );
    expect(events(out).map((line) => line.replace(/zxid: \d+/, 'zxid: N'))).toEqual([
      'WatchedEvent state:SyncConnected type:None path:null zxid: -1',
      'WatchedEvent state:SyncConnected type:NodeDataChanged path:/w zxid: N',
      'WatchedEvent state:SyncConnected type:PersistentWatchRemoved path:/w zxid: -1',
    ]);
    expect(events((await shell([], ['printwatches off', 'get -w /w', 'set /w z'])).out)).toHaveLength(1);
  });

  it('repeats commands and lists the last eleven', async () => {
    const { out } = await shell([], ['ls /zookeeper', 'redo 0', 'history', 'redo 9']);
    expect(out.filter((line) => line === '[config, quota]')).toHaveLength(2);
    expect(out.slice(-3)).toEqual(['0 - ls /zookeeper', '1 - ls /zookeeper', '2 - history']);
  });

  it('is not connected after close, and is again after connect', async () => {
    const { out } = await shell([], ['close', 'ls /', 'connect', 'ls /zookeeper']);
    expect(out).toContain('Not connected');
    expect(out.at(-1)).toBe('[config, quota]');
  });

  it('goes on where zkCli ends with a stack trace', async () => {
    const { code, out, err } = await shell([], ['set /two x -v x', 'addWatch two', 'redo x', 'ls /zookeeper']);
    expect(err).toEqual(['"x" is not a version', 'Path must start with / character', 'Command index out of range']);
    expect({ code, last: out.at(-1) }).toEqual({ code: 0, last: '[config, quota]' });
  });

  it('says that the connection is lost when no server answers, after one round', async () => {
    const { err } = await shell([], ['connect 127.0.0.1:1', 'ls /']);
    expect(err).toEqual(['KeeperErrorCode = ConnectionLoss for /']);
  });

  it('sets, shows and removes quotas', async () => {
    const lines = [
      'create /q x',
      'create /q/a xyz',
      'setquota -n 1 /q',
      'listquota /q',
      'setquota -b 9 /q/a',
      'delquota /q',
    ];
    const { out, err } = await shell([], [...lines, 'listquota /q', 'ls /zookeeper/quota']);
    expect(out).toContain('[Warning]: the count quota you create is less than the existing count:2');
    expect(out).toContain('Output quota for /q count=1,bytes=-1=;byteHardLimit=-1;countHardLimit=-1');
    expect(err).toContain('/q/a has a parent /q which has a quota');
    expect(err).toContain('quota for /q does not exist.');
    expect(out.at(-1)).toBe('[]');
  });
});

describe('a terminal', () => {
  it('has prompts, and a history for the next time without what is secret', async () => {
    const input = new PassThrough();
    const output = new PassThrough();
    let shown = '';
    output.on('data', (chunk: Buffer) => (shown += chunk.toString()));
    const file = join(dataDir, 'history');
    const running = run(['cli', '-server', `127.0.0.1:${server!.port}`, '-waitforconnection'], {
      env: { CORRAL_HISTORY: file },
      stdout: output,
      stderr: output,
      stdin: input,
      terminal: { input, output },
      readFile: () => Promise.reject(new Error('no files here')),
      interrupted: () => new AbortController().signal,
    });
    for (const line of ['addauth digest gil:secret', 'create /typed', 'ls /zookeeper', 'quit']) {
      const before = shown.length;
      input.write(`${line}\r`);
      await vi.waitUntil(() => line === 'quit' || /\(CONNECTED\) \d+\] $/.test(strip(shown.slice(before))), {
        timeout: 300_000,
      });
    }
    expect(await running).toBe(0);
    expect(shown).toContain('Created /typed');
    expect(shown).toContain('[config, quota]');
    expect(await readFile(file, 'utf8')).toBe('quit\nls /zookeeper\ncreate /typed\n');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });
});

/** Without the codes that move the cursor. */
const strip = (text: string): string => text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, '');

describe('the Tab key', () => {
  it('completes commands, then paths', async () => {
    const options = { server: `127.0.0.1:${server!.port}`, sessionTimeout: 5000, readOnly: false, tls: undefined };
    const link = new Link(options, () => undefined);
    expect(await complete('getA', link)).toEqual([['getAcl ', 'getAllChildrenNumber '], 'getA']);
    expect(await complete('ls -s /zoo', link)).toEqual([['/zookeeper'], '/zoo']);
    expect(await complete('get /zookeeper/c', link)).toEqual([['/zookeeper/config'], '/zookeeper/c']);
    expect(await complete('ls x', link)).toEqual([[], 'x']);
    await link.close();
  });
});
