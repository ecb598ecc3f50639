// Drives one member of an ensemble: what ReplicaHost does for any replica, and besides it the connections to the other
// members, the epoch files, and the disk work of a synchronisation. Holds no rules of its own about any of them.

import { NodeFiles } from './storage/node-files.ts';
import { Member, recover, retireHistory, truncateHistory, writeEpochFile } from '@corral/core';
import type {
  DiskOp,
  EnsembleHost,
  EnsembleOptions,
  EpochFile,
  EpochNumbers,
  PeerAddress,
  PeerPort,
  RecoveryTarget,
  SnapshotSource,
} from '@corral/core';
import type { EnsembleConfig, Epoch, HostPort, Member as MemberSpec, Zxid } from '@corral/protocol';
import type { DynamicConfig } from './config/dynamic-files.ts';
import { ReplicaHost } from './host.ts';
import type { HostParts } from './host.ts';
import type { ListenAddress, PeerEvents } from './net/peer-network.ts';
import { PeerNetwork } from './net/peer-network.ts';
import type { PeerNetworkOptions } from './net/peer-network.ts';
import type { DataDirs } from './restore.ts';
import { writeSnapshot } from './storage/snapshot-files.ts';

export interface MemberParts {
  readonly ensemble: EnsembleOptions;
  readonly network: PeerNetworkOptions;
  readonly dirs: DataDirs;
  readonly epochs: EpochNumbers;
  /** Nothing is on disk, and nobody has said that this is a new ensemble. */
  readonly isEmpty: boolean;
  /** Listen on every interface and not only on the address in the configuration. */
  readonly listenOnAll: boolean;
  /** Where configurations are kept; undefined while reconfiguration is switched off. */
  readonly dynamicConfig: DynamicConfig | undefined;
}

const moment = (): { now: number; wall: number } => ({ now: performance.now(), wall: Date.now() });

export class MemberHost extends ReplicaHost implements EnsembleHost {
  readonly member: Member;
  readonly network: PeerNetwork;
  readonly #host: HostParts;
  readonly #parts: MemberParts;
  #wake: NodeJS.Timeout | undefined;
  /** When the timer goes off, and when the replica wants it. */
  #wakeSetFor = 0;
  #wakeWanted = 0;
  #isStopped = false;
  /** One change of addresses after the other. */
  #moves: Promise<void> = Promise.resolve();
  /** Set by the server: moves the client port to where the configuration has it. */
  moveClients: ((client: HostPort) => Promise<void>) | undefined;
  #activeConfig: EnsembleConfig;
  /** Where the configuration in force has the client port. */
  #client: HostPort | undefined;

  constructor(parts: HostParts, member: MemberParts) {
    super(parts, (host) => {
      const { state, replayed, options } = parts;
      const { epochs, isEmpty, ensemble } = member;
      const recovered = { state, replayed, epochs, isUnknown: epochs.isUnknown, isEmpty };
      // What is under construction is a member's host, as far as a core can see: effects follow only inputs.
      return new Member(options, ensemble, host as unknown as EnsembleHost, recovered);
    });
    this.member = this.replica as Member;
    this.#host = parts;
    this.#parts = member;
    this.#activeConfig = member.ensemble.config;
    this.#client = member.ensemble.config.members.get(member.ensemble.sid)?.client;
    this.network = new PeerNetwork(member.network, this.#events());
    const { config, nextConfig } = member.ensemble;
    this.#knowMembers(config, nextConfig);
  }

  /** Those of both configurations may speak here while one takes the place of the other. */
  #knowMembers(...configs: readonly (EnsembleConfig | undefined)[]): void {
    const members = configs.flatMap((config) => [...(config?.members.values() ?? [])]);
    this.#parts.network.known.setMembers(members.flatMap(({ addresses }) => addresses.map(({ host }) => host)));
  }

