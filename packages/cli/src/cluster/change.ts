// A change of the members, computed before it is asked for: the configuration that would follow, and what that means for
// the quorum. The leader computes the same for itself; this is what a person sees first.

import { EnsembleConfigError, formatMember, parseEnsembleConfig, parseMember } from '@corral/protocol';
import type { EnsembleConfig, Member } from '@corral/protocol';
import { count, observersOf, quorumFacts, survivesWords, votersOf } from './quorum.ts';
import { tableText } from './table.ts';

/** Servers that come (`server.N=...`), ids of those that go, or the whole new list. */
export type Change =
  | { readonly kind: 'incremental'; readonly joining: readonly string[]; readonly leaving: readonly number[] }
  | { readonly kind: 'bulk'; readonly members: readonly string[] };

export interface Preview {
  readonly before: EnsembleConfig;
  readonly after: EnsembleConfig;
  /** In words, one line each: who joins, leaves, changes. */
  readonly steps: readonly string[];
  /** What the operator should know, none of it fatal. */
  readonly warnings: readonly string[];
  readonly lowersTolerance: boolean;
  readonly changesNothing: boolean;
}

/** `server.4=host:2888:3888:participant;2181` as a member. */
export function parseJoining(text: string): Member {
  const match = /^server\.(\d{1,3})=(.+)$/.exec(text.trim());
  if (match === null) {
    throw new EnsembleConfigError(`"${text}": write server.N=host:quorumPort:electionPort[:role];clientPort`);
  }
  const member = parseMember(Number(match[1]), match[2]);
  if (member.client === undefined) {
    throw new EnsembleConfigError(`"${text}": a server that joins needs its client port behind a semicolon: ...;2181`);
  }
  return member;
}

/** Ids as people list them: `2`, `2,3`, `server.2`. */
export function parseLeaving(texts: readonly string[]): number[] {
  const pieces = texts.flatMap((text) => text.split(',')).filter((text) => text.trim() !== '');
  return pieces.map((piece) => {
    const match = /^(?:server\.)?(\d{1,3})$/.exec(piece.trim());
    if (match === null) throw new EnsembleConfigError(`"${piece}" is not the id of a server: give its number`);
    return Number(match[1]);
  });
}

/** The lines of a file with a whole configuration, without comments and version. */
export function parseMembersFile(text: string): string[] {
  const lines = text.split('\n').map((line) => line.trim());
  const kept = lines.filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('version='));
  parseEnsembleConfig(kept.join('\n'));
  return kept;
}

export function preview(before: EnsembleConfig, change: Change): Preview {
  const after = afterwards(before, change);
  refuseSharedAddresses(after);
  const ids = [...new Set([...before.members.keys(), ...after.members.keys()])].sort((a, b) => a - b);
  const steps = ids.flatMap((id) => stepOf(id, before.members.get(id), after.members.get(id)));
  const [now, then] = [quorumFacts(before), quorumFacts(after)];
  const grouping = ({ groups, weights }: EnsembleConfig): string =>
    JSON.stringify([[...(groups ?? [])], [...(weights ?? [])]]);
  if (grouping(before) !== grouping(after)) steps.push('groups or weights change');
  return {
    before,
    after,
    steps,
    warnings: warningsOf(before, after),
    lowersTolerance: then.survives < now.survives,
    changesNothing: steps.length === 0,
  };
}

function afterwards(before: EnsembleConfig, change: Change): EnsembleConfig {
  if (change.kind === 'bulk') return { ...parseEnsembleConfig(change.members.join('\n')), version: before.version };
  if (before.groups !== undefined) {
    throw new EnsembleConfigError(
      'this ensemble has groups or weights: change it with a whole list, corral cluster reconfig --members <file>',
    );
  }
  const members = new Map(before.members);
  for (const id of change.leaving) {
    if (!members.delete(id)) throw new EnsembleConfigError(`there is no server ${id}: ${listed([...members.keys()])}`);
  }
  for (const text of change.joining) {
    const member = parseJoining(text);
    members.set(member.sid, member);
  }
  const after = { version: before.version, members };
  if (votersOf(after).length === 0) throw new EnsembleConfigError('nobody would vote: keep at least one participant');
  return after;
}

