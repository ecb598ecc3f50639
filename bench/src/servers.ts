// Starts and stops the servers under comparison: each on a fresh data directory, on its own free ports of 127.0.0.1, with
// the same zoo.cfg. A server counts as started when it opens a session and answers a getData.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { access, mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import { apacheClasspath, cacheDir } from './apache.ts';
import { answers } from './control.ts';
import { processTree, residentBytes } from './proc.ts';
import { pause } from './run.ts';

/** `canned` is the generator's own ceiling: see canned.ts. */
export type ServerKind = 'corral' | 'apache' | 'canned';

const repository = resolve(cacheDir, '..');
const corralCommand = join(repository, 'packages', 'cli', 'bin', 'corral.js');
const cannedCommand = fileURLToPath(import.meta.resolve('./canned.js'));
const jvmFlags = ['-Xmx4g'];
const probePauseMs = 5;
const probeTimeoutMs = 1000;
const startTimeoutMs = 180_000;
const stopTimeoutMs = 60_000;
const logTailBytes = 2000;

/** Apache's distribution logs at this level to the console; without a file its logger would write every detail. */
const logbackXml = `<configuration>
  <appender name="CONSOLE" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d{ISO8601} [myid:%X{myid}] - %-5p [%t:%C{1}@%L] - %m%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="CONSOLE" /></root>
</configuration>
`;

/** Servers that are running and the data of all: they go with this process, however that ends. */
const running = new Set<ChildProcess>();
const directories = new Set<string>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const directory of directories) rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
});

export class TestServer {
  readonly kind: ServerKind;
  readonly port: number;
  readonly #directory: string;
  readonly #command: readonly string[];
  #child: ChildProcess | undefined;
  #pids: readonly number[] = [];

  private constructor(kind: ServerKind, port: number, directory: string, command: readonly string[]) {
    this.kind = kind;
    this.port = port;
    this.#directory = directory;
    this.#command = command;
  }

  /** Prepares an instance with an empty data directory; `start` runs it. */
  static async fresh(kind: ServerKind): Promise<TestServer> {
    await mkdir(cacheDir, { recursive: true });
    const directory = await mkdtemp(join(cacheDir, `bench-${kind}-`));
    directories.add(directory);
    const [port, adminPort] = await freePorts();
    const config = join(directory, 'zoo.cfg');
    const lines = ['tickTime=2000', `dataDir=${join(directory, 'data')}`, `clientPort=${port}`];
    lines.push('clientPortAddress=127.0.0.1', 'maxClientCnxns=0', `admin.serverPort=${adminPort}`, '');
    await writeFile(config, lines.join('\n'));
    return new TestServer(kind, port, directory, await commandFor(kind, { config, directory, port }));
  }

  get pids(): readonly number[] {
    return this.#pids;
  }

  get residentBytes(): number {
    return residentBytes(this.#pids);
  }

  /** Runs the server; answers how many seconds passed until it answered a getData of `path`. */
  async start(path = '/'): Promise<number> {
    const log = await open(join(this.#directory, 'server.log'), 'a');
    const [program = '', ...rest] = this.#command;
    const startedAt = performance.now();
    const child = spawn(program, rest, { cwd: this.#directory, stdio: ['ignore', log.fd, log.fd] });
    this.#child = child;
    running.add(child);
    await log.close();
    while (!(await answers(this.port, path, probeTimeoutMs))) {
      if (child.exitCode !== null || child.signalCode !== null || performance.now() - startedAt > startTimeoutMs) {
        throw new Error(`${this.kind} did not start:\n${await this.logTail()}`);
      }
      await pause(probePauseMs);
    }
    const seconds = (performance.now() - startedAt) / 1000;
    this.#pids = processTree(child.pid ?? 0);
    return seconds;
  }

  /** Asks the server to end, waits until it has; answers how many seconds that took. */
  async stop(): Promise<number> {
    const child = this.#child;
    if (child === undefined) return 0;
    this.#child = undefined;
    const startedAt = performance.now();
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      await exited;
      clearTimeout(late);
    }
    running.delete(child);
    return (performance.now() - startedAt) / 1000;
  }

  /** Stops the server and deletes its data. */
  async discard(): Promise<void> {
    await this.stop();
    await rm(this.#directory, { recursive: true, force: true });
    directories.delete(this.#directory);
  }

  async logTail(): Promise<string> {
    return (await readFile(join(this.#directory, 'server.log'), 'utf8')).slice(-logTailBytes);
  }
}

interface Place {
  readonly config: string;
  readonly directory: string;
  readonly port: number;
}

async function commandFor(kind: ServerKind, place: Place): Promise<string[]> {
  if (kind === 'canned') return [process.execPath, cannedCommand, String(place.port)];
  if (kind === 'corral') {
    await access(corralCommand);
    return [process.execPath, corralCommand, 'server', place.config];
  }
  const logging = join(place.directory, 'logback.xml');
  await writeFile(logging, logbackXml);
  const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
  const flags = [...jvmFlags, `-Dlogback.configurationFile=${logging}`, '-cp', await apacheClasspath()];
  return ['java', ...flags, main, place.config];
}

/** Two ports that nobody listens on just now. */
async function freePorts(): Promise<[number, number]> {
  const listeners = [createServer(), createServer()];
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
  return [ports[0] ?? 0, ports[1] ?? 0];
}
