// Moving trees: export, import, diff, sync, against a real server in this process.

import { startServer } from '@corral/testing';
import { describe, expect, it } from 'vitest';
import { parsePlace } from '../move/place.ts';
import { corralBesideServer } from '../testing/corral.ts';

const corral = corralBesideServer();

async function seed(top: string): Promise<void> {
  await corral(['create', '-p', `${top}/a`, 'one']);
  await corral(['create', `${top}/a/b`, 'two\n', '--acl', 'readOnly']);
  await corral(['create', `${top}/c`, '']);
}

describe('corral export and import', () => {
  it.each(['json', 'yaml', 'ndjson'])('bring a tree to a %s file and back', async (format) => {
    const top = `/e-${format}`;
    await seed(top);
    const exported = await corral(['export', top, '--as', format]);
    expect(exported).toMatchObject({ code: 0, err: '4 nodes exported\n' });
    const files = { file: exported.out };
    expect((await corral(['import', 'file', `${top}-2`, '-n'], { files })).out).toContain(`create ${top}-2/a/b\n`);
    expect((await corral(['stat', `${top}-2`])).code).toBe(5);
    expect((await corral(['import', 'file', `${top}-2`], { files })).err).toContain('4 changes');
    expect(await corral(['diff', top, `${top}-2`, '--acl'])).toMatchObject({ code: 0, out: '' });
    expect(await corral(['diff', top, 'file', '--acl'], { files })).toMatchObject({ code: 0, out: '' });
  });

  it('keep bytes that are no text', async () => {
    await corral(['create', '/bytes', '-'], { stdin: '' });
    const files = { bytes: '{"corral":1,"root":"/","nodes":[{"path":"/bytes","data":"/wD+","encoding":"base64"}]}' };
    expect((await corral(['import', 'bytes', '/', '--on-conflict', 'overwrite'], { files })).code).toBe(0);
    expect((await corral(['export', '/bytes'])).out).toContain('"data": "/wD+",\n      "encoding": "base64"');
  });

  it('call the top by nothing or by /', async () => {
    for (const top of ['', '/']) {
      const files = { file: JSON.stringify({ corral: 1, root: '/', nodes: [{ path: top, data: 'x' }] }) };
      expect((await corral(['import', 'file', `/top${top.length}`], { files })).code).toBe(0);
      expect((await corral(['get', `/top${top.length}`])).out).toBe('x');
    }
  });

  it('meet other data as they are told, and prune only when asked', async () => {
    await seed('/m');
    const files = { file: (await corral(['export', '/m'])).out };
    await corral(['set', '/m/c', 'changed']);
    await corral(['create', '/m/d', 'extra']);
    const refused = await corral(['import', 'file', '/m'], { files });
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('--on-conflict') as string });
    expect((await corral(['import', 'file', '/m', '--on-conflict', 'skip'], { files })).code).toBe(0);
    expect((await corral(['get', '/m/c'])).out).toBe('changed');
    await corral(['import', 'file', '/m', '--on-conflict', 'overwrite', '--prune'], { files });
    expect((await corral(['ls', '-R', '/m'])).out).toBe('/m/a\n/m/a/b\n/m/c\n');
    expect((await corral(['get', '/m/c'])).out).toBe('');
  });

  it('refuse what is no export', async () => {
    for (const text of ['{}', '{"corral":2,"nodes":[]}', 'just text', '{"corral":1,"nodes":[{"path":"a"}]}', '{']) {
      expect((await corral(['import', 'file'], { files: { file: text } })).code, text).toBe(2);
    }
    expect((await corral(['export', '/none'])).code).toBe(5);
  });

  it('write nothing when one path of the file leads elsewhere', async () => {
    for (const path of ['/../out', '/a/../../out', '/./a', '//a', 'a', '/a/', '/\u0000', '/\u001b[2J']) {
      const nodes = [{ path: '/fine' }, { path }];
      const files = { file: JSON.stringify({ corral: 1, root: '/', nodes }) };
      expect((await corral(['import', 'file', '/into'], { files })).code, path).toBe(2);
    }
    expect((await corral(['stat', '/into'])).code).toBe(5);
  });
});

