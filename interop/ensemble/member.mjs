// One member of an ensemble under test. Which server plays it - Corral's, Apache 3.9.x or Apache 3.8.0 - may change from
// one start to the next, on the same data directory and the same ports.

import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { killGroup, start } from '../lib/process.mjs';
import { Server } from '../lib/server.mjs';
import { fourLetter } from '../lib/wire.mjs';
import { peerClasspath } from './apache.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

const timing = { initLimit: 20, syncLimit: 8, preAllocSize: 512 };
const logging = [
  'org.slf4j.simpleLogger.showDateTime=true',
  'org.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS',
  'org.slf4j.simpleLogger.levelInBraces=true',
  // Says TRUNC only there.
  'org.slf4j.simpleLogger.log.org.apache.zookeeper.server.quorum.LearnerHandler=debug',
];

export class Member extends Server {
  address = '127.0.0.1';
  /** Where in the log the newest start begins. */
  logStart = 0;

  constructor(kind, dir, { sid, role, settings }) {
    super(kind, dir, { ...timing, ...settings });
    this.sid = sid;
    this.role = role;
    mkdirSync(this.dataDir, { recursive: true });
    writeFileSync(join(this.dataDir, 'myid'), `${sid}\n`);
  }

  /** Says in the data directory that there is nothing this server could have lost; Apache does not care. */
  isNew() {
    writeFileSync(join(this.dataDir, 'initialize'), '');
  }

  /** The ensemble's server lines; every member gets the same ones. */
  setLines(lines) {
    this.lines = lines;
  }

  writeConfig() {
    const file = super.writeConfig();
    // A setting without a value is one of the defaults that this member does without.
    const own = readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.endsWith('=undefined'));
    writeFileSync(file, [...own, ...this.lines, ''].join('\n'));
    return file;
  }

  command(config) {
    const [command, args] = super.command(config);
    if (this.kind === 'corral') return [command, [corralProgram(), ...args.slice(1)]];
    const properties = [...logging, 'zookeeper.jmx.log4j.disable=true'].map((text) => `-D${text}`);
    const at = args.indexOf('-cp');
    return [command, [...args.slice(0, at), ...properties, '-cp', peerClasspath(this.kind), ...args.slice(at + 2)]];
  }

  /** Starts the process and does not wait for anything. */
  launch() {
    this.logStart = existsSync(this.logFile) ? readFileSync(this.logFile, 'utf8').length : 0;
    const config = this.writeConfig();
    const log = openSync(this.logFile, 'a');
    const [command, args] = this.command(config);
    this.child = start(command, args, { cwd: this.dir, stdio: ['ignore', log, log] });
    closeSync(log);
  }

  async start() {
    this.launch();
    await this.ready();
  }

  /** Starts again as another kind of server. */
  async become(kind) {
    this.kind = kind;
    await this.start();
  }

  /** 'leader', 'follower', 'observer', or null while it serves nobody. */
  async mode() {
    const text = await this.word('srvr').catch(() => '');
    return /^Mode: (\S+)/m.exec(text)?.[1] ?? null;
  }

  word(word) {
    return fourLetter(this.port, word, 2000, this.address);
  }

  async ready(timeoutMs = 60_000) {
    const deadline = Date.now() + timeoutMs;
    while (Date.now() < deadline && this.alive()) {
      if ((await this.mode()) !== null) return;
      await sleep(50);
    }
    const state = this.alive() ? 'does not serve' : 'has ended';
    throw new Error(`server ${this.sid} (${this.kind}) ${state}:\n${this.logTail()}`);
  }

  get running() {
    return this.child !== null && this.alive();
  }

  /** Stops the process where it is; resolves when every thread of it really stands still. */
  async freeze() {
    killGroup(this.child, 'SIGSTOP');
    const tasks = `/proc/${this.child.pid}/task`;
    const moves = (task) => !/\) [TtZX] /.test(readFileSync(`${tasks}/${task}/stat`, 'utf8'));
    while (this.alive() && readdirSync(tasks).some(moves)) await sleep(1);
  }

  thaw() {
    killGroup(this.child, 'SIGCONT');
  }

  /** Removes all data, as after the loss of a disk; only who it is stays. */
  wipe() {
    rmSync(join(this.dataDir, 'version-2'), { recursive: true, force: true });
  }

  /** What the log says since a position, by default since the newest start. */
  logText(since = this.logStart) {
    return readFileSync(this.logFile, 'utf8').slice(since);
  }
}

/** CORRAL_PROGRAM names another build of the same command. */
function corralProgram() {
  return process.env.CORRAL_PROGRAM ?? join(root, 'packages/cli/bin/corral.js');
}
