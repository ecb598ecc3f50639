// From configuration and disk to what a member of an ensemble starts with.

import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { QuorumVerifier, RecoveryRefused, RestoredState, restoreMember } from '@corral/core';
import type { RefusalFacts, ReplicaOptions, RestoredMember } from '@corral/core';
import { EnsembleConfigError, decodeText, formatZxid, parseEnsembleConfig, systemPaths } from '@corral/protocol';
import type { EnsembleConfig } from '@corral/protocol';
import { DynamicConfig } from './config/dynamic-files.ts';
import type { Config, LoadedConfig } from './config/load.ts';
import type { EnsemblePlace } from './config/members.ts';
import { checkMembers } from './config/place.ts';
import type { Logger } from './log.ts';
import type { MemberParts } from './member-host.ts';
import { KnownPeers } from './net/known-peers.ts';
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

/** The list of members that the data holds; undefined when it was never written by a member. */
export function loggedMembers({ tree }: RestoredState): EnsembleConfig | undefined {
  const node = tree.find(systemPaths.config);
  const data = node < 0 ? null : tree.data(node);
  if (data === null || data.length === 0) return undefined;
  try {
    return parseEnsembleConfig(decodeText(data, 0, data.length));
  } catch (error) {
    if (!(error instanceof EnsembleConfigError)) throw error;
    return undefined; // clients with the super user's rights may write there what they like
  }
}

/**
 * The place in the ensemble as files and data say it together. Throws RecoveryRefused when the list of members in the
 * files cannot be the one that this data belongs to.
 */
export function agreedPlace(place: EnsemblePlace, config: Config, state: RestoredState, logger: Logger): EnsemblePlace {
  const { dynamicFile } = place;
  const { reconfigEnabled } = config;
  const check = checkMembers(
    { config: place.config, next: place.nextConfig, reconfigEnabled, dynamicFile },
    loggedMembers(state),
  );
  if (check.kind === 'refused')
    throw new RecoveryRefused({
      file: dynamicFile ?? 'server.N',
      problem: check.problem,
      advice: check.advice,
    });
  if (check.notice !== undefined) logger.warn({}, check.notice);
  return { ...place, nextConfig: check.next };
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
      nameTries: 30,
      held,
      // A server that joins is in no configuration yet.
      known: new KnownPeers(config.quorumAllowedAddresses ?? (config.reconfigEnabled ? 'any' : [])),
    },
  };
}
