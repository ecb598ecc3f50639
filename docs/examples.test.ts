// Every example in README and guide that is marked `sh run` is run here, in the order of its page, in an empty folder and
// beside a fresh server; a `text` block right behind it is what it prints. `js run` blocks are programs. Ports 2181 and
// 8080 stand for those of the test's server. Uses the compiled command: `npm test` compiles first.

import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect } from '@corral/client';
import { startServer } from '@corral/server';
import type { RunningServer } from '@corral/server';

const root = fileURLToPath(new URL('..', import.meta.url));
const guide = (await readdir(join(root, 'docs', 'guide'))).map((name) => `docs/guide/${name}`);
const pages = ['README.md', 'README.zh-CN.md', ...guide].filter((name) => name.endsWith('.md'));

interface Example {
  readonly line: number;
  readonly language: 'sh' | 'js';
  readonly code: string;
  readonly prints: string | undefined;
}

function examplesOf(page: string): Example[] {
  const block = /^ *```(sh|js) run\n([\s\S]*?)^ *```\n(?:\n *```text\n([\s\S]*?)^ *```)?/gm;
  return [...page.matchAll(block)].map((found) => ({
    line: page.slice(0, found.index).split('\n').length,
    language: found[1] as Example['language'],
    code: found[2] ?? '',
    prints: found[3],
  }));
}

/** Stand-ins for what the examples call, so that nothing but Node is needed. */
const tools = {
  corral: `#!/bin/sh\nexec '${process.execPath}' '${join(root, 'packages/cli/bin/corral.js')}' "$@"\n`,
  curl: `#!${process.execPath}\nfetch(process.argv.at(-1)).then((r) => r.text()).then((t) => process.stdout.write(t));\n`,
  nc: `#!${process.execPath}
const [host, port] = process.argv.slice(-2);
const socket = require('node:net').connect(Number(port), host);
process.stdin.on('data', (chunk) => socket.write(chunk));
socket.pipe(process.stdout);
socket.on('close', () => process.exit());\n`,
};

let folder = '';
let server: RunningServer | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'corral-examples-'));
  await mkdir(join(folder, 'bin'));
  for (const [name, script] of Object.entries(tools)) {
    await writeFile(join(folder, 'bin', name), script);
    await chmod(join(folder, 'bin', name), 0o755);
  }
  await mkdir(join(folder, 'work'));
  await symlink(join(root, 'node_modules'), join(folder, 'work', 'node_modules'));
  const dataDir = join(folder, 'work', 'data');
  server = await startServer({ clientPort: 0, dataDir, 'admin.enableServer': true, 'admin.serverPort': 0 });
  // So that there is a transaction log to look at.
  const client = await connect(`127.0.0.1:${server.port}`);
  await client.create('/examples');
  await client.close();
});
afterEach(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function run({ language, code }: Example): Promise<string> {
  const adminPort = new URL(server!.adminUrls[0]).port;
  const text = code.replaceAll('2181', String(server!.port)).replaceAll('8080', adminPort);
  const script = join(folder, 'work', language === 'sh' ? 'example.sh' : 'example.mjs');
  await writeFile(script, text);
  const [command, args] = language === 'sh' ? ['sh', ['-eu', script]] : [process.execPath, [script]];
  const env = {
    PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
    CORRAL_SERVER: `127.0.0.1:${server!.port}`,
  };
  const child = spawn(command, args, { cwd: join(folder, 'work'), env });
  let output = '';
  let complaints = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complaints += chunk.toString()));
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  expect(status, `${code}\n${complaints}`).toBe(0);
  return output;
}

describe('the examples of', () => {
  for (const page of pages) {
    it(`${page} do what they say`, async () => {
      const examples = examplesOf(await readFile(join(root, page), 'utf8'));
      for (const example of examples) {
        const output = await run(example);
        if (example.prints !== undefined) expect(output.trim(), `line ${example.line}`).toBe(example.prints.trim());
      }
    });
  }
});
