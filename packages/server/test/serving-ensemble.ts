// Several members of one ensemble in this process, on ports and in directories of their own.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from '@corral/server';
import type { FlatSettings, RunningServer } from '@corral/server';
import { freePorts } from './free-ports.ts';

export type ServingRole = 'leader' | 'follower' | 'observer';

export class TestEnsemble {
  readonly members: RunningServer[] = [];
  readonly #dir = mkdtempSync(join(tmpdir(), 'corral-members-'));

  /** Three that vote and one that observes; resolves when every one of them serves. */
  static async start(settings: FlatSettings = {}): Promise<TestEnsemble> {
    const ensemble = new TestEnsemble();
    const sids = [1, 2, 3, 4];
    const lines: Record<string, string> = {};
    for (const sid of sids) {
      const role = sid === 4 ? 'observer' : 'participant';
      const [quorum, election, client] = await freePorts(3);
      lines[`server.${sid}`] = `127.0.0.1:${quorum}:${election}:${role};127.0.0.1:${client}`;
    }
    const others: FlatSettings = { initLimit: 10, syncLimit: 5, ...settings };
    for (const sid of sids) {
      const dataDir = join(ensemble.#dir, `${sid}`);
      mkdirSync(dataDir);
      writeFileSync(join(dataDir, 'myid'), `${sid}\n`);
      ensemble.members.push(await startServer({ ...others, ...lines, dataDir }));
    }
    await Promise.all(ensemble.members.map((member) => serving(member)));
    return ensemble;
  }

  /** A member that has this role now. */
  one(role: ServingRole): RunningServer {
    const found = this.members.find(({ server }) => server.facts.mode() === role);
    if (found === undefined) throw new Error(`nobody is a ${role}`);
    return found;
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map((member) => member.stop()));
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

async function serving({ server }: RunningServer): Promise<void> {
  while (!server.facts.serving().serving) await sleep(20);
}