const listed = (ids: readonly number[]): string =>
  ids.length === 0 ? 'none' : [...ids].sort((a, b) => a - b).join(', ');

export const isAnyAddress = (host: string): boolean => host === '0.0.0.0' || host === '::' || host === '*';

/** The leader refuses that, too, but does not say which. */
function refuseSharedAddresses({ members }: EnsembleConfig): void {
  const owners = new Map<string, number>();
  for (const { sid, addresses, client } of members.values()) {
    const hosts = addresses.flatMap(({ host, quorumPort, electionPort }) => [
      `${host}:${quorumPort}`,
      `${host}:${electionPort}`,
    ]);
    const own =
      client === undefined ? [] : [`${isAnyAddress(client.host) ? addresses[0].host : client.host}:${client.port}`];
    for (const address of [...hosts, ...own]) {
      const owner = owners.get(address);
      if (owner !== undefined) {
        const who =
          owner === sid
            ? `server ${sid} would use ${address} twice`
            : `servers ${owner} and ${sid} would share ${address}`;
        throw new EnsembleConfigError(`${who}: give each its own`);
      }
      owners.set(address, sid);
    }
  }
}

function stepOf(id: number, was: Member | undefined, is: Member | undefined): string[] {
  if (was === undefined && is !== undefined) return [`server ${id} joins as ${is.role}: ${formatMember(is)}`];
  if (was !== undefined && is === undefined) {
    return [`server ${id} leaves: it keeps running without a vote until it is stopped`];
  }
  if (was === undefined || is === undefined) return [];
  if (was.role !== is.role) return [`server ${id} changes from ${was.role} to ${is.role}`];
  if (formatMember(was) !== formatMember(is))
    return [`server ${id} moves: ${formatMember(was)} -> ${formatMember(is)}`];
  return [];
}

function warningsOf(before: EnsembleConfig, after: EnsembleConfig): string[] {
  const [now, then] = [quorumFacts(before), quorumFacts(after)];
  const warnings: string[] = [];
  if (then.survives < now.survives) {
    warnings.push(`fewer failures are survived than now: ${then.survives} instead of ${now.survives}`);
  }
  const voters = then.voters.length;
  if (after.groups === undefined && voters % 2 === 0) {
    warnings.push(
      voters === 2
        ? '2 voters survive no failure: both must agree, so two are worse than one'
        : `${voters} voters survive no more failures than ${voters - 1} do; odd numbers are worth it`,
    );
  }
  const kept = now.voters.filter((sid) => then.voters.includes(sid));
  if (2 * kept.length <= voters) {
    warnings.push(
      'no majority of the new voters votes now: change one server at a time, so that each has the data first',
    );
  }
  return warnings;
}

export function previewText({ before, after, steps, warnings }: Preview): string {
  const [now, then] = [quorumFacts(before), quorumFacts(after)];
  const table = tableText([
    ['', 'NOW', 'AFTERWARDS'],
    ['voters', listed(now.voters), listed(then.voters)],
    ['observers', listed(observersOf(before)), listed(observersOf(after))],
    [
      'quorum',
      `${now.size} of ${count(now.voters.length, 'voter')}`,
      `${then.size} of ${count(then.voters.length, 'voter')}`,
    ],
    ['', survivesWords(now.survives), survivesWords(then.survives)],
  ]);
  const shownSteps = steps.length === 0 ? ['nothing changes'] : steps;
  return [table.trimEnd(), '', ...shownSteps, ...warnings.map((warning) => `! ${warning}`), ''].join('\n');
}

/** The stable form of `-o json`. */
export function previewJson(shown: Preview): object {
  const side = (config: EnsembleConfig): object => {
    const { voters, size, survives } = quorumFacts(config);
    return { voters, observers: observersOf(config), quorum: size, survives };
  };
  const { before, after, steps, warnings } = shown;
  return { before: side(before), after: side(after), steps, warnings, lowersTolerance: shown.lowersTolerance };
}
