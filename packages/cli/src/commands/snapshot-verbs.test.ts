// Snapshots of a running server: saved, compared with what came later, restored whole and in part.

import { mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { corralBesideServer } from '../testing/corral.ts';
import type { Ran } from '../testing/corral.ts';

const corral = corralBesideServer({
  'admin.enableServer': true,
  'admin.serverAddress': '127.0.0.1',
  'admin.serverPort': 0,
  'admin.rateLimiterIntervalInMS': 0,
  extendedTypesEnabled: true,
});
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'corral-snapshots-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const admin = (): string[] => ['--admin', new URL(corral.server.adminUrls[0]).host];
const save = async (): Promise<string> => (await corral(['snapshot', 'save', folder, ...admin()])).out.trim();

describe('corral snapshot', () => {
  it('saves what a server holds, and tells what has changed since', async () => {
    await corral(['create', '-p', '/app/config', 'on']);
    await corral(['create', '/app/gone', 'x']);
    await corral(['create', '/app/lease', 'x', '-m', 'ttl', '--ttl', '1h']);
    const before = await save();
    expect(before).toMatch(/\/snapshot\.[0-9a-f]+$/);
    await corral(['set', '/app/config', 'off']);
    await corral(['rm', '/app/gone']);
    const after = await save();
    const found = await corral(['snapshot', 'diff', before, after]);
    expect(found).toMatchObject({ code: 1, err: 'corral: 2 differences\n' });
    expect(found.out).toBe('~ /app/config\n  - "on"\n  + "off"\n- /app/gone  "x"\n');
    expect(await corral(['diff', `file:${after}#/app`, '/app'])).toEqual({ code: 0, out: '', err: '' });
    const parts = JSON.parse((await corral(['du', `file:${before}#/app`, '-o', 'json'])).out) as object[];
    expect(parts[0]).toEqual({ path: '/app', bytes: 4, nodes: 4 });
    expect(parts).toContainEqual({ path: '/app/config', bytes: 2, nodes: 1 });
    expect((await corral(['export', `file:${before}#/app/lease`])).out).toContain('"type": "ttl"');
    expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('restores a part of it through a client, and all of it through the AdminServer when told to', async () => {
    await corral(['create', '-p', '/shop/till', 'open']);
    const saved = await save();
    await corral(['rm', '-r', '-y', '/shop']);
    expect((await corral(['sync', `file:${saved}#/shop`, '/shop'])).code).toBe(0);
    expect((await corral(['get', '/shop/till'])).out).toBe('open');
    await corral(['set', '/shop/till', 'closed']);
    const asked = await corral(['snapshot', 'restore', saved, ...admin()]);
    expect(asked).toMatchObject({ code: 2, err: expect.stringContaining('confirm with -y') as string });
    expect((await corral(['get', '/shop/till'])).out).toBe('closed');
    expect((await corral(['snapshot', 'restore', saved, '-y', ...admin()])).out).toContain('nodes restored');
    expect((await corral(['get', '/shop/till'])).out).toBe('open');
  });

  it('does not touch a server with a damaged file, nor the disk without an answer', async () => {
    const saved = await save();
    await truncate(saved, 100);
    expect(await corral(['snapshot', 'restore', saved, '-y', ...admin()])).toMatchObject({ code: 2 });
    expect(await corral(['diff', `file:${saved}`, '/'])).toMatchObject({ code: 2 });
    const target = join(folder, 'other');
    const codes = async (...lines: string[][]): Promise<number[]> => {
      const ran: Ran[] = [];
      for (const line of lines) ran.push(await corral(['snapshot', ...line]));
      return ran.map(({ code }) => code);
    };
    expect(
      await codes(
        ['save', target, '--admin', '127.0.0.1:1'],
        ['save', target, ...admin(), '--auth', 'bogus:x'],
        ['save', '/no/such/folder/x', ...admin()],
        ['restore', target, ...admin()],
      ),
    ).toEqual([3, 4, 2, 2]);
    expect(await readdir(folder)).not.toContain('other');
  });

  it('saves under a number and no other name, whatever the answer says', async () => {
    await corral(['create', '/k', '\nkey of a stranger\n']);
    const genuine = await readFile(await save());
    const secret = join(folder, 'secret');
    const into = join(folder, 'into');
    await mkdir(into);
    await writeFile(secret, 'mine');
    for (const told of [
      '/../../secret',
      '../secret',
      '0x1/../../secret',
      '0x',
      '1',
      '0x1g',
      '0x11111111111111111',
      undefined,
    ]) {
      const server = createServer((_request, response) => {
        response.writeHead(200, told === undefined ? {} : { last_zxid: told });
        response.end(genuine);
      });
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      onTestFinished(() => void server.close());
      const at = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { code, err } = await corral(['snapshot', 'save', into, '--admin', at]);
      expect({ told, code, err }).toMatchObject({ code: 1, err: expect.stringContaining('not a zxid') as string });
    }
    expect(await readFile(secret, 'utf8')).toBe('mine');
    expect(await readdir(into)).toEqual([]);
  });

  it('replaces no file, link or folder that is there, but when told to', async () => {
    await corral(['create', '/once-more']);
    const saved = await save();
    expect(await save()).toBe(saved);
    const link = join(folder, 'link');
    await symlink(join(folder, 'nowhere'), link);
    await writeFile(saved, 'mine');
    for (const target of [folder, saved, link]) {
      const { code, err } = await corral(['snapshot', 'save', target, ...admin()]);
      expect({ target, code, err }).toMatchObject({ code: 2, err: expect.stringContaining('--force') as string });
    }
    expect(await readFile(saved, 'utf8')).toBe('mine');
    expect((await corral(['snapshot', 'save', saved, '--force', ...admin()])).code).toBe(0);
    expect((await corral(['snapshot', 'inspect', saved])).code).toBe(0);
    expect((await stat(saved)).mode & 0o777).toBe(0o600);
    expect((await readdir(folder)).filter((name) => name.includes('.part'))).toEqual([]);
  });
});
