// Whether a server stands alone, is a member of an ensemble, or must not start at all. The files that say so are written
// by different hands at different times: zoo.cfg by an operator, the list of members by the servers, myid by an installer,
// epochs by the member itself. When one of them is lost or cut, the others still show that this server belongs to an
// ensemble. A member that then served alone would acknowledge writes that the ensemble never sees, so contradictions stop
// the start. All decisions are rows of one table; the first row that applies decides.

import type { EnsembleConfig } from '@corral/protocol';
import { votersOf } from '@corral/core';

/** What the files say, before any data is read. */
export interface PlaceFacts {
  readonly standaloneEnabled: boolean;
  readonly reconfigEnabled: boolean;
  /** Absolute path of zoo.cfg; undefined for a server that is started without one. */
  readonly configFile: string | undefined;
  /** The file that `dynamicConfigFile` names. */
  readonly dynamicFile: string | undefined;
  /** The members in force; undefined when no file lists any. */
  readonly config: EnsembleConfig | undefined;
  /** A newer list that was proposed when the server stopped. */
  readonly next: EnsembleConfig | undefined;
  /** A list of members beside zoo.cfg that zoo.cfg does not name. */
  readonly strayList: string | undefined;
  readonly myId: number | undefined;
  readonly myIdFile: string;
  /** An epoch file in the data directory: only members write them. */
  readonly epochFile: string | undefined;
}

export type Place =
  | { readonly kind: 'standalone' }
  | { readonly kind: 'member' }
  | { readonly kind: 'refused'; readonly problem: string };

interface Row {
  /** For the reader, and for tests that say which row they mean. */
  readonly name: string;
  readonly applies: (facts: PlaceFacts) => boolean;
  readonly then: 'standalone' | 'member' | ((facts: PlaceFacts) => string);
}

const cfg = ({ configFile }: PlaceFacts): string => configFile ?? 'the configuration';
const voters = (config: EnsembleConfig | undefined): number => (config === undefined ? 0 : votersOf(config).length);
const isListed = ({ config, next, myId }: PlaceFacts): boolean =>
  myId !== undefined && (config?.members.has(myId) === true || next?.members.has(myId) === true);
const isAlone = (facts: PlaceFacts): boolean => voters(facts.config) === 1 && facts.standaloneEnabled;
const onlySid = ({ config }: PlaceFacts): number => [...(config?.members.keys() ?? [])][0];

const putBack = 'put the lines of all members back, as another member has them';

/** The first row that applies decides. */
export const placeTable: readonly Row[] = [
  {
    name: 'the list of members is empty',
    applies: ({ config, dynamicFile }) => config === undefined && dynamicFile !== undefined,
    then: (facts) =>
      `${facts.dynamicFile}: no server.N line, but ${cfg(facts)} names this file as the list of the ensemble's members. ` +
      `Started alone, this server would acknowledge writes that the ensemble never sees: ${putBack}; ` +
      'for a standalone server remove dynamicConfigFile',
  },
  {
    name: 'a member without members',
    applies: ({ config, standaloneEnabled }) => config === undefined && !standaloneEnabled,
    then: (facts) =>
      `${cfg(facts)}: standaloneEnabled=false, but no server.N line says who the members are: ${putBack}; ` +
      'for a standalone server remove standaloneEnabled',
  },
  {
    name: 'a list that nothing names',
    applies: ({ config, strayList }) => config === undefined && strayList !== undefined,
    then: (facts) =>
      `${facts.strayList}: lists the members of an ensemble, but ${cfg(facts)} has neither server.N lines nor ` +
      'dynamicConfigFile. If the server belongs to that ensemble, add dynamicConfigFile with the newest such file; ' +
      'for a standalone server move these files away',
  },
  { name: 'no members anywhere', applies: ({ config }) => config === undefined, then: 'standalone' },
  {
    name: 'observers without voters',
    applies: (facts) => isAlone(facts) && facts.config!.members.size > 1,
    then: () => 'server.N: observers need at least two participants to observe',
  },
  {
    name: 'alone, but more were proposed',
    applies: (facts) => isAlone(facts) && facts.next !== undefined,
    then: (facts) =>
      `${facts.dynamicFile}: only server.${onlySid(facts)} is a member, but ${cfg(facts)}.dynamic.next lists others that ` +
      'were proposed later. To go on as an ensemble set standaloneEnabled=false; for a standalone server delete that file',
  },
  {
    name: 'alone in a list that servers write, with the epochs of a member',
    applies: (facts) => isAlone(facts) && facts.dynamicFile !== undefined && facts.epochFile !== undefined,
    then: (facts) =>
      `${facts.dynamicFile}: only server.${onlySid(facts)} is a member, but ${facts.epochFile} was written by a member of ` +
      `an ensemble. If lines are missing, ${putBack}; to go on as an ensemble of one set standaloneEnabled=false; ` +
      'for a standalone server remove dynamicConfigFile',
  },
  {
    // Without epochs and with a line in zoo.cfg nothing but the number is odd; images write some number in any case.
    name: 'alone under the number of another server',
    applies: (facts) =>
      isAlone(facts) &&
      facts.myId !== undefined &&
      !isListed(facts) &&
      (facts.dynamicFile !== undefined || facts.epochFile !== undefined),
    then: (facts) =>
      `${facts.myIdFile}: ${facts.myId}: there is no line server.${facts.myId}, only server.${onlySid(facts)}; ` +
      'change one of the two',
  },
  { name: 'one voter', applies: isAlone, then: 'standalone' },
  {
    name: 'a member without a number',
    applies: ({ myId }) => myId === undefined,
    then: ({ myIdFile }) => `${myIdFile}: missing: write the number of this server's server.N line into it`,
  },
  {
    name: 'a number without a line',
    applies: (facts) => !isListed(facts) && !facts.reconfigEnabled,
    then: ({ myIdFile, myId }) => `${myIdFile}: ${myId}: there is no line server.${myId}; change one of the two`,
  },
  { name: 'member', applies: () => true, then: 'member' },
];

