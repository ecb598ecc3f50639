// Every command, with names, data, access lists and answers of servers that want to steer the operator's terminal.

import { writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@corral/client';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeProgram } from './run.ts';
import { corralBesideServer } from './testing/corral.ts';

const evil = '\u001b]0;PWNED\u0007\u001b[31mred\u009b5m\u007f\u0008\u202egnp\u2028\rover\nFORGED line';
/** Servers refuse control characters in names; those that turn the text around they take. */
const evilName = 'name\u202egnp\u2028\u200f';

const corral = corralBesideServer({
  '4lw.commands.whitelist': '*',
  'admin.enableServer': true,
  'admin.serverAddress': '127.0.0.1',
  'admin.serverPort': 0,
  extendedTypesEnabled: true,
});
let folder = '';
let [word, admin] = ['', ''];
const stops: (() => unknown)[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'corral-hostile-'));
  const client = await connect(`127.0.0.1:${corral.port}`);
  stops.push(() => client.close());
  await client.create('/h', evil);
  await client.create(`/h/${evilName}`, evil);
  await client.create('/h/to', '');
  await client.create('/acl', '', {
    acl: [
      { scheme: 'world', id: 'anyone', perms: 31 },
      { scheme: 'digest', id: `${evilName}:x`, perms: 1 },
    ],
  });
  await client.create('/locks', '');
  await client.create('/locks/job', '');
  await client.create('/locks/job/_c_00000000-0000-0000-0000-000000000001-lock-', evil, {
    mode: 'ephemeralSequential',
  });
  await client.create(`/h/${evilName}/own`, evil, { mode: 'ephemeral' });
  await client.exists(`/h/${evilName}`, { watch: () => undefined });
  await corral(['queue', 'put', '/q', evil]);
  await corral(['queue', 'put', '/q', evil]);
  await corral(['queue', 'put', '/q', evil]);
  await corral(['export', '/h', '-f', join(folder, 'export.json')]);
  await corral(['snapshot', 'save', folder, '--admin', new URL(corral.server.adminUrls[0]).host]);
  writeFileSync(join(folder, 'txn'), `check /h/${evilName}\n`);
  await listen();
});

afterAll(async () => {
  for (const stop of stops) await stop();
  await rm(folder, { recursive: true, force: true });
});

/** A server that answers words, and one that answers HTTP, both with nothing but hostile text. */
async function listen(): Promise<void> {
  const lines = ['Zookeeper version', 'Mode', 'Zxid', 'clientPort', 'zk_version', 'Received'].map(
    (n) => `${n}: ${evil}`,
  );
  const words = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(`${lines.join('\n')}\n/watched${evil}\n\t0x1\n`));
  });
  const fields = {
    error: evil,
    version: evil,
    command: evil,
    last_zxid: evil,
    server_state: evil,
    from: evil,
    to: evil,
  };
  const pages = createHttpServer((request, response) => {
    const failed = request.url?.includes('snapshot') === true;
    response.writeHead(failed ? 500 : 200, { 'content-type': 'application/json' });
    const paths = { [`/watched${evil}`]: [1] };
    response.end(
      JSON.stringify({ ...fields, path_to_session_ids: paths, connections: [fields], server_stats: fields }),
    );
  });
  for (const server of [words, pages]) await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  [word, admin] = [words, pages].map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`);
  stops.push(
    () => words.close(),
    () => pages.close(),
  );
}

/** Command lines by the command that they are of. In the place of @ stands the hostile text itself. */
function linesOf(files: readonly string[]): string[][] {
  const logs = files.filter((name) => name.includes('log.'));
  const snapshot = files.find((name) => name.includes('snapshot.'))!;
  const node = `/h/${evilName}`;
  const asked = [
    'srvr', 'mntr', 'cons', 'conf', 'envi', 'ruok', 'wchs', 'watchers', 'sessions', 'top --count 1', 'ping --count 1',
    'doctor', 'cluster status',
  ].flatMap((line) => [`${line} -s ${word}`, `${line} --admin ${admin}`, line]); // prettier-ignore
  const split = [
    ...asked,
    `cluster decision 0x1 --admin ${admin}`,
    `cluster transfer-leader --admin ${admin}`,
    'cluster remove @',
    `snapshot save ${folder} --admin ${admin}`,
    `snapshot restore ${snapshot} -y --admin ${admin}`,
    `snapshot inspect ${snapshot} --nodes --sessions`,
    `snapshot diff ${snapshot} ${snapshot}`,
    `snapshot diff ${snapshot} ${join(folder, 'export.json')}`,
    ...logs.flatMap((file) => [`log dump ${file}`, `log verify ${file}`]),
    `trace /h --admin ${admin}`,
    `purge ${folder} -n`,
    `import-zk ${folder} ${join(folder, 'new')}`,
    'ls /h', 'ls -R /h', 'get /h', 'tree / --stat', 'find /', 'grep PWNED /', 'grep -l PWNED /', 'du /', 'count /h',
    'ephemerals', 'export /h', 'export /h --as yaml', 'stat /h', 'acl get /acl', 'acl hash @:pw', 'quota get /h',
    'diff /h /acl', 'diff /h /acl --acl', 'sync /h /h/to -n', 'lock /locks/job --list', 'semaphore /locks/job --list',
    'elect /locks/job --list', 'queue peek /q', 'queue take /q', 'queue size /q', 'queue dead /q', 'counter get /h',
    'context ls', 'completion bash', 'complete ls /h/', 'cheat', 'explain @', `cli -server 127.0.0.1:${corral.port} get /h`, `cli -server 127.0.0.1:${corral.port} getAcl /acl`,
    'sim --seed 1 --steps 10', 'dev --port 0', 'bench --seconds 1', 'edit /h', 'touch /h', 'cp /h /h2 -r', 'mv /h2 /h3 -r -y',
    'barrier raise /b', 'barrier lift /b', 'barrier wait /b', 'nonsense@',
  ].map((line) => line.split(' ').map((part) => part.replace('@', evil))); // prettier-ignore
  return [
    ...split,
    ['cluster', 'add', evil],
    ['cluster', 'reconfig', '--joining', evil],
    ['init', '--hosts', evil],
    ['import', join(folder, 'export.json'), '/copy'],
    ['import', join(folder, 'export.json'), '/copy2', '-n'],
    ['txn', join(folder, 'txn')],
    ['set', node, evil],
    ['get', node],
    ['create', `${node}/new`, evil],
    ['create', `/no${evil}`],
    ['rm', `${node}/new`],
    ['acl', 'set', '/acl', `digest:${evil}:r`],
    ['acl', 'add', '/acl', `digest:${evil}:r`],
    ['acl', 'remove', '/acl', `digest:${evil}`],
    ['quota', 'set', node, '--count', '1000'],
    ['quota', 'rm', node],
    ['watch', node],
    ['lock', node, '--', `/no${evil}`],
    ['elect', node, '--', `/no${evil}`],
    ['semaphore', node, '--', `/no${evil}`],
    ['barrier', 'enter', '/meet', '--parties', '1', '--', `/no${evil}`],
    ['queue', 'put', '/q', evil, '--key', evil],
    ['queue', 'revive', '/q', evil],
    ['counter', 'add', node],
    ['counter', 'set', node, evil],
    ['context', 'add', evil, evil],
    ['context', 'use', evil],
    ['context', 'rm', evil],
    ['get', '/h', '--context', evil],
    ['get', '/h', '--auth', evil],
    ['get', '/h', '-s', `zk://${evil}`],
    ['get', '/h', '-s', `no${evil}.invalid`],
  ];
}

