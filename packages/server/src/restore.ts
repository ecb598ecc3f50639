// Start-up: directories, lock, and the state that the disk holds.

import { randomInt } from 'node:crypto';
import * as path from 'node:path';
import {
  RecoveryRefused,
  RestoredState,
  SnapshotReader,
  isSetAside,
  readHistoryIdFile,
  recover,
  writeEpochFile,
} from '@corral/core';
import type { RecoveryOptions, RecoveryResult, ReplicaOptions } from '@corral/core';
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

/** What recovery reads, and where it tells how far it is. */
export function recoveryOptions(config: Config, logger: Logger): RecoveryOptions {
  let shown = 0;
  return {
    ...dataDirs(config),
    trustEmptySnapshot: config.snapshotTrustEmpty,
    progress: ({ file, replayed }) => {
      if (replayed - shown < progressEvery) return;
      shown = replayed;
      logger.info({ file, replayed }, 'replaying the transaction log');
    },
  };
}

/** Restores the state of a server on its own. Throws RecoveryRefused when the data is damaged. */
export function restore(config: Config, options: ReplicaOptions, logger: Logger): RecoveryResult<RestoredState> {
  const files = new NodeFiles();
  const { snapDir } = dataDirs(config);
  if (isSetAside(files, snapDir)) throw historyIsSetAside(snapDir);
  const result = restored(
    recover(files, recoveryOptions(config, logger), () => new RestoredState(options)),
    logger,
  );
  leaveEnsemble(files, snapDir, logger);
  return result;
}

/** What a member's data goes on with alone is another history from here on, whatever its zxids look like. */
function leaveEnsemble(files: NodeFiles, snapDir: string, logger: Logger): void {
  if (readHistoryIdFile(files, snapDir) === 0) return;
  writeEpochFile(files, snapDir, 'historyId', randomInt(1, 2 ** 40));
  logger.warn(
    { directory: snapDir },
    'THIS DATA IS THAT OF A MEMBER of an ensemble, and the server is standalone now: its history is another one from here ' +
      'on. The ensemble will not take this server back with this data; to go back, move the directory away first',
  );
}

const historyIsSetAside = (snapDir: string): RecoveryRefused =>
  new RecoveryRefused({
    file: `${snapDir}/currentEpoch`,
    problem:
      'as a member of an ensemble this server has set its damaged history aside, and has got none from a leader since',
    advice: `let it rejoin its ensemble first, or put a whole history in place of this directory: what was set aside lies in ${snapDir}/damaged-*`,
  });

/** Ends the restoration, and tells what there is. */
export function restored(result: RecoveryResult<RestoredState>, logger: Logger): RecoveryResult<RestoredState> {
  const { target: state } = result;
  for (const note of result.notes) logger.warn({}, note);
  state.finish();
  const { tree, sessions } = state;
  if (state.digestMismatches > 0)
    logger.error({ mismatches: state.digestMismatches }, 'tree digests in the log do not match the replayed tree');
  if (tree.acls.missing > 0)
    logger.warn(
      { znodes: tree.acls.missing },
      'nodes have permissions that neither the snapshot nor the log holds: only the super user can read them or set their ACL',
    );
  if (state.keptTtlNodes > 0)
    logger.warn(
      { znodes: state.keptTtlNodes },
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