describe('corral diff and sync', () => {
  it('show what differs, and take it away', async () => {
    await seed('/x');
    await seed('/y');
    await corral(['set', '/y/a', 'uno']);
    await corral(['rm', '/y/c']);
    await corral(['create', '/y/d', 'x']);
    const differs = await corral(['diff', '/x', '/y']);
    expect(differs).toEqual({
      code: 1,
      out: '~ /a\n  - "one"\n  + "uno"\n- /c  ""\n+ /d  "x"\n',
      err: 'corral: 3 differences\n',
    });
    expect((await corral(['sync', '/x', '/y', '-n'])).err).toBe('3 changes\n');
    expect((await corral(['sync', '/x', '/y', '--keep'])).err).toBe('2 changes\n');
    expect((await corral(['sync', '/x', `127.0.0.1:${corral.port}/y`])).err).toBe('1 change\n');
    expect((await corral(['diff', '/x', '/y'])).code).toBe(0);
    expect((await corral(['sync', '/none', '/y', '-y'])).code).toBe(2);
  });

  it('follow changes until interrupted', async () => {
    await seed('/live');
    const controller = new AbortController();
    const onErr = (text: string): void => {
      // The first turn is done when it says how much it changed.
      if (text === '4 changes\n') void corral(['set', '/live/c', 'news']);
      if (text === '1 change\n') controller.abort();
    };
    const following = corral(['sync', '/live', '/copy', '--watch', '-y'], { interrupted: controller.signal, onErr });
    expect((await following).code).toBe(0);
    expect((await corral(['get', '/copy/c'])).out).toBe('news');
  });

  it('go on following when the other side was away', async () => {
    await using target = await startServer({ tcp: true, leaks: 'ignore' });
    const place = `${target.connectString}/copy`;
    await seed('/away');
    const controller = new AbortController();
    let stopped = Promise.resolve();
    let started: Promise<void> | undefined;
    const onErr = (text: string): void => {
      if (text === '4 changes\n') {
        stopped = target.stop();
        void stopped.then(() => corral(['set', '/away/c', 'news']));
      }
      if (text.includes('trying again')) started ??= target.start();
      if (text === '1 change\n') controller.abort();
    };
    const following = corral(['sync', '/away', place, '--watch', '-y'], { interrupted: controller.signal, onErr });
    expect((await following).code).toBe(0);
    await Promise.all([stopped, started]);
    expect(started).toBeDefined();
    expect(new TextDecoder().decode((await (await target.connect()).get('/copy/c')).data)).toBe('news');
  });

  it('know a path, a server and a file apart', () => {
    expect(parsePlace('/a/b')).toEqual({ kind: 'tree', server: null, path: '/a/b' });
    expect(parsePlace('zk://h1,h2/app')).toEqual({ kind: 'tree', server: 'zk://h1,h2', path: '/app' });
    expect(parsePlace('h1:2181,h2:2182/app/')).toEqual({ kind: 'tree', server: 'h1:2181,h2:2182', path: '/app' });
    expect(parsePlace('h1:2181')).toEqual({ kind: 'tree', server: 'h1:2181', path: '/' });
    expect(parsePlace('backup.json')).toEqual({ kind: 'file', file: 'backup.json', top: '/' });
    expect(parsePlace('dir/backup.json')).toEqual({ kind: 'file', file: 'dir/backup.json', top: '/' });
    expect(parsePlace('file:/tmp/snapshot.1f#/app')).toEqual({ kind: 'file', file: '/tmp/snapshot.1f', top: '/app' });
  });
});

