// Commands on whole data directories: import-zk, purge, doctor --fix.

import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startServer } from '@corral/server';
import { corralBesideServer } from '../testing/corral.ts';

const corral = corralBesideServer();
const golden = fileURLToPath(new URL('../../../server/test-data/golden', import.meta.url));
const healthy = path.join(golden, 'apache-3.8.0-standalone');
let folder: string;
let data: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(tmpdir(), 'corral-dirs-'));
  data = path.join(folder, 'data');
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const contentOf = (dir: string): [string, string][] =>
  fs
    .readdirSync(dir)
    .toSorted()
    .map((name) => [name, fs.readFileSync(path.join(dir, name)).toString('base64')]);

describe('corral import-zk', () => {
  it('copies what a server needs, and nothing of the original changes', async () => {
    const before = contentOf(path.join(healthy, 'version-2'));
    const dry = await corral(['import-zk', healthy, data, '--dry-run']);
    expect(dry).toMatchObject({ code: 0, err: '8 files, as of 0x461; nothing was copied\n' });
    expect(fs.existsSync(data)).toBe(false);
    const { code, err } = await corral(['import-zk', healthy, data]);
    expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining(`corral server --data-dir ${data}`) });
    expect(contentOf(path.join(data, 'version-2'))).toEqual(before);
    expect(contentOf(path.join(healthy, 'version-2'))).toEqual(before);
    const server = await startServer({ clientPort: 0, dataDir: data });
    expect((await corral(['count', '/', '-s', `127.0.0.1:${server.port}`])).out).toBe('1047\n');
    await server.stop();
  });

  it('refuses what is damaged, empty, or in use', async () => {
    const damaged = path.join(golden, 'damaged/flipped-payload-byte');
    expect(await corral(['import-zk', damaged, data])).toMatchObject({
      code: 1,
      err: expect.stringContaining('corral doctor --data-dir') as string,
    });
    expect((await corral(['import-zk', folder, data])).err).toContain('holds no data of ZooKeeper');
    expect((await corral(['import-zk', path.join(folder, 'none'), data])).err).toContain('does not exist');
    expect(fs.existsSync(data)).toBe(false);
    expect((await corral(['import-zk', healthy, damaged])).err).toContain('is in use');
  });
});

describe('corral purge', () => {
  it('deletes what three good snapshots make unnecessary, after asking', async () => {
    fs.cpSync(healthy, data, { recursive: true });
    const names = (): string[] => fs.readdirSync(path.join(data, 'version-2'));
    const all = names();
    expect(await corral(['purge', data, '-n'])).toMatchObject({
      code: 0,
      out: `${path.join(data, 'version-2/snapshot.0')}\n`,
      err: '1 file would be deleted\n',
    });
    expect((await corral(['purge', data])).code).toBe(2);
    expect((await corral(['purge', data, '--keep', '1', '-y'])).code).toBe(2);
    expect(names()).toEqual(all);
    expect((await corral(['purge', data, '-y'])).code).toBe(0);
    expect(all.filter((name) => !names().includes(name))).toEqual(['snapshot.0']);
    expect((await corral(['purge', data, '-n'])).out).toBe('');
  });
});

describe('corral doctor --fix', () => {
  it('deletes leftovers of interrupted writes and nothing else, of a stopped server', async () => {
    fs.cpSync(healthy, data, { recursive: true });
    const before = contentOf(path.join(data, 'version-2'));
    const leftover = path.join(data, 'version-2/.tmp-snapshot.5.0a1b2c3d');
    fs.writeFileSync(leftover, 'x');
    expect((await corral(['doctor', '--data-dir', data, '--fix', '-n'])).out).toMatch(`would delete ${leftover}\n`);
    expect(fs.existsSync(leftover)).toBe(true);
    expect((await corral(['doctor', '--data-dir', data, '--fix'])).out).toMatch(`deleted ${leftover}\n`);
    expect(contentOf(path.join(data, 'version-2'))).toEqual(before);
    const server = await startServer({ clientPort: 0, dataDir: data });
    expect((await corral(['doctor', '--data-dir', data, '--fix'])).err).toContain('is in use by another server');
    await server.stop();
    expect((await corral(['doctor', '--fix'])).code).toBe(2);
  });
});

describe('corral doctor --config', () => {
  const review = async (...written: string[]) => {
    const file = path.join(folder, 'zoo.cfg');
    fs.writeFileSync(file, [`dataDir=${data}`, 'clientPort=2181', ...written, ''].join('\n'));
    return corral(['doctor', '--config', file]);
  };

  it('says of every key whether it is used', async () => {
    const { code, out } = await review('tickTime=2000', 'snapCount=5', 'sslQuorumReloadCertFiles=true');
    expect(code).toBe(0);
    expect(out).toMatch(/^ok {7}.*zoo\.cfg:3: tickTime=2000$/m);
    expect(out).toMatch(/^note {5}.*sslQuorumReloadCertFiles has no effect: /m);
    expect(fs.existsSync(data)).toBe(false);
  });

  it('ends with 1 when a server would not start with it', async () => {
    expect(await review('tickTime=soon')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^PROBLEM {2}.*zoo\.cfg:3: tickTime/) as string,
    });
  });
});
