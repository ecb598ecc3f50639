// How a member of an ensemble starts on its disk: history and epochs, and whether it may vote on them. Where they are
// damaged, and the others are enough to decide without this server, it does not wait for an operator: what is damaged is
// set aside, and this server begins like one whose disk was replaced, except that it keeps its promise.

import { restoreEpochs } from './epoch-files.ts';
import type { EpochNumbers } from './epoch-files.ts';
import type { Files } from './files.ts';
import { recover } from './recovery.ts';
import type { RecoveryOptions, RecoveryResult, RecoveryTarget } from './recovery.ts';
import { RecoveryRefused } from './recovery-refused.ts';
import type { RefusalFacts } from './recovery-refused.ts';
import { finishSettingAside, isSetAside, setAside } from './set-aside.ts';

export interface MemberRecovery extends RecoveryOptions {
  /** Somebody has said that an empty directory is no loss: the ensemble is new. */
  readonly mayBegin: boolean;
  /** A damaged history may be set aside: the other voters are a quorum without this server. */
  readonly maySetAside: boolean;
  /** Name of a directory for it, in the directories of the history. */
  readonly asideName: string;
  /** Called before anything is moved; without facts, when an earlier start was interrupted doing so. */
  readonly settingAside: (facts: RefusalFacts | undefined) => void;
}

export interface RestoredMember<T> {
  readonly result: RecoveryResult<T>;
  readonly epochs: EpochNumbers;
  /** There is no history, and nobody has said that none is lost. */
  readonly isEmpty: boolean;
}

/** Restores a member. Throws RecoveryRefused when it must not start, or the error of a failing disk. */
export function restoreMember<T extends RecoveryTarget>(
  files: Files,
  options: MemberRecovery,
  makeTarget: () => T,
): RestoredMember<T> {
  if (finishSettingAside(files, options, options.asideName)) options.settingAside(undefined);
  try {
    return restore(files, options, makeTarget);
  } catch (error) {
    if (!(error instanceof RecoveryRefused) || error.facts.isDamage !== true || !options.maySetAside) throw error;
    options.settingAside(error.facts);
    setAside(files, options, options.asideName);
    return restore(files, options, makeTarget);
  }
}

function restore<T extends RecoveryTarget>(
  files: Files,
  options: MemberRecovery,
  makeTarget: () => T,
): RestoredMember<T> {
  const result = recover(files, options, makeTarget);
  const hasNothing = result.snapshotFile === undefined && result.replayed === 0;
  const isEmpty = hasNothing && (!options.mayBegin || isSetAside(files, options.snapDir));
  const epochs = restoreEpochs(files, options.snapDir, result.lastZxid, isEmpty);
  // What is begun anew has no number yet, whatever an earlier history has left behind.
  return { result, epochs: hasNothing ? { ...epochs, historyId: 0 } : epochs, isEmpty };
}
