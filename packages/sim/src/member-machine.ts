// The real core as the machine of a simulated server. Everything a simulation knows of it stands here.

import { Member, RestoredState } from '@corral/core';
import type { EnsembleOptions, ReplicaOptions, SnapshotSource } from '@corral/core';
import type { Zxid } from '@corral/protocol';
import type { Knobs } from './knobs.ts';
import type { Machine, MachineKind, MachineSetup, Role } from './machine.ts';

/** Settings that a simulation may change; the rest is drawn or fixed. */
export type MemberSettings = Partial<
  Pick<EnsembleOptions, 'readOnlyEnabled' | 'forceSnapshotSync' | 'reconfigEnabled'>
>;

export const memberKindWith = (settings: MemberSettings): MachineKind => ({
  create: (setup) => new MemberMachine(setup, settings),
  emptyState: (sid, knobs) => new RestoredState(replicaOptions(sid, 1, 0, knobs), knobs.commitLogCount),
});

export const memberKind: MachineKind = memberKindWith({});

class MemberMachine implements Machine {
  readonly #member: Member;

  constructor({ sid, seed, startedAt, knobs, host, recovered, ...setup }: MachineSetup, settings: MemberSettings) {
    const { reconfigEnabled = knobs.reconfigs > 0 } = settings;
    // Who may reconfigure is not what is simulated: everybody may.
    const options = { ...replicaOptions(sid, seed, startedAt, knobs), reconfigEnabled, skipAcl: reconfigEnabled };
    const ensemble = { ...ensembleOptions({ sid, knobs, ...setup }), ...settings, reconfigEnabled };
    this.#member = new Member(options, ensemble, host, {
      state: recovered.state,
      replayed: recovered.replayed,
      epochs: {
        accepted: recovered.acceptedEpoch,
        current: recovered.currentEpoch,
        historyId: recovered.historyId,
      },
      isUnknown: recovered.isUnknown,
      isEmpty: recovered.isEmpty,
    });
  }

  start(moment: Parameters<Machine['start']>[0]): void {
    this.#member.start(moment);
  }
  step(input: Parameters<Machine['step']>[0]): void {
    this.#member.step(input);
  }
  handOver(moment: Parameters<Machine['start']>[0], restMs: number): void {
    this.#member.handOver(moment, restMs);
  }
  get role(): Role {
    const { state } = this.#member.peer;
    return state === 'leaving' ? 'looking' : state;
  }
  get epoch(): number {
    return this.#member.peer.epochs.current;
  }
  get isServing(): boolean {
    return this.#member.peer.isServing;
  }
  get applied(): Zxid {
    return this.#member.applied;
  }
  get digest(): bigint {
    return this.#member.pipeline.ctx.tree.digest.value;
  }
  read(path: string): string | undefined {
    const { tree } = this.#member.pipeline.ctx;
    const node = tree.find(path);
    return node < 0 ? undefined : String.fromCharCode(...(tree.data(node) ?? []));
  }
  get ephemerals(): number {
    return this.#member.pipeline.ctx.tree.ephemeralCount;
  }
  get sessions(): readonly bigint[] {
    return [...this.#member.pipeline.ctx.sessions.values()].map(({ id }) => id);
  }
  snapshotSource(): SnapshotSource {
    return this.#member.snapshotSource();
  }
}

function ensembleOptions(
  setup: Pick<MachineSetup, 'sid' | 'config' | 'nextConfig' | 'isObserver' | 'knobs' | 'defects'>,
): EnsembleOptions {
  const { sid, config, nextConfig, isObserver, knobs, defects } = setup;
  return {
    sid,
    config,
    ...(nextConfig && { nextConfig }),
    peerType: isObserver ? 'observer' : 'participant',
    tickMs: knobs.tickMs,
    initLimitMs: knobs.initLimitMs,
    syncLimitMs: knobs.syncLimitMs,
    electionMinMs: 100,
    electionMaxMs: 2000,
    electionFinalizeMs: 50,
    commitLogCount: knobs.commitLogCount,
    commitLogBytes: 1 << 20,
    counterMax: knobs.counterMax,
    forceSnapshotSync: false,
    leaderServes: true,
    readOnlyEnabled: false,
    reconfigEnabled: false,
    standaloneEnabled: true,
    defects,
  };
}

function replicaOptions(sid: number, seed: number, startedAt: number, knobs: Knobs): ReplicaOptions {
  return {
    serverId: sid,
    tickMs: knobs.tickMs,
    minSessionTimeoutMs: 2 * knobs.tickMs,
    maxSessionTimeoutMs: 100 * knobs.tickMs,
    frameBytesMax: 1_048_575,
    fieldBytesMax: 2_097_150,
    extendedTypes: false,
    emulate353: false,
    enforceQuota: false,
    skipAcl: false,
    reconfigEnabled: false,
    digestSchemeEnabled: true,
    digest: (bytes) => bytes,
    superDigest: undefined,
    requiredSchemes: [],
    outstandingMax: 1000,
    outputBytesMax: 1 << 20,
    sessionlessTimeoutMs: 10_000,
    containerCheckMs: 60_000,
    containersPerMinuteMax: 10_000,
    containerNeverUsedMs: 0,
    snapCount: knobs.snapCount,
    snapBytes: 0,
    logBytesMax: knobs.logBytesMax,
    serializeLastZxid: true,
    digestEnabled: true,
    closeSessionPaths: true,
    seed,
    startedAt,
  };
}