export function decidePlace(facts: PlaceFacts): Place {
  const { then } = placeTable.find((row) => row.applies(facts))!;
  return typeof then === 'string' ? { kind: then } : { kind: 'refused', problem: then(facts) };
}

// What the data says, once it is read: every snapshot and every reconfiguration in the log holds the list of members.

/** The members in force as a file has them. */
export interface ListedMembers {
  readonly config: EnsembleConfig;
  readonly next: EnsembleConfig | undefined;
  readonly reconfigEnabled: boolean;
  /** The file that lists them, when that is not zoo.cfg, which only an operator changes. */
  readonly dynamicFile: string | undefined;
}

export type MembersCheck =
  | { readonly kind: 'fine'; readonly next: EnsembleConfig | undefined; readonly notice?: string }
  | { readonly kind: 'refused'; readonly problem: string; readonly advice: string };

/** Compares the list of members in the files with the one in the data (`logged`). */
export function checkMembers(listed: ListedMembers, logged: EnsembleConfig | undefined): MembersCheck {
  const { config, next, reconfigEnabled, dynamicFile } = listed;
  if (logged === undefined || logged.members.size === 0 || haveSameVoters(config, logged))
    return { kind: 'fine', next };
  // What this server logged last binds it, whatever became of the file: decisions need a majority of both.
  if (reconfigEnabled && logged.version > config.version)
    return { kind: 'fine', next: next !== undefined && next.version > logged.version ? next : logged };
  const isOtherText = logged.version === config.version && config.version > 0;
  const mayDiverge = logged.version >= config.version && canDecideApart(config, logged);
  // A list that has grown was not cut.
  const isCut = mayDiverge && votersOf(logged).some((sid) => !config.members.has(sid));
  if (dynamicFile !== undefined && (isOtherText || isCut))
    return {
      kind: 'refused',
      problem: `it lists ${namesOf(config)}, but the data of this server was written in an ensemble of ${namesOf(logged)}`,
      advice: `${putBack}; if the members were changed by hand, list them in zoo.cfg instead of this file`,
    };
  if (!mayDiverge) return { kind: 'fine', next };
  return {
    kind: 'fine',
    next,
    notice:
      `the members are ${namesOf(config)} now, they were ${namesOf(logged)} when this data was written: the servers left ` +
      'out must not run with the old list, or both parts serve on their own',
  };
}

const namesOf = (config: EnsembleConfig): string => {
  const sids = votersOf(config);
  return `${sids.length === 1 ? 'server' : 'servers'} ${sids.join(', ')}`;
};

function haveSameVoters(a: EnsembleConfig, b: EnsembleConfig): boolean {
  const others = new Set(votersOf(b));
  return votersOf(a).length === others.size && votersOf(a).every((sid) => others.has(sid));
}

/** Whether a majority of `a` and one of `b` may have nobody in common. Groups and weights are taken for the worst. */
export function canDecideApart(a: EnsembleConfig, b: EnsembleConfig): boolean {
  if (a.groups !== undefined || b.groups !== undefined) return true;
  const [ours, theirs] = [votersOf(a), votersOf(b)];
  const shared = ours.filter((sid) => theirs.includes(sid)).length;
  const neededOfShared = (all: number): number => Math.max(0, Math.floor(all / 2) + 1 - (all - shared));
  return neededOfShared(ours.length) + neededOfShared(theirs.length) <= shared;
}
