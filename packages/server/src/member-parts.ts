// From configuration and disk to what a member of an ensemble starts with.

import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { QuorumVerifier, RestoredState, restoreMember } from '@corral/core';
import type { RefusalFacts, ReplicaOptions, RestoredMember } from '@corral/core';
import { formatZxid } from '@corral/protocol';
import { DynamicConfig } from './config/dynamic-files.ts';
import type { Config, LoadedConfig } from './config/load.ts';
import type { EnsemblePlace } from './config/members.ts';
import type { Logger } from './log.ts';
import type { MemberParts } from './member-host.ts';
import type { HeldPorts } from './net/peer-network.ts';
import { ensembleOptions } from './replica-options.ts';
import { dataDirs, recoveryOptions, restored } from './restore.ts';
import { NodeFiles } from './storage/node-files.ts';

/** Whoever puts this file into an empty data directory says: this server belongs to a new ensemble, it has lost nothing. */
export const initializeFile = (dataLogDir: string): string => path.join(dataLogDir, 'initialize');
export const mayBegin = (dataLogDir: string): boolean => existsSync(initializeFile(dataLogDir));

/** Restores the state of a member. Throws RecoveryRefused when it must not start on what is on its disk. */
export function restoreAsMember(
  config: Config,
  place: EnsemblePlace,
  options: ReplicaOptions,
  logger: Logger,
): RestoredMember<RestoredState> {
  const time = new Date().toISOString().replace(/[:.]/g, '-');
  const asideName = `damaged-${time}`;
  const member = restoreMember(
    new NodeFiles(),
    {
      ...recoveryOptions(config, logger),
      mayBegin: mayBegin(config.dataLogDir),
      maySetAside: config.setAsideDamage && othersAreEnough(place),
      asideName,
      settingAside: (facts) => reportSettingAside(logger, asideName, facts),
    },
    () => new RestoredState(options, config.commitLogCount),
  );
  restored(member.result, logger);
  return member;
}

/** Whether the other voters can decide without this server, so that it can get from them what it has lost. */
function othersAreEnough({ sid, config, nextConfig }: EnsemblePlace): boolean {
  const configs = nextConfig === undefined ? [config] : [config, nextConfig];
  return configs.every((one) => new QuorumVerifier(one).isQuorum((other) => other !== sid));
}

function reportSettingAside(logger: Logger, directory: string, facts: RefusalFacts | undefined): void {
  if (facts === undefined) return logger.warn({ directory }, 'a damaged history was set aside; that is finished now');
  const { file, offset, problem, lostFrom, lostBefore } = facts;
  logger.error(
    {
      file,
      ...(offset !== undefined && { offset }),
      problem,
      ...(lostFrom !== undefined && { lostFrom: formatZxid(lostFrom) }),
      ...(lostBefore !== undefined && { lostBefore: formatZxid(lostBefore) }),
      directory,
    },
    'THE HISTORY OF THIS SERVER IS DAMAGED. All its logs and snapshots are moved into this directory beside them; nothing ' +
      'is deleted. The server has no vote until a leader has given it the whole history again. Check its disk',
  );
}

/** What a member consists of. */
export function memberParts(
  { config, configFile }: LoadedConfig,
  place: EnsemblePlace,
  { epochs, isEmpty }: Pick<RestoredMember<RestoredState>, 'epochs' | 'isEmpty'>,
  held: HeldPorts,
): MemberParts {
  const dirs = dataDirs(config);
  const canKeep = config.reconfigEnabled && configFile !== undefined;
  const { tickTimeMs, initLimitTicks, connectToLearnerMasterLimitTicks } = config;
  return {
    ensemble: ensembleOptions(config, place),
    dirs,
    epochs,
    isEmpty,
    dynamicConfig: canKeep ? new DynamicConfig(path.resolve(configFile), place.sid) : undefined,
    listenOnAll: config.quorumListenOnAllIps,
    network: {
      electionTimeoutMs: config.cnxTimeoutSeconds * 1000,
      quorumTimeoutMs: (connectToLearnerMasterLimitTicks || initLimitTicks) * tickTimeMs,
      keepAlive: config.tcpKeepAlive,
      bindTries: config.electionPortBindRetry,
      held,
    },
  };
}
