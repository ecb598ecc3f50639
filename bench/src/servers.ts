// What is compared: one server, or the servers of an ensemble, on fresh data directories and free ports of 127.0.0.1, with
// the same zoo.cfg for each kind. They count as started when every one opens a session and answers a getData.

import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { cacheDir } from './apache.ts';
import { answers } from './control.ts';
import { residentBytes } from './proc.ts';
import { pause } from './run.ts';
import { ServerProcess } from './server-process.ts';
import type { ServerKind } from './server-process.ts';

const probePauseMs = 5;
const probeTimeoutMs = 1000;
const startTimeoutMs = 180_000;
const portsPerMember = 4;

/** The data of all goes with this process, however that ends. */
const directories = new Set<string>();
process.once('exit', () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

export class Servers {
  readonly kind: ServerKind;
  readonly members: readonly ServerProcess[];
  readonly #directory: string;

  private constructor(kind: ServerKind, directory: string, members: readonly ServerProcess[]) {
    this.kind = kind;
    this.#directory = directory;
    this.members = members;
  }

  /** Prepares so many servers with empty data directories; `start` runs them. Of ready-made replies one is enough. */
  static async fresh(kind: ServerKind, size: number): Promise<Servers> {
    await mkdir(cacheDir, { recursive: true });
    const directory = await mkdtemp(join(cacheDir, `bench-${kind}-`));
    directories.add(directory);
    const count = kind === 'canned' ? 1 : size;
    const ports = await freePorts(count * portsPerMember);
    const ids = Array.from({ length: count }, (_, index) => index + 1);
    const portOf = (id: number, which: number): number => ports[(id - 1) * portsPerMember + which];
    const lines = ids.map((id) => `server.${id}=127.0.0.1:${portOf(id, 2)}:${portOf(id, 3)}`);
    const ensembleLines = count === 1 ? [] : ['initLimit=10', 'syncLimit=5', ...lines];
    const members: ServerProcess[] = [];
    for (const id of ids) {
      const place = { directory: join(directory, `${id}`), port: portOf(id, 0), adminPort: portOf(id, 1) };
      members.push(await ServerProcess.prepare(kind, { ...place, id, ensembleLines }));
    }
    return new Servers(kind, directory, members);
  }

  get ports(): readonly number[] {
    return this.members.map(({ port }) => port);
  }

  get pids(): readonly number[] {
    return this.members.flatMap(({ pids }) => pids);
  }

  get residentBytes(): number {
    return residentBytes(this.pids);
  }

  /** Runs all servers at once; answers how many seconds passed until each answered a getData of `path`. */
  async start(path = '/'): Promise<number> {
    const startedAt = performance.now();
    for (const member of this.members) await member.launch();
    for (const member of this.members) await this.#answered(member, path);
    return (performance.now() - startedAt) / 1000;
  }

  /** Starts one member that was stopped, until it serves again. */
  async startAgain(member: ServerProcess): Promise<void> {
    await member.launch();
    await this.#answered(member, '/');
  }

  /** The member that leads just now. */
  async leader(): Promise<ServerProcess> {
    const deadline = performance.now() + startTimeoutMs;
    for (;;) {
      for (const member of this.members) if (await leads(member.port)) return member;
      if (performance.now() > deadline) throw new Error(`no ${this.kind} server leads:\n${await this.logTail()}`);
      await pause(probePauseMs);
    }
  }

  /** Asks the servers to end, waits until they have; answers how many seconds that took. */
  async stop(): Promise<number> {
    const startedAt = performance.now();
    await Promise.all(this.members.map((member) => member.stop()));
    return (performance.now() - startedAt) / 1000;
  }

  /** Stops the servers and deletes their data. */
  async discard(): Promise<void> {
    await this.stop();
    await rm(this.#directory, { recursive: true, force: true });
    directories.delete(this.#directory);
  }

  async logTail(): Promise<string> {
    return (await Promise.all(this.members.map((member) => member.logTail()))).join('\n');
  }

  async #answered(member: ServerProcess, path: string): Promise<void> {
    const deadline = performance.now() + startTimeoutMs;
    while (!(await answers(member.port, path, probeTimeoutMs))) {
      if (!member.runs || performance.now() > deadline) {
        throw new Error(`${this.kind} did not start:\n${await this.logTail()}`);
      }
      await pause(probePauseMs);
    }
  }
}

/** Whether the server's answer to the four letters `srvr` names it leader; a server that does not answer leads nobody. */
async function leads(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.setTimeout(probeTimeoutMs, () => socket.destroy());
  let text = '';
  socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')));
  // Refused or reset: the close that follows is what counts.
  socket.on('error', () => undefined);
  socket.write('srvr');
  await once(socket, 'close');
  return /^Mode: leader$/m.test(text);
}

/** Ports that nobody listens on just now. */
async function freePorts(count: number): Promise<number[]> {
  const listeners = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const listener of listeners) {
    listener.listen(0, '127.0.0.1');
    await once(listener, 'listening');
    const address = listener.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP listener has no port');
    ports.push(address.port);
  }
  for (const listener of listeners) {
    listener.close();
    await once(listener, 'close');
  }
  return ports;
}
