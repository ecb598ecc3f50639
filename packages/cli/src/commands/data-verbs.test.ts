// The verbs on nodes, against a real server in this process.

import { describe, expect, it } from 'vitest';
import { corralBesideServer } from '../testing/corral.ts';

const corral = corralBesideServer();
const json = async (...args: string[]): Promise<unknown> => JSON.parse((await corral([...args, '-o', 'json'])).out);

describe('corral tree, find, grep, du, count', () => {
  it('show what is where', async () => {
    await corral(['create', '-p', '/s/db/host', 'db.example']);
    await corral(['create', '/s/db/port', '5432']);
    await corral(['create', '/s/web', 'x'.repeat(2000)]);
    await corral(['create', '/s/box', '', '-m', 'container']);
    expect((await corral(['tree', '/s'])).out).toBe('/s\n├─ box\n├─ db\n│  ├─ host\n│  └─ port\n└─ web\n');
    const { out } = await corral(['tree', '/s', '--depth', '1', '--stat']);
    expect(out).toBe('/s      3 below  0 B  v0\n├─ box  0 B  v0\n├─ db   2 below ▸  0 B  v0\n└─ web  2.0 kB  v0\n');
    expect((await corral(['find', '/s', '--name', '?o*'])).out).toBe('/s/box\n/s/db/host\n/s/db/port\n');
    expect((await corral(['find', '/s', '--type', 'ephemeral'])).out).toBe('');
    expect((await corral(['find', '/s', '--larger', '1k', '--newer', '1h'])).out).toBe('/s/web\n');
    expect((await corral(['find', '/s', '--older', '1h'])).out).toBe('');
    expect((await corral(['grep', 'EXAMPLE|^54', '/s', '-i'])).out).toBe('/s/db/host: db.example\n/s/db/port: 5432\n');
    expect((await corral(['grep', '-F', '-l', 'b.e', '/s'])).out).toBe('/s/db/host\n');
    expect((await corral(['grep', '(', '/s'])).code).toBe(2);
    expect(await json('du', '/s')).toMatchObject([
      { path: '/s', bytes: 2014, nodes: 6 },
      { path: '/s/web', bytes: 2000, nodes: 1 },
      { path: '/s/db', bytes: 14, nodes: 3 },
      { path: '/s/box', bytes: 0, nodes: 1 },
    ]);
    expect((await corral(['count', '/s'])).out).toBe('5\n');
  });

  it('print tables and yaml', async () => {
    expect((await corral(['du', '/zookeeper', '-o', 'table'])).out).toContain('│ /zookeeper/config │');
    expect((await corral(['ls', '/zookeeper', '-o', 'yaml'])).out).toContain('children:\n  - config\n  - quota\n');
    expect((await corral(['ls', '/zookeeper', '-o', 'ndjson'])).out).toBe('{"name":"config"}\n{"name":"quota"}\n');
  });
});

describe('corral cp, mv, touch, txn', () => {
  it('copy and move with everything that belongs to a node', async () => {
    await corral(['create', '-p', '/from/a', 'A', '--acl', 'world:anyone:rwcda']);
    await corral(['create', '/from/a/b', 'B', '-m', 'container']);
    expect((await corral(['cp', '/from', '/to'])).err).toContain('its 1 children stay behind');
    expect((await corral(['cp', '/from', '/to', '-r'])).code).toBe(6);
    expect((await corral(['cp', '/from', '/to', '-r', '--overwrite'])).code).toBe(0);
    expect((await corral(['mv', '/to', '/deep/er/to', '-r', '-p'])).code).toBe(2);
    expect((await corral(['mv', '/to', '/deep/er/to', '-r', '-p', '-y'])).err).toBe('3 moved\n');
    expect((await corral(['get', '/deep/er/to/a/b'])).out).toBe('B');
    expect((await corral(['stat', '/to'])).code).toBe(5);
    expect((await corral(['mv', '/deep', '/deep/er/er', '-r'])).code).toBe(2);
  });

  it('touch a node without changing its data', async () => {
    await corral(['touch', '-p', '/touched/a']);
    await corral(['set', '/touched/a', 'kept']);
    await corral(['touch', '/touched/a']);
    expect(await json('get', '/touched/a')).toMatchObject({ data: 'kept', stat: { version: 2 } });
  });

  it('make several writes or none', async () => {
    const lines = 'create /txn one\n# a note\n\nset /txn two 0\ncheck /txn 1\ncreate /txn/e x ephemeral\n';
    expect((await corral(['txn'], { stdin: lines })).out).toContain('ok set /txn two 0');
    expect((await corral(['get', '/txn'])).out).toBe('two');
    const refused = await corral(['txn', 'file'], { files: { file: 'set /txn three\ncheck /txn 7' } });
    expect(refused).toMatchObject({ code: 6, err: expect.stringContaining('operation 1') as string });
    expect((await corral(['get', '/txn'])).out).toBe('two');
    expect((await corral(['txn'], { stdin: 'sing /txn' })).code).toBe(2);
  });
});

