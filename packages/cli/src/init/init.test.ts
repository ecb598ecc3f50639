// What `corral init` writes, and that the folder deploy holds what the same templates make. After a change of a template:
// npx vitest run packages/cli/src/init -u

import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseMember } from '@corral/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../run.ts';
import { deployFiles } from './files.ts';

const deploy = fileURLToPath(new URL('../../../../deploy', import.meta.url));
let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'corral-init-'));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function init(...args: readonly string[]) {
  let out = '';
  let err = '';
  const code = await run(['init', '--dir', dir, ...args], {
    env: {},
    stdout: { write: (text) => (out += String(text)) },
    stderr: { write: (text) => (err += text) },
    stdin: Object.assign(Readable.from([]) as AsyncIterable<string>, { isTTY: false }),
    readFile: () => Promise.reject(new Error('nothing to read')),
    interrupted: () => new AbortController().signal,
  });
  return { code, out, err };
}
const text = (...path: string[]): Promise<string> => readFile(join(dir, ...path), 'utf8');

describe('corral init', () => {
  it('writes a folder per machine, with the same members in each', async () => {
    const { code, out, err } = await init(
      '--ensemble',
      '3',
      '--observers',
      '1',
      '--hosts',
      'zk1,zk2,10.0.0.3,[fd00::4]',
    );
    expect({ code, err }).toEqual({ code: 0, err: `Next steps: ${join(dir, 'README.txt')}\n` });
    const written = await readdir(dir, { recursive: true, withFileTypes: true });
    expect(out.trimEnd().split('\n')).toHaveLength(written.filter((entry) => entry.isFile()).length);
    const lines = async (id: number): Promise<string[]> =>
      (await text(`server-${id}`, 'zoo.cfg')).split('\n').filter((line) => line.startsWith('server.'));
    expect(await lines(1)).toEqual([
      'server.1=zk1:2888:3888:participant;0.0.0.0:2181',
      'server.2=zk2:2888:3888:participant;0.0.0.0:2181',
      'server.3=10.0.0.3:2888:3888:participant;0.0.0.0:2181',
      'server.4=[fd00::4]:2888:3888:observer;0.0.0.0:2181',
    ]);
    for (const line of await lines(4)) parseMember(Number(line[7]), line.slice(9));
    expect(await lines(4)).toEqual(await lines(1));
    expect(await text('server-4', 'zoo.cfg')).toContain('peerType=observer');
    expect(await text('server-2', 'data', 'myid')).toBe('2\n');
  });

  it('lets voters begin a new ensemble, in the place of the log, and observers not', async () => {
    await init('--ensemble', '3', '--observers', '1', '--data-log-dir', '/log');
    expect(await readdir(join(dir, 'server-1', 'data-log'))).toEqual(['initialize']);
    expect(await readdir(join(dir, 'server-4'))).not.toContain('data-log');
    expect(await text('server-1', 'corral.service')).toContain('ReadWritePaths=/var/lib/corral /log\n');
  });

  it('overwrites nothing unless told to', async () => {
    await init('--ensemble', '3');
    await writeFile(join(dir, 'server-1', 'zoo.cfg'), 'mine');
    expect(await init('--ensemble', '3')).toMatchObject({ code: 2, err: expect.stringContaining('--force') });
    expect(await text('server-1', 'zoo.cfg')).toBe('mine');
    expect((await init('--ensemble', '3', '--force')).code).toBe(0);
    expect(await text('server-1', 'zoo.cfg')).not.toBe('mine');
  });

  it.each([
    ['--ensemble 1', 'survives nothing'],
    ['--ensemble three', 'expected a number'],
    ['--ensemble 3 --hosts a,b', 'names 2, but there are 3'],
    ['--ensemble 3 --hosts a,b,a', 'a is there twice'],
    ['--ensemble 3 --hosts a,b,c:2181', 'without ports'],
    ['--ensemble 3 --hosts a,b,localhost', 'npm run ensemble'],
    ['--ensemble 3 --hosts a,b,300.1.1.1', 'no IPv4 address'],
    ['--ensemble 3 --hosts a,b,c_$', 'neither a host name'],
    ['--ensemble 3 --client-port 70000', 'from 1 to 65535'],
    ['--ensemble 3 --quorum-port 2181', 'must differ'],
    ['--ensemble 3 --data-dir data', 'absolute path'],
    ['--ensemble 3 --user root', 'other than root'],
  ])('refuses %s', async (args, message) => {
    expect(await init(...args.split(' '))).toMatchObject({ code: 2, err: expect.stringContaining(message) });
    expect(await readdir(dir)).toEqual([]);
  });

  it('tells of names it made up and of even numbers', async () => {
    const { err } = await init('--ensemble', '4');
    expect(err).toContain('made up');
    expect(err).toContain('no more failures than 3');
  });

  it('lets servers rewrite their configuration only when members may change', async () => {
    await init('--ensemble', '3', '--reconfig');
    expect(await text('server-1', 'zoo.cfg')).toContain('reconfigEnabled=true');
    expect(await text('server-1', 'corral.service')).toContain('ReadWritePaths=/var/lib/corral /etc/corral\n');
    expect(await text('kubernetes', 'corral.yaml')).toContain('cp /etc/corral/zoo.cfg /data/conf/zoo.cfg');
  });
});

it('the folder deploy holds what the templates make', async () => {
  for (const [name, content] of deployFiles()) await expect(content).toMatchFileSnapshot(join(deploy, name));
});
