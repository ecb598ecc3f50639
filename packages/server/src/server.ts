// A Corral server: storage, replica, admin port and client port. Started by `startServer`; stopped
// by `stop`, or by itself when it must not go on.

import { rmSync } from 'node:fs';
import { formatZxid } from '@corral/protocol';
import type { HostPort } from '@corral/protocol';
import type { AdminServer } from './admin/http.ts';
import { answerFourLetterWord, argumentBytesOf, matchFourLetterWord } from './admin/four-letter.ts';
import type { Config, LoadedConfig } from './config/load.ts';
import { lockDataDirs } from './data-lock.ts';
import { ReplicaHost } from './host.ts';
import type { HostParts } from './host.ts';
import { MemberHost } from './member-host.ts';
import { agreedPlace, initializeFile, memberParts, restoreAsMember } from './member-parts.ts';
import type { Logger } from './log.ts';
import type { ClientConnection } from './net/client-connection.ts';
import { writeInSteps } from './net/write-in-steps.ts';
import { ClientListener } from './net/client-listener.ts';
import { checkPortIsFree } from './net/check-port.ts';
import type { HeldPorts } from './net/peer-network.ts';
import { replicaOptions } from './replica-options.ts';
import { dataDirs, ensureDirs, readState, restore } from './restore.ts';
import { HostFacts } from './host-facts.ts';
import { startPurging } from './storage/purge.ts';
import { TxnLogWriter } from './storage/txn-log.ts';
import { writeSnapshot } from './storage/snapshot-files.ts';

/** Unread bytes after which a client that does not read is cut off. */
const backlogBytesMax = 64 << 20;
const drainMs = 10_000;
/** In a configuration: every interface. */
const anyAddress = '0.0.0.0';

const noPorts: HeldPorts = new Map();

export interface StartOptions {
  /** Ports of its server.N lines that the caller has taken for it. */
  readonly held?: HeldPorts;
  /** Done when the state is restored and no port is open yet. */
  readonly beforeServing?: (server: CorralServer) => Promise<void>;
}

export class CorralServer {
  readonly config: Config;
  readonly facts: HostFacts;
  readonly host: ReplicaHost;
  /** Resolves when the server has stopped, with the reason when that was not asked for. */
  readonly ended: Promise<string | undefined>;
  readonly #logger: Logger;
  readonly #listener: ClientListener;
  readonly #log: TxnLogWriter;
  readonly #unlock: () => void;
  readonly #stopPurging: () => void;
  #admin: AdminServer[] = [];
  #end: (reason: string | undefined) => void = () => undefined;
  #stopping: Promise<void> | undefined;
  #failure: string | undefined;
  port = 0;

