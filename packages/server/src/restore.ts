// Start-up: directories, lock, and the state that the disk holds.

import * as path from 'node:path';
import { RestoredState, SnapshotReader, recover } from '@corral/core';
import type { RecoveryResult, ReplicaOptions } from '@corral/core';
import { ProtocolError, formatZxid, zxidZero } from '@corral/protocol';
import type { Config } from './config/load.ts';
import type { Logger } from './log.ts';
import { NodeFiles } from './storage/node-files.ts';

export interface DataDirs {
  readonly snapDir: string;
  readonly logDir: string;
}

const versionDir = 'version-2';
const progressEvery = 250_000;

export const dataDirs = (config: Pick<Config, 'dataDir' | 'dataLogDir'>): DataDirs => ({
  snapDir: path.join(config.dataDir, versionDir),
  logDir: path.join(config.dataLogDir, versionDir),
});

/** Creates the directories, unless that is switched off. */
export function ensureDirs(config: Config): void {
  const files = new NodeFiles();
  for (const dir of Object.values(dataDirs(config)) as string[]) {
    if (!config.dataDirAutocreate) files.list(dir);
    else files.makeDir(dir);
  }
}

/** Restores the state; the last `entriesKept` transactions are remembered as bytes as well. Throws RecoveryRefused when the data is damaged. */
export function restore(
  config: Config,
  options: ReplicaOptions,
  logger: Logger,
  entriesKept: number,
): RecoveryResult<RestoredState> {
  let shown = 0;
  const result = recover(
    new NodeFiles(),
    {
      ...dataDirs(config),
      trustEmptySnapshot: config.snapshotTrustEmpty,
      progress: ({ file, replayed }) => {
        if (replayed - shown < progressEvery) return;
        shown = replayed;
        logger.info({ file, replayed }, 'replaying the transaction log');
      },
    },
    () => new RestoredState(options, entriesKept),
  );
  for (const note of result.notes) logger.warn({}, note);
  result.target.finish();
  const { tree, sessions } = result.target;
  if (result.target.digestMismatches > 0)
    logger.error(
      { mismatches: result.target.digestMismatches },
      'tree digests in the log do not match the replayed tree',
    );
  if (result.target.keptTtlNodes > 0)
    logger.warn(
      { znodes: result.target.keptTtlNodes },
      'nodes with a time to live are kept but never expire: set extendedTypesEnabled=true, as the server had that wrote them',
    );
  logger.info(
    {
      snapshot: result.snapshotFile ?? 'none',
      replayed: result.replayed,
      zxid: formatZxid(tree.lastZxid),
      znodes: tree.nodes.count,
      sessions: sessions.size,
    },
    'state restored',
  );
  return result;
}

/** The state that a snapshot holds, seals checked. Throws ProtocolError when it is damaged. */
export async function readState(snapshot: AsyncIterable<Uint8Array>, options: ReplicaOptions): Promise<RestoredState> {
  const state = new RestoredState(options);
  const reader = new SnapshotReader(state);
  for await (const chunk of snapshot) reader.push(chunk);
  const { lastZxid, digest } = reader.finish();
  if (state.tree.nodes.count === 0) throw new ProtocolError('the snapshot holds no tree');
  state.snapshotDone({ zxid: lastZxid ?? digest?.zxid ?? zxidZero, ...(digest === undefined ? {} : { digest }) });
  state.finish();
  return state;
}
