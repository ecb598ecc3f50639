// What the completion of bash makes of the names that others gave their nodes. interop/completion presses the Tab key in real
// shells; here the function is called as readline calls it.

import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { corralBesideServer } from '../testing/corral.ts';

const corral = corralBesideServer();

const hostile = [
  '/`touch RAN`', '/$(touch RAN)', '/;touch RAN', '/|touch RAN', '/&touch RAN', '/>RAN', '/*', '/?[a-z]', '/$HOME', '/~',
  "/it's", '/"quoted"', '/back\\slash', '/{a,b}', '/!!', '/#', '/a b:80', '/(touch RAN)', '/  two  ', '/中文', "/'$(touch RAN)'",
]; // prettier-ignore

/** What bash gets to choose from after this line, each evaluated as the command line is when Enter is pressed. */
async function offered(
  line: string,
  names: readonly string[],
): Promise<{ words: string[]; asked: string; ran: boolean }> {
  const folder = mkdtempSync(join(tmpdir(), 'corral-tab-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'names'), names.map((name) => `${name}\n`).join(''));
  writeFileSync(join(folder, 'corral'), `#!/bin/sh\nprintf '%s|' "$@" > asked\ncat names\n`);
  chmodSync(join(folder, 'corral'), 0o755);
  writeFileSync(join(folder, 'completion'), (await corral(['completion', 'bash'])).out);
  const script = `
    shopt -s nullglob; compopt() { :; }; source ./completion
    COMP_LINE=$1 COMP_POINT=\${#1}
    _corral corral "$2" get
    for one in "\${COMPREPLY[@]}"; do eval "set -- $3$one"; printf '%s\\n' "$#" "$1"; done`;
  const word = line.replace(/^corral \w+ /, '');
  const current = word.slice(word.lastIndexOf(':') + 1);
  const typed = word.slice(0, word.length - current.length);
  const out = execFileSync('bash', ['--norc', '-c', script, 'bash', line, current, typed], {
    cwd: folder,
    env: { PATH: `${folder}:${process.env['PATH'] ?? ''}`, HOME: folder, LANG: 'C.UTF-8' },
    encoding: 'utf8',
  });
  return {
    words: out.split('\n').slice(0, -1),
    asked: readFileSync(join(folder, 'asked'), 'utf8'),
    ran: existsSync(join(folder, 'RAN')),
  };
}

describe('completion', () => {
  it('offers each name as one word that stands for itself, and runs none', async () => {
    const { words, ran } = await offered('corral get /', hostile);
    expect(words).toEqual(hostile.flatMap((name) => ['1', name]));
    expect(ran).toBe(false);
  });

  it('offers only what stands behind the last word break, and asks for what was typed without its quoting', async () => {
    expect(await offered('corral get /a\\ b:8', ['/a b:80'])).toMatchObject({
      words: ['1', '/a b:80'],
      asked: 'complete|--|get|/a b:8|',
    });
    expect((await offered('corral ls ', ['/x'])).asked).toBe('complete|--|ls||');
    expect((await offered('corral get "/$(touch RAN)', [])).ran).toBe(false);
  });

  it('does not offer names that are not shown as they are', async () => {
    await corral(['create', '/shown']);
    await corral(['create', '/hid\u202eden']);
    expect((await corral(['complete', 'get', '/'])).out).toBe('/shown\n/zookeeper\n');
  });
});