  /** Recovers and opens the client port. Rejects when the data is damaged or in use, or the port is taken. */
  static async start(loaded: LoadedConfig, logger: Logger, options: StartOptions = {}): Promise<CorralServer> {
    const { config } = loaded;
    const { held = noPorts, beforeServing } = options;
    await checkPortIsFree(config); // before anything is written
    ensureDirs(config);
    const unlock = await lockDataDirs([config.dataDir, config.dataLogDir], (dir) =>
      logger.warn({ dir }, 'this file system has no sockets: nothing keeps a second server from this directory'),
    );
    let server: CorralServer | undefined;
    try {
      server = new CorralServer(loaded, logger, unlock, held);
      await server.#open(beforeServing);
      return server;
    } catch (error) {
      if (server !== undefined) {
        server.host.stop();
        server.#stopPurging();
        await Promise.all(server.#admin.map((admin) => admin.close()));
      }
      unlock();
      throw error;
    }
  }

  private constructor(loaded: LoadedConfig, logger: Logger, unlock: () => void, held: HeldPorts) {
    const { config } = loaded;
    this.config = config;
    this.#logger = logger;
    this.#unlock = unlock;
    this.ended = new Promise((resolve) => (this.#end = resolve));
    const options = replicaOptions(config, Date.now(), loaded.ensemble !== undefined);
    const { ensemble } = loaded;
    const began = performance.now();
    const member = ensemble && restoreAsMember(config, ensemble, options, logger);
    const restored = member?.result ?? restore(config, options, logger);
    const restoredMs = performance.now() - began;
    const { snapDir, logDir } = dataDirs(config);
    this.#log = new TxnLogWriter({
      dir: logDir,
      forceSync: config.forceSync,
      preallocBytes: config.preAllocSizeKb * 1024,
      warn: (message) => logger.warn({}, message),
      syncWarningMs: config.fsyncWarningThresholdMs,
      onSync: (ms) => this.facts.fsynced(ms),
      onFailure: (error) => this.#halt(`the transaction log failed: ${error.message}`),
    });
    const parts: HostParts = {
      options,
      state: restored.target,
      replayed: restored.replayed,
      log: this.#log,
      snapDir,
      compression: config.snapshotCompression === 'GZ' ? 'gz' : 'none',
      logger,
      halted: (reason) => this.#halt(reason),
      tickLate: (ms) => this.facts.tickLate(ms),
      appending: (count) => this.facts.appending(count),
      appended: (ms) => this.facts.appended(ms),
      snapshotWritten: (ms) => this.facts.metrics.summary('snapshottime').record(ms),
    };
    this.#isNew = restored.snapshotFile === undefined;
    this.host =
      ensemble === undefined || member === undefined
        ? new ReplicaHost(parts)
        : new MemberHost(
            parts,
            memberParts(loaded, agreedPlace(ensemble, config, restored.target, logger), member, held),
          );
    this.#listener = this.#makeListener();
    this.facts = new HostFacts(loaded, this.host, this.#listener, (snapshot) => this.#restore(snapshot));
    this.facts.restored(restored, restoredMs);
    this.#stopPurging = startPurging({
      snapDir,
      logDir,
      keep: config.snapRetainCount,
      intervalHours: config.purgeIntervalHours,
      purged: (names) => names.length > 0 && logger.info({ files: names.length }, 'old snapshots and logs deleted'),
      failed: (error) => logger.error({ error: String(error) }, 'old snapshots and logs could not be deleted'),
    });
  }

  readonly #isNew: boolean;