  /** Opens the ports for the other members. A server that no configuration names yet is only called back, so it needs none. */
  async listen(): Promise<void> {
    const { config, nextConfig, sid } = this.#parts.ensemble;
    await this.network.moveTo(this.#addressesOf(config.members.get(sid) ?? nextConfig?.members.get(sid)));
  }

  #addressesOf(own: MemberSpec | undefined): ListenAddress[] {
    const hostOf = (host: string): string | undefined => (this.#parts.listenOnAll ? undefined : host);
    return (own?.addresses ?? []).flatMap(({ host, quorumPort, electionPort }) => [
      { port: 'election' as const, host: hostOf(host), number: electionPort },
      { port: 'quorum' as const, host: hostOf(host), number: quorumPort },
    ]);
  }

  /** Listens where a new configuration has this server; one that it does not name any more stays where it is. */
  #move(own: MemberSpec | undefined): void {
    if (own === undefined || this.#isStopped) return;
    const { logger } = this.#host;
    const move = async (what: string, work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        const { message } = error as Error;
        logger.error({ error: message }, `${what}: this server stays where it was; free the address and restart it`);
      }
    };
    this.#moves = this.#moves.then(async () => {
      await move('the new addresses for members cannot be bound', () => this.network.moveTo(this.#addressesOf(own)));
      const { client } = own;
      if (client === undefined || (client.host === this.#client?.host && client.port === this.#client.port)) return;
      this.#client = client;
      await move('the new address for clients cannot be bound', async () => this.moveClients?.(client));
    });
  }

  /** Lets another server lead; this one takes no part in elections for so long. */
  handOver(restMs: number): void {
    this.member.handOver(moment(), restMs);
  }

  /** Looks for the others. */
  start(): void {
    this.member.start(moment());
  }

  #events(): PeerEvents {
    const { member } = this;
    return {
      opened: (link, port, dial) =>
        member.step({ kind: 'peerOpened', connection: link.id, link, port, dial, ...moment() }),
      received: ({ id: connection }, bytes) =>
        member.step({ kind: 'peerReceived', connection, bytes, start: 0, end: bytes.length, ...moment() }),
      drained: ({ id: connection }) => member.step({ kind: 'peerDrained', connection, ...moment() }),
      closed: ({ id: connection }) => member.step({ kind: 'peerClosed', connection, ...moment() }),
      dialFailed: (dial, reason) => member.step({ kind: 'dialFailed', dial, reason, ...moment() }),
      refused: (port, reason) => this.#host.logger.warn({ port }, `${port} port: ${reason}`),
    };
  }

  // Effects.

  dial(dial: number, port: PeerPort, addresses: readonly PeerAddress[]): void {
    this.network.dial(dial, port, addresses);
  }

  /** Nearly every input puts the end of some wait off: a timer that goes off too early is set again only then. */
  wakeAt(now: number): void {
    // The end of a connection is still an input; what is waited for then never comes.
    if (this.#isStopped) return;
    this.#wakeWanted = now;
    if (this.#wake !== undefined && this.#wakeSetFor <= now) return;
    clearTimeout(this.#wake);
    this.#setWake();
  }

  #setWake(): void {
    this.#wakeSetFor = this.#wakeWanted;
    this.#wake = setTimeout(() => this.#awake(), Math.max(0, Math.ceil(this.#wakeSetFor - performance.now())));
  }

  #awake(): void {
    this.#wake = undefined;
    if (performance.now() < this.#wakeWanted) return this.#setWake();
    // What the sockets hold is read before anybody is found to be late: setImmediate comes after the poll for input.
    setImmediate(() => this.step({ kind: 'tick' }));
  }

  writeEpoch(op: DiskOp, file: EpochFile, epoch: Epoch): void {
    this.#disk(op, () => writeEpochFile(new NodeFiles(), this.#parts.dirs.snapDir, file, epoch));
  }

  truncate(op: DiskOp, zxid: Zxid): void {
    this.#disk(op, async () => {
      await this.#host.log.close();
      truncateHistory(new NodeFiles(), this.#parts.dirs, zxid);
    });
  }

  installSnapshot(op: DiskOp, source: SnapshotSource, aside: string | undefined): void {
    this.#disk(op, async () => {
      await this.#host.log.close();
      const started = performance.now();
      const { path, bytes } = await writeSnapshot(this.#parts.dirs.snapDir, source.zxid, source);
      retireHistory(new NodeFiles(), this.#parts.dirs, source.zxid, aside);
      this.#host.logger.info({ file: path, bytes, ms: Math.round(performance.now() - started) }, 'snapshot installed');
    });
  }

  reload(op: DiskOp, makeTarget: () => RecoveryTarget): void {
    this.#disk(op, () => void recover(new NodeFiles(), this.#parts.dirs, makeTarget));
  }

  writeConfig(op: DiskOp, which: 'next' | 'active', config: EnsembleConfig): void {
    if (which === 'active') {
      this.#activeConfig = config;
      this.#move(config.members.get(this.#parts.ensemble.sid));
    }
    this.#knowMembers(this.#activeConfig, config);
    this.#disk(op, () => this.#parts.dynamicConfig?.write(which, config));
  }

  /** Disk work is done in its own time; the replica hears of the end, never inside the call that asked for it. */
  #disk(op: DiskOp, work: () => void | Promise<void>): void {
    const run = async (): Promise<void> => {
      await new Promise((resolve) => setImmediate(resolve));
      try {
        await work();
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return this.member.step({ kind: 'diskFailed', op, reason, ...moment() });
      }
      this.member.step({ kind: 'diskDone', op, ...moment() });
    };
    void run();
  }

  override stop(): void {
    super.stop();
    this.#isStopped = true;
    clearTimeout(this.#wake);
    this.network.close();
  }
}