describe('a copy by somebody who sees access lists with masked hashes', () => {
  const owner = ['--auth', 'digest:bob:b'];
  const rule = (id: string): object => ({ scheme: 'digest', id, perms: 'cdrwa' });

  async function secret(top: string): Promise<void> {
    await corral(['create', top, '']);
    await corral(['create', `${top}/open`, 'x']);
    await corral(['create', `${top}/secret`, 's', ...owner, '--acl', 'auth::cdrwa,world:anyone:r']);
    await corral(['create', `${top}/secret/deep`, 's', ...owner, '--acl', 'auth::cdrwa,world:anyone:r']);
  }

  it('is refused before anything is written, with the paths, in every command that writes lists', async () => {
    await secret('/from');
    await corral(['create', '/to', '']);
    const hashed = JSON.stringify({ corral: 1, root: '/', nodes: [{ path: '/m', acl: [rule('bob:x')] }] });
    const lines = [
      ['export', '/from'],
      ['cp', '-r', '/from', '/to/cp'],
      ['mv', '-r', '-y', '/from', '/to/mv'],
      ['sync', '/from', '/to/sync'],
      ['sync', '--acl', '/from', '/to/sync'],
    ];
    for (const line of lines) {
      const { code, out, err } = await corral(line);
      expect({ line, code, out }).toEqual({ line, code: 4, out: '' });
      expect(err).toContain('  /from/secret\n  /from/secret/deep\n');
      expect(err).toContain('--no-acl');
    }
    const file = await corral(['import', 'file', '/to/import'], { files: { file: hashed } });
    expect(file).toMatchObject({ code: 4, err: expect.stringContaining('/to/import/m') as string });
    expect((await corral(['ls', '-R', '/to'])).out).toBe('');
  });

  it('is made for the owner, or without access lists', async () => {
    await secret('/own');
    await corral(['create', '/kept', '']);
    expect((await corral(['cp', '-r', '/own', '/kept/cp', ...owner])).code).toBe(0);
    expect((await corral(['set', '/kept/cp/secret', 'mine', ...owner])).code).toBe(0);
    expect((await corral(['set', '/kept/cp/secret', 'not mine'])).code).toBe(4);
    const exported = await corral(['export', '/own', '--no-acl']);
    const files = { file: exported.out };
    const lines = [
      ['import', 'file', '/kept/import'],
      ['cp', '-r', '/own', '/kept/open', '--no-acl'],
      ['sync', '--no-acl', '/own', '/kept/sync'],
    ];
    for (const line of lines) expect((await corral(line, { files })).code, line.join(' ')).toBe(0);
    for (const name of ['import', 'open', 'sync'])
      expect((await corral(['acl', 'get', `/kept/${name}/secret/deep`])).out).toBe('world:anyone:cdrwa\n');
    // Data alone needs no list.
    await corral(['set', '/kept/cp/open', 'newer']);
    expect((await corral(['sync', '/own', '/kept/cp', ...owner])).code).toBe(0);
    expect((await corral(['sync', '/own', '/kept/cp', '-n'])).code).toBe(0);
  });

  it('cannot be compared: neither the same nor another', async () => {
    await secret('/left');
    await corral(['cp', '-r', '/left', '/right', ...owner]);
    expect((await corral(['diff', '--acl', '/left', '/right', ...owner])).code).toBe(0);
    const found = await corral(['diff', '--acl', '/left', '/right']);
    expect(found).toMatchObject({ code: 1, err: 'corral: 2 differences\n' });
    expect(found.out).toMatch(/^\? \/secret {2}cannot tell: .*\n\? \/secret\/deep {2}cannot tell: .*\n$/);
    await corral(['acl', 'set', '/right/secret', 'auth::cdrwa,world:anyone:cr', ...owner]);
    expect((await corral(['diff', '--acl', '/left', '/right'])).out).toContain('~ /secret\n');
  });

  it('does not begin with a mask that somebody has copied', async () => {
    for (const line of [
      ['acl', 'set', '/', 'digest:bob:x:cdrwa'],
      ['acl', 'add', '/', 'digest:bob:x:r'],
      ['create', '/mask', '', '--acl', 'digest:bob:x:cdrwa'],
    ])
      expect(await corral(line)).toMatchObject({ code: 2, err: expect.stringContaining('mask') as string });
  });
});