const leaves = (command: Command): string[] =>
  command.commands.flatMap((one) =>
    one.commands.length > 0 ? leaves(one).map((name) => `${one.name()} ${name}`) : [one.name()],
  );

const raw = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

describe('hostile text', () => {
  it('reaches a terminal in no command as anything to obey', async () => {
    const files = (await readdir(folder)).map((name) => join(folder, name));
    const lines = linesOf(files);
    const program = await makeProgram([], {
      env: {},
      stdout: { write: () => true },
      stderr: { write: () => true },
    } as never);
    const untried = leaves(program).filter((name) => !lines.some((line) => line.join(' ').startsWith(name)));
    // main.ts runs `server`, and there are no log files here: their lines take the same way.
    expect(untried).toEqual(['server', 'log dump', 'log verify']);
    const found: unknown[] = [];
    let shown = 0;
    for (const line of lines) {
      for (const format of ['text', 'table', 'json', 'yaml', 'ndjson']) {
        // Once is enough for what takes long or changes something.
        const isOnce = [
          'bench',
          'sim',
          'dev',
          'edit',
          'import',
          'import-zk',
          'cp',
          'mv',
          'lock',
          'barrier',
          'cli',
        ].includes(line[0]);
        if (format !== 'text' && isOnce) continue;
        const env = { EDITOR: 'true', VISUAL: '' };
        const around = { screen: true, interrupted: AbortSignal.timeout(300), env };
        const globals = line[0] === 'cli' ? [] : ['--no-color', '-o', format, '--timeout', '2s'];
        const { out, err } = await corral([...globals, ...line], around);
        // What progress and `top` move the cursor with.
        const said = `${out}${err}`.replaceAll(/\u001b\[(?:G|K|H|2J)/g, '');
        if (said.includes('PWNED') || said.includes('gnp')) shown += 1;
        if (raw.test(said)) found.push({ line, format, said });
      }
    }
    expect(found).toEqual([]);
    // Hostile text was there to be shown.
    expect(shown).toBeGreaterThan(100);
  }, 600_000);

  it('forges no line where a line is a record', async () => {
    const lines = [
      'ls /h',
      'tree /',
      'find /',
      'grep PWNED /',
      'acl get /acl',
      'lock /locks/job --list',
      'queue peek /q',
      'diff /h /acl',
    ];
    for (const line of lines) {
      const { out } = await corral(line.split(' '));
      expect(out, line).not.toMatch(/^FORGED/m);
    }
    const { out } = await corral(['watchers', '--admin', admin]);
    expect(out).toContain('PWNED');
    expect(out).not.toMatch(/^FORGED/m);
  });

  it('stays exact where it is the data that somebody pipes on', async () => {
    expect((await corral(['get', '/h'])).out).toBe(evil);
    expect((await corral(['cli', '-server', `127.0.0.1:${corral.port}`, 'get', '/h'])).out).toContain(evil);
    expect(JSON.parse((await corral(['get', '/h', '-o', 'json'])).out)).toMatchObject({ data: evil });
    expect((await corral(['ls', '/h'])).out).toContain(`${evilName}\n`);
  });
});
