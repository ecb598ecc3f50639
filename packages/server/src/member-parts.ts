// From configuration and disk to what a member of an ensemble starts with.

import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { restoreEpochs } from '@corral/core';
import type { Zxid } from '@corral/protocol';
import { DynamicConfig } from './config/dynamic-files.ts';
import type { LoadedConfig } from './config/load.ts';
import type { EnsemblePlace } from './config/members.ts';
import type { MemberParts } from './member-host.ts';
import { ensembleOptions } from './replica-options.ts';
import { dataDirs } from './restore.ts';
import { NodeFiles } from './storage/node-files.ts';

/** Whoever puts this file into an empty data directory says: this server belongs to a new ensemble, it has lost nothing. */
export const initializeFile = (dataLogDir: string): string => path.join(dataLogDir, 'initialize');
export const mayBegin = (dataLogDir: string): boolean => existsSync(initializeFile(dataLogDir));

/** Throws RecoveryRefused when the epoch files contradict each other. */
export function memberParts(
  { config, configFile }: LoadedConfig,
  place: EnsemblePlace,
  lastZxid: Zxid,
  isEmpty: boolean,
): MemberParts {
  const dirs = dataDirs(config);
  const canKeep = config.reconfigEnabled && configFile !== undefined;
  const { tickTimeMs, initLimitTicks, connectToLearnerMasterLimitTicks } = config;
  return {
    ensemble: ensembleOptions(config, place),
    dirs,
    epochs: restoreEpochs(new NodeFiles(), dirs.snapDir, lastZxid, isEmpty),
    isEmpty,
    dynamicConfig: canKeep ? new DynamicConfig(path.resolve(configFile), place.sid) : undefined,
    listenOnAll: config.quorumListenOnAllIps,
    network: {
      electionTimeoutMs: config.cnxTimeoutSeconds * 1000,
      quorumTimeoutMs: (connectToLearnerMasterLimitTicks || initLimitTicks) * tickTimeMs,
      keepAlive: config.tcpKeepAlive,
      bindTries: config.electionPortBindRetry,
    },
  };
}
