// A history that a test makes up, step by step, in front of the checkers: three voters with simulated disks and no servers.

import { appendRawRecord, writeTxnPayload } from '@corral/core';
import { JuteWriter, encodeText, formatEnsembleConfig, systemPaths } from '@corral/protocol';
import type { EnsembleConfig, SessionId, Zxid } from '@corral/protocol';
import * as epochs from '../checkers/epochs.ts';
import type { Attempt, Ghost, ServerView } from '../checkers/ghost.ts';
import { loggedTxn } from '../checkers/durable-history.ts';
import type { LoggedTxn } from '../checkers/durable-history.ts';
import * as proposals from '../checkers/proposals.ts';
import { Watch } from '../checkers/watch.ts';
import { SimFiles } from '../disk-files.ts';
import { LogAppender } from '../disk-work.ts';
import { SimDisk } from '../disk.ts';
import { dataDir } from '../places.ts';
import { Random } from '../random.ts';

export const zxid = (epoch: number, counter: number): number => epoch * 2 ** 32 + counter;

type Content = string | EnsembleConfig;

export class StagedHistory {
  readonly watch = new Watch();
  readonly disks = new Map<number, SimDisk>();
  readonly #logs = new Map<number, LogAppender>();

  constructor() {
    for (const sid of [1, 2, 3]) {
      const disk = new SimDisk(new Random(sid));
      this.disks.set(sid, disk);
      this.#logs.set(sid, new LogAppender(disk, dataDir));
      this.watch.addServer(sid, true, disk);
    }
  }

  get ghost(): Ghost {
    return this.watch.ghost;
  }

  /** Number of the first rule that was seen broken. */
  get broken(): number | undefined {
    return this.ghost.violation?.invariant;
  }

  view(sid: number): ServerView {
    return this.ghost.server(sid);
  }

  files(sid: number): SimFiles {
    return new SimFiles(this.disks.get(sid)!);
  }

  writeEpoch(sid: number, file: 'acceptedEpoch' | 'currentEpoch', epoch: number): void {
    this.files(sid).writeDurably(`${dataDir}/${file}`, encodeText(String(epoch)));
  }

  /** A transaction with this zxid; other content makes it another one, and a configuration a reconfiguration. */
  payload(at: number, content: Content = 'x'): Uint8Array {
    const w = new JuteWriter(64);
    const header = { clientId: 1n as SessionId, cxid: 1, zxid: at as Zxid, time: 0 };
    const [code, path, text] =
      typeof content === 'string'
        ? ([5, '/a', content] as const)
        : ([16, systemPaths.config, formatEnsembleConfig(content)] as const);
    writeTxnPayload(w, header, { kind: 'setData', code, path, data: encodeText(text), version: 1 });
    return w.toBytes();
  }

  txn(at: number, content?: Content): LoggedTxn {
    const payload = this.payload(at, content);
    return loggedTxn(payload, 0, payload.length);
  }

  propose(leader: number, at: number, content?: Content): void {
    proposals.proposed(this.ghost, leader, this.txn(at, content), this.payload(at, content), 'sent');
  }

  /** Durable in the log of these servers. */
  log(sids: readonly number[], at: number, content?: Content): void {
    for (const sid of sids) {
      const w = new JuteWriter(64);
      appendRawRecord(w, this.payload(at, content));
      const steps = this.#logs.get(sid)!.append(at as Zxid, w.toBytes());
      while (steps.next().done !== true);
      void this.view(sid).history.last;
    }
  }

  /** The log file of a server is gone; the next transaction starts a new one. */
  loseLog(sid: number, path: string): void {
    this.files(sid).remove(path);
    this.#logs.get(sid)!.forget();
  }

  attempt(epoch: number, leader: number): Attempt {
    return this.ghost.attempt(epoch, leader)!;
  }

  /** Announced by the leader and promised by these followers. */
  discover(epoch: number, leader: number, followers: readonly number[]): void {
    for (const sid of [leader, ...followers]) this.writeEpoch(sid, 'acceptedEpoch', epoch);
    epochs.announced(this.ghost, this.view(leader), epoch);
    for (const sid of followers) {
      const { history } = this.view(sid);
      epochs.promised(this.ghost, this.view(sid), leader, epoch, history.currentEpoch, history.last);
    }
  }

  /** As it should be: a leader with the history of everybody, and followers that have it. */
  lead(epoch: number, leader = 1, followers: readonly number[] = [2, 3]): void {
    this.discover(epoch, leader, followers);
    for (const sid of [leader, ...followers]) this.writeEpoch(sid, 'currentEpoch', epoch);
    for (const sid of followers) epochs.hasHistory(this.ghost, this.view(sid), leader, epoch);
    epochs.establish(this.ghost, this.attempt(epoch, leader));
  }

  /** As it should be: proposed, durable on a majority, decided. */
  write(leader: number, at: number, sids: readonly number[] = [1, 2, 3]): void {
    this.propose(leader, at);
    this.log(sids, at);
    for (const sid of sids) if (sid !== leader) proposals.acknowledged(this.ghost, this.view(sid), at);
    proposals.committed(this.ghost, this.attempt(Math.floor(at / 2 ** 32), leader), at);
  }
}