  async #open(beforeServing: StartOptions['beforeServing']): Promise<void> {
    const { host } = this;
    const isMember = host instanceof MemberHost;
    if (isMember) await host.listen();
    if (this.#isNew && !(isMember && host.member.peer.isUnknown)) {
      // Without any snapshot a log alone would be refused at the next start, here and by Apache.
      const source = this.host.replica.snapshotSource();
      await writeSnapshot(dataDirs(this.config).snapDir, source.zxid, source, { compression: 'none' });
    }
    await beforeServing?.(this);
    if (isMember) rmSync(initializeFile(this.config.dataLogDir), { force: true });
    this.port = await this.#listener.listen();
    if (isMember) {
      host.moveClients = (client) => this.#moveClients(client);
      host.start();
    }
    this.facts.startedServing();
  }

  /** A reconfiguration may say where clients are served from now on; those that are connected stay. */
  async #moveClients(client: HostPort): Promise<void> {
    if (this.#stopping !== undefined) return;
    const host = client.host === anyAddress ? this.config.clientPortAddress : client.host;
    this.port = await this.#listener.moveTo(host, client.port);
    this.#logger.info({ clients: `${host ?? anyAddress}:${this.port}` }, 'clients are served at another address');
  }

  #makeListener(): ClientListener {
    const { config, host } = this;
    return new ClientListener(
      {
        host: config.clientPortAddress,
        port: config.clientPort ?? 0,
        backlog: config.clientPortListenBacklog,
        perAddressMax: config.maxClientCnxns,
        totalMax: config.maxCnxns,
        keepAlive: config.clientTcpKeepAlive,
        backlogBytesMax,
      },
      {
        opened: (connection) => host.opened(connection),
        received: (connection, bytes, start, end) => host.received(connection, bytes, start, end),
        drained: (connection) => host.drained(connection),
        closed: (connection) => host.closed(connection),
        refused: (address, reason) => this.#logger.debug({ address, reason }, 'connection refused'),
        word: (connection, bytes, start) => this.#word(connection, bytes, start),
      },
    );
  }

  /** Answers a four-letter word and closes. */
  #word(connection: ClientConnection, bytes: Uint8Array, start: number): boolean {
    const word = matchFourLetterWord(bytes, start);
    if (word === undefined) return false;
    const { socket } = connection;
    const argument = bytes.slice(start + 4, start + 4 + argumentBytesOf(word));
    const callerAddress = connection.endpoint;
    this.facts.wordAnswered();
    void writeInSteps(socket, answerFourLetterWord(word, this.facts, { callerAddress, argument }));
    return true;
  }

  /** Opens the admin and metrics ports, for which the HTTP library is loaded now. */
  async openAdmin(): Promise<readonly string[]> {
    if (this.#stopping !== undefined) return [];
    if (!this.config.adminEnabled && !this.config.metricsProvider.endsWith('PrometheusMetricsProvider')) return [];
    const { startAdminServer, startMetricsServer } = await import('./admin/http.ts');
    const onError = (error: unknown): void => this.#logger.error({ error: String(error) }, 'admin request failed');
    for (const open of [startAdminServer, startMetricsServer]) {
      const server = await open(this.facts, { onError });
      if (server !== undefined) this.#admin.push(server);
    }
    return this.#admin.map(({ url }) => url);
  }

  /** Replaces the tree by that of a snapshot; every client has to connect again. */
  async #restore(snapshot: AsyncIterable<Uint8Array>): Promise<number> {
    const began = performance.now();
    const state = await readState(snapshot, this.host.options);
    const zxid = await this.host.replaceState(state, () => this.#listener.destroyAll());
    this.facts.observeReplica();
    this.facts.metrics.summary('restore_time').record(Math.round(performance.now() - began));
    this.#logger.warn({ zxid: formatZxid(zxid) }, 'the tree was replaced by a snapshot');
    return zxid;
  }

  #halt(reason: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    this.facts.metrics.counter('unrecoverable_error_count').add(1);
    this.#logger.fatal({ reason: `${reason}${adviceFor(reason)}` }, 'the server stops: nothing more is acknowledged');
    void this.stop();
  }

  /** Lets writes in flight finish, answers them, and closes everything. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.facts.stoppedServing();
    this.#listener.stopAccepting();
    this.#stopPurging();
    // A member takes no more requests and leaves its role when those in flight are answered: the others look for a leader
    // while this one is still closing its files.
    if (this.host instanceof MemberHost) this.host.handOver(Infinity);
    else for (const { socket } of this.#listener.connections.values()) socket.pause();
    if (this.#failure === undefined) await within(drainMs, this.host.settle());
    this.host.stop();
    this.#listener.destroyAll();
    await Promise.all(this.#admin.map((server) => server.close()));
    if (this.#failure === undefined) await this.#closeLog();
    this.#unlock();
    const zxid = formatZxid(this.host.replica.pipeline.ctx.tree.lastZxid);
    this.#logger.info({ zxid }, 'stopped');
    this.#end(this.#failure);
  }

  async #closeLog(): Promise<void> {
    try {
      await this.#log.close();
    } catch (error) {
      this.#failure = `the transaction log could not be closed: ${String(error)}`;
    }
  }
}

/** What an operator can do about it. */
function adviceFor(reason: string): string {
  if (/ENOSPC|EDQUOT/.test(reason)) return '; free some space and start again, everything acknowledged is on the disk';
  if (/EIO|EROFS/.test(reason)) return '; check the disk, then `corral doctor --data-dir`, before starting again';
  return '';
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}
