// One server process under comparison: its directory, configuration and log, how each kind is started, and its end.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { apacheClasspath, cacheDir } from './apache.ts';
import { processTree } from './proc.ts';

/** `canned` is the generator's own ceiling: see canned.ts. */
export type ServerKind = 'corral' | 'apache' | 'canned';

const repository = resolve(cacheDir, '..');
const corralCommand = join(repository, 'packages', 'cli', 'bin', 'corral.js');
const cannedCommand = fileURLToPath(import.meta.resolve('./canned.js'));
const jvmFlags = ['-Xmx4g'];
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

/** Processes that are running: they go with this one, however that ends. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface Place {
  readonly directory: string;
  readonly port: number;
  readonly adminPort: number;
  /** Which member of an ensemble it is, counted from 1; a server alone has no other lines. */
  readonly id: number;
  readonly ensembleLines: readonly string[];
}

export class ServerProcess {
  readonly kind: ServerKind;
  readonly port: number;
  readonly #directory: string;
  readonly #command: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(kind: ServerKind, place: Place, command: readonly string[]) {
    this.kind = kind;
    this.port = place.port;
    this.#directory = place.directory;
    this.#command = command;
  }

  /** Writes the configuration; `launch` runs the server. */
  static async prepare(kind: ServerKind, place: Place): Promise<ServerProcess> {
    const data = join(place.directory, 'data');
    await mkdir(data, { recursive: true });
    const lines = ['tickTime=2000', `dataDir=${data}`, `clientPort=${place.port}`, 'clientPortAddress=127.0.0.1'];
    lines.push('maxClientCnxns=0', `admin.serverPort=${place.adminPort}`, ...place.ensembleLines, '');
    await writeFile(join(place.directory, 'zoo.cfg'), lines.join('\n'));
    if (place.ensembleLines.length > 0) await writeFile(join(data, 'myid'), `${place.id}\n`);
    return new ServerProcess(kind, place, await commandFor(kind, place));
  }

  /** The process and its descendants; empty while it does not run. */
  get pids(): readonly number[] {
    return this.#child?.pid === undefined ? [] : processTree(this.#child.pid);
  }

  get runs(): boolean {
    const child = this.#child;
    return child?.exitCode === null && child.signalCode === null;
  }

  /** Runs the process and waits for nothing else. */
  async launch(): Promise<void> {
    const log = await open(join(this.#directory, 'server.log'), 'a');
    const [program = '', ...rest] = this.#command;
    this.#child = spawn(program, rest, { cwd: this.#directory, stdio: ['ignore', log.fd, log.fd] });
    running.add(this.#child);
    await log.close();
  }

  /** Sends the signal and waits for the end, which SIGKILL brings when the server takes too long. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    if (this.runs) {
      const exited = once(child, 'exit');
      child.kill(signal);
      const late = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      await exited;
      clearTimeout(late);
    }
    this.#child = undefined;
    running.delete(child);
  }

  async logTail(): Promise<string> {
    return (await readFile(join(this.#directory, 'server.log'), 'utf8')).slice(-logTailBytes);
  }
}

async function commandFor(kind: ServerKind, { directory, port }: Place): Promise<string[]> {
  if (kind === 'canned') return [process.execPath, cannedCommand, String(port)];
  const config = join(directory, 'zoo.cfg');
  if (kind === 'corral') {
    await access(corralCommand);
    return [process.execPath, corralCommand, 'server', config];
  }
  const logging = join(directory, 'logback.xml');
  await writeFile(logging, logbackXml);
  const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
  const flags = [...jvmFlags, `-Dlogback.configurationFile=${logging}`, '-cp', await apacheClasspath()];
  return ['java', ...flags, main, config];
}
