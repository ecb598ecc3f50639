// An ensemble of real server processes for tests: started, asked, killed. Everything a server prints is kept, because a
// test of bad input wants to see what an operator would see.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { WireClient } from './wire.ts';
import type { OpenOptions } from './wire.ts';
import { freePorts } from './free-ports.ts';

const corral = fileURLToPath(new URL('../../cli/bin/corral.js', import.meta.url));
const waitMs = 300_000;

type Settings = Readonly<Record<string, string | number | boolean>>;

interface PrepareOptions {
  readonly observers?: readonly number[];
  /** Settings that are system properties. */
  readonly properties?: readonly string[];
}

/** One member: its place on disk and, while it runs, its process. */
export class Member {
  readonly sid: number;
  readonly dir: string;
  readonly clientPort: number;
  readonly quorumPort: number;
  readonly electionPort: number;
  child: ChildProcess | undefined;
  /** All it has printed, in all its lives. */
  output = '';
  /** -D arguments. */
  properties: readonly string[] = [];

  constructor(sid: number, dir: string, [clientPort, quorumPort, electionPort]: readonly number[]) {
    this.sid = sid;
    this.dir = dir;
    this.clientPort = clientPort;
    this.quorumPort = quorumPort;
    this.electionPort = electionPort;
  }

  /** Starts the process and waits for nothing. */
  launch(): ChildProcess {
    const child = spawn(process.execPath, [corral, 'server', ...this.properties, join(this.dir, 'zoo.cfg')], {
      cwd: this.dir,
    });
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.child = child;
    return child;
  }

  get isRunning(): boolean {
    return this.child?.exitCode === null && this.child.signalCode === null;
  }

  async stop(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (child === undefined || !this.isRunning) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  /** Answer to a four-letter word; empty when nobody answers. */
  async word(word: string): Promise<string> {
    const socket = connect(this.clientPort, '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
    socket.on('error', () => socket.destroy());
    socket.once('connect', () => socket.write(word));
    await new Promise((resolve) => socket.once('close', resolve));
    return answer;
  }

  /** leader, follower, observer, read-only; undefined while it serves nobody. */
  async mode(): Promise<string | undefined> {
    return /^Mode: (\S+)/m.exec(await this.word('srvr'))?.[1];
  }

  client(options?: OpenOptions): Promise<WireClient> {
    return WireClient.open(this.clientPort, undefined, options);
  }
}

export class Ensemble {
  readonly dir: string;
  readonly members: readonly Member[];

  private constructor(dir: string, members: readonly Member[]) {
    this.dir = dir;
    this.members = members;
  }

  /** Writes the configuration of members 1, 2, ... without starting any; those named in `observers` do not vote. */
  static async prepare(
    count: number,
    settings: Settings = {},
    { observers = [], properties = [] }: PrepareOptions = {},
  ): Promise<Ensemble> {
    const dir = mkdtempSync(join(tmpdir(), 'corral-members-'));
    const ports = await freePorts(count * 3);
    const members = Array.from({ length: count }, (_, at) => {
      return new Member(at + 1, join(dir, `${at + 1}`), ports.slice(at * 3, at * 3 + 3));
    });
    const lines = members.map(({ sid, quorumPort, electionPort }) => {
      return `server.${sid}=127.0.0.1:${quorumPort}:${electionPort}${observers.includes(sid) ? ':observer' : ''}`;
    });
    for (const member of members) {
      mkdirSync(join(member.dir, 'data'), { recursive: true });
      member.properties = properties;
      configure(member, { ...settings, ...(observers.includes(member.sid) ? { peerType: 'observer' } : {}) }, lines);
    }
    return new Ensemble(dir, members);
  }

  static async start(...args: Parameters<typeof Ensemble.prepare>): Promise<Ensemble> {
    const ensemble = await Ensemble.prepare(...args);
    for (const member of ensemble.members) member.launch();
    await ensemble.whole();
    return ensemble;
  }

  get running(): readonly Member[] {
    return this.members.filter(({ isRunning }) => isRunning);
  }

  /** Waits until every running member serves, one of them as leader; returns that one. */
  async whole(): Promise<Member> {
    let leader: Member | undefined;
    await until(async () => {
      const modes = await Promise.all(this.running.map((member) => member.mode()));
      leader = this.running[modes.indexOf('leader')];
      return leader !== undefined && modes.every((mode) => mode !== undefined && mode !== 'read-only');
    });
    return leader!;
  }

  others(than: Member): readonly Member[] {
    return this.members.filter((member) => member !== than);
  }

  async close(): Promise<void> {
    for (const member of this.running) member.child?.kill('SIGCONT');
    await Promise.all(this.running.map((member) => member.stop('SIGKILL')));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** Writes zoo.cfg and myid of a member. */
export function configure(
  { sid, dir, clientPort }: Pick<Member, 'sid' | 'dir' | 'clientPort'>,
  settings: Settings,
  serverLines: readonly string[],
): void {
  const all: Settings = {
    tickTime: 250,
    initLimit: 20,
    syncLimit: 8,
    dataDir: join(dir, 'data'),
    clientPort,
    clientPortAddress: '127.0.0.1',
    'admin.enableServer': false,
    '4lw.commands.whitelist': '*',
    preAllocSize: 256,
    ...settings,
  };
  const lines = Object.entries(all).map(([key, value]) => `${key}=${String(value)}`);
  writeFileSync(join(dir, 'zoo.cfg'), [...lines, ...serverLines, ''].join('\n'));
  writeFileSync(join(dir, 'data', 'myid'), `${sid}\n`);
}

/** Waits for something that is to happen soon; fails when it does not. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + waitMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`it did not happen in time: ${holds.toString()}`);
    await sleep(20);
  }
}
