// Quorum arithmetic for people: how many servers may fail before nobody can decide. The servers count for themselves;
// this tells beforehand what a configuration is worth, weights and groups included.

import type { EnsembleConfig } from '@corral/protocol';

export interface QuorumFacts {
  /** Ids of the servers that vote, ascending. */
  readonly voters: readonly number[];
  /** Fewest voters that can decide. */
  readonly size: number;
  /** Failures of voters that leave a quorum, whichever they are; -1 when the voters that are up are no quorum. */
  readonly survives: number;
}

/** Beyond this many voters the worst case is not searched for but taken to be the majority's. */
const searchedVotersMax = 15;

export function votersOf(config: EnsembleConfig): number[] {
  const voters = [...config.members.values()].filter(({ role }) => role === 'participant');
  return voters.map(({ sid }) => sid).sort((a, b) => a - b);
}

export function observersOf(config: EnsembleConfig): number[] {
  const observers = [...config.members.values()].filter(({ role }) => role === 'observer');
  return observers.map(({ sid }) => sid).sort((a, b) => a - b);
}

/** Whether these servers can decide: more than half of the voters, or more than half of the groups by weight. */
export function isQuorum(config: EnsembleConfig, has: ReadonlySet<number>): boolean {
  if (config.groups === undefined) {
    const voters = votersOf(config);
    return 2 * voters.filter((sid) => has.has(sid)).length > voters.length;
  }
  const weightOf = (sid: number): number => config.weights?.get(sid) ?? 1;
  const sum = (sids: readonly number[]): number => sids.reduce((total, sid) => total + weightOf(sid), 0);
  const counting = [...config.groups.values()].filter((sids) => sum(sids) > 0);
  const won = counting.filter((sids) => 2 * sum(sids.filter((sid) => has.has(sid))) > sum(sids));
  return 2 * won.length > counting.length;
}

/** What holds while the voters `up` (all of them, unless given) are there. */
export function quorumFacts(config: EnsembleConfig, up: readonly number[] = votersOf(config)): QuorumFacts {
  const voters = votersOf(config);
  if (config.groups === undefined || voters.length > searchedVotersMax) {
    const size = Math.floor(voters.length / 2) + 1;
    return { voters, size, survives: Math.max(-1, up.length - size) };
  }
  const quorums = subsets(voters).filter((sids) => isQuorum(config, new Set(sids)));
  const size = Math.min(voters.length, ...quorums.map((sids) => sids.length));
  return { voters, size, survives: survivesWorstCase(config, up) };
}

/** One less than the fewest failures that take the quorum away. */
function survivesWorstCase(config: EnsembleConfig, up: readonly number[]): number {
  const fatal = subsets(up).filter((gone) => !isQuorum(config, new Set(up.filter((sid) => !gone.includes(sid)))));
  return Math.min(up.length, ...fatal.map((gone) => gone.length)) - 1;
}

function subsets(sids: readonly number[]): number[][] {
  return sids.reduce<number[][]>((found, sid) => [...found, ...found.map((some) => [...some, sid])], [[]]);
}

export const count = (n: number, one: string): string => `${n} ${one}${n === 1 ? '' : 's'}`;

export const survivesWords = (survives: number): string =>
  survives < 0 ? 'no quorum' : survives === 0 ? 'survives no failure' : `survives ${count(survives, 'failure')}`;
