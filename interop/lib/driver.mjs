// Runs a foreign client's program against a server and turns its lines into checks.
//
// The program prints 'ok NAME' or 'not ok NAME: why' per check. When it wants the server restarted it prints
// '@restart SIGTERM' (or SIGKILL) and reads a line; '@pause MS' leaves the server down that long in between.

import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { killGroup, start } from './process.mjs';

export async function drive(context, name, command, args, { cwd, env, timeoutMs = 90_000, expected } = {}) {
  const { server, checks } = context;
  const child = start(command, args, { cwd, env: { ...process.env, ...env } });
  const said = { count: 0, stderr: '' };
  child.stderr.on('data', (chunk) => (said.stderr = (said.stderr + chunk).slice(-3000)));
  child.stdin.on('error', () => {});
  const ended = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', (code, signal) => resolve(signal ?? code));
  });
  const timer = setTimeout(() => killGroup(child, 'SIGKILL'), timeoutMs);
  for await (const line of createInterface({ input: child.stdout })) {
    await obey(line, { server, checks, child, said, name });
  }
  const code = await ended;
  clearTimeout(timer);
  if (code !== 0) checks.record(`${name}: program ends well`, false, `${code}; ${said.stderr}`);
  if (expected !== undefined && said.count !== expected) {
    checks.record(`${name}: all ${expected} checks ran`, false, `only ${said.count} did; ${said.stderr}`);
  }
}

async function obey(line, { server, checks, child, said, name }) {
  const result = /^(ok|not ok) ([^:]+)(?:: ?(.*))?$/.exec(line);
  if (result) {
    said.count += 1;
    checks.record(`${name}: ${result[2]}`, result[1] === 'ok', result[3]);
    return;
  }
  const wish = /^@restart (SIG[A-Z]+)(?: (\d+))?$/.exec(line);
  if (!wish) return;
  await server.stop(wish[1]);
  await sleep(Number(wish[2] ?? 0));
  await server.start();
  child.stdin.write('restarted\n');
}