describe('corral create -m ephemeral', () => {
  it('ends when the session does, and says that the node went with it', async () => {
    let creating: ReturnType<typeof corral> | undefined;
    await new Promise<void>((created) => {
      creating = corral(['create', '-m', 'ephemeral', '/with-session'], { onErr: () => created() });
    });
    const { ephemeralOwner } = (await json('stat', '/with-session')) as { ephemeralOwner: string };
    const { host } = corral.server.server;
    host.replica.pipeline.expireNow(BigInt(ephemeralOwner) as never);
    host.step({ kind: 'tick' });
    expect(await creating).toMatchObject({ code: 1, err: expect.stringContaining('SessionExpired') as string });
    expect((await corral(['stat', '/with-session'])).code).toBe(5);
  });
});

describe('corral acl, quota, edit', () => {
  it('show and change access lists', async () => {
    await corral(['create', '/acl']);
    expect((await corral(['acl', 'get', '/acl'])).out).toBe('world:anyone:cdrwa\n');
    const { out } = await corral(['acl', 'hash', 'gil:pw']);
    expect(out).toBe('digest:gil:l8xX2HG3WdWLVbuUdJalKDAVZXg=\n');
    await corral(['acl', 'add', '/acl', `${out.trim()}:cdrwa`]);
    expect((await corral(['acl', 'remove', '/acl', 'world:anyone'])).code).toBe(0);
    const refused = await corral(['set', '/acl', 'x']);
    expect(refused).toMatchObject({ code: 4, err: expect.stringContaining('--auth digest:user:password') as string });
    expect((await corral(['set', '/acl', 'x', '--auth', 'digest:gil:pw'])).code).toBe(0);
    expect((await corral(['acl', 'remove', '/acl', out.trim(), '--auth', 'digest:gil:pw'])).code).toBe(2);
    expect((await corral(['acl', 'set', '/acl', 'world:anyone:xyz'])).code).toBe(2);
  });

  it('set and show quotas', async () => {
    await corral(['create', '-p', '/quota/a', 'abc']);
    expect(await corral(['quota', 'get', '/quota'])).toMatchObject({ code: 5, err: 'corral: /quota has no quota\n' });
    expect((await corral(['quota', 'set', '/quota/none', '--nodes', '1'])).code).toBe(5);
    await corral(['quota', 'set', '/quota', '--nodes', '10', '--bytes', '1k']);
    await corral(['quota', 'set', '/quota', '--nodes', '20', '--hard']);
    expect(await json('quota', 'get', '/quota')).toEqual({
      path: '/quota',
      nodes: 10,
      bytes: 1000,
      hardNodes: 20,
      hardBytes: null,
      usedNodes: 2,
      usedBytes: 3,
    });
    expect((await corral(['quota', 'set', '/', '--nodes', '1'])).err).toContain('name a part of it');
    expect((await corral(['quota', 'set', '/quota/a', '--nodes', '1'])).err).toContain('has a parent /quota');
    expect((await corral(['quota', 'rm', '/quota'])).code).toBe(0);
    expect((await corral(['ls', '/zookeeper/quota'])).out).toBe('');
  });

  it('edit writes back what the editor left, unless somebody was faster', async () => {
    await corral(['create', '/edit', 'before']);
    const editor = (script: string) => ({ env: { EDITOR: `sh -c '${script}'` } });
    expect((await corral(['edit', '/edit'], editor('printf after > $0'))).err).toBe('/edit has version 1 now\n');
    expect((await corral(['edit', '/edit'], editor('true'))).err).toBe('nothing was changed\n');
    expect((await corral(['edit', '/edit'], editor('false'))).code).toBe(2);
    expect((await corral(['get', '/edit'])).out).toBe('after');
  });
});

describe('corral explain', () => {
  it('knows an error by any of its names', async () => {
    for (const name of ['NoAuth', 'NOAUTH', 'NoAuthException', 'noautherror']) {
      expect((await corral(['explain', name])).out).toContain('NoAuth (-102)');
    }
    expect((await corral(['explain', '--', '-101'])).out).toContain('NoNode');
    expect((await corral(['explain', 'Nonsense'])).code).toBe(2);
    expect((await corral(['explain'])).out).toContain('QuotaExceeded');
  });
});
