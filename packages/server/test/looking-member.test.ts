// A member that has no leader: what its client port answers. The words are checked through the socket.

import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startServer } from '../src/start-server.ts';
import type { RunningServer } from '../src/start-server.ts';
import { freePorts } from './free-ports.ts';
import { WireClient } from './wire.ts';

let dir: string;
let member: RunningServer;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'corral-looking-'));
  mkdirSync(join(dir, 'data'));
  writeFileSync(join(dir, 'data', 'myid'), '1');
  const ports = await freePorts(7);
  const lines = [1, 2, 3].map((sid) => [
    `server.${sid}`,
    `127.0.0.1:${ports[2 * sid - 2]}:${ports[2 * sid - 1]};127.0.0.1:${ports[6]}`,
  ]);
  member = await startServer({
    dataDir: join(dir, 'data'),
    initLimit: 10,
    syncLimit: 5,
    '4lw.commands.whitelist': '*',
    ...(Object.fromEntries(lines) as Record<string, string>),
  });
});

afterEach(async () => {
  await member.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function ask(word: string): Promise<string> {
  const socket = connect(member.port, '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.write(word);
  await once(socket, 'close');
  return answer;
}

it('every word is answered as by a ZooKeeper server that looks for a leader', async () => {
  const notServing = 'This ZooKeeper instance is not currently serving requests\n';
  const words = 'conf cons crst dirs dump hash mntr srst srvr stat wchc wchp wchs'.split(' ');
  for (const word of words) expect(await ask(word), word).toBe(notServing);
  expect(await ask('ruok')).toBe('imok');
  expect(await ask('isro')).toBe('null');
  expect(await ask('envi')).toMatch(/^Environment:\nzookeeper\.version=/);
  expect(await ask('gtmk')).toMatch(/^\d+$/);
});

it('a client is turned away as soon as it speaks', async () => {
  await expect(WireClient.open(member.port)).rejects.toThrow(/closed/);
});
