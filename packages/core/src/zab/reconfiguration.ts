// The next configuration of an ensemble, from what an administrator asks for: members that join and leave, or a whole new
// list. Pure rules; whether a quorum of it is there is asked by the leader, who alone knows.

import { EnsembleConfigError, parseEnsembleConfig, parseMember, zxidZero } from '@corral/protocol';
import type { EnsembleConfig, Member } from '@corral/protocol';

/** As in the request: texts are null or empty when there is nothing of the kind. */
export interface ReconfigRequest {
  readonly joining: string | null;
  readonly leaving: string | null;
  readonly newMembers: string | null;
}

/**
 * The configuration that is asked for, still without a version. Throws EnsembleConfigError, which says what is wrong with
 * the request.
 */
export function nextConfig(current: EnsembleConfig, request: ReconfigRequest): EnsembleConfig {
  const joining = list(request.joining);
  const leaving = list(request.leaving);
  const members = list(request.newMembers, /[\n,]/);
  if (members.length > 0) {
    if (joining.length + leaving.length > 0)
      throw new EnsembleConfigError('give either a whole list of members or those that join and leave, not both');
    const next = parseEnsembleConfig(members.filter((line) => !line.startsWith('version=')).join('\n'));
    return { ...next, version: zxidZero };
  }
  if (current.groups !== undefined)
    throw new EnsembleConfigError('an ensemble with groups can only be given a whole new list of members');
  return { version: zxidZero, members: changed(current, joining, leaving) };
}

function changed(current: EnsembleConfig, joining: readonly string[], leaving: readonly string[]): Map<number, Member> {
  const members = new Map(current.members);
  for (const text of leaving) {
    if (!/^\d+$/.test(text)) throw new EnsembleConfigError(`"${text}" is no server id`);
    members.delete(Number(text));
  }
  for (const text of joining) {
    const match = /^server\.(\d+)=(.*)$/.exec(text);
    if (match === null)
      throw new EnsembleConfigError(`"${text}" is not of the form server.N=host:port:port;clientPort`);
    const sid = Number(match[1]);
    const member = parseMember(sid, match[2] ?? '');
    if (member.client === undefined) throw new EnsembleConfigError(`server.${sid} needs a client port: ;[host:]port`);
    checkAddresses(members, member);
    members.set(sid, member);
  }
  if (![...members.values()].some(({ role }) => role === 'participant'))
    throw new EnsembleConfigError('nobody would be left to vote');
  return members;
}

/** Two members at one address would answer for each other. */
function checkAddresses(members: ReadonlyMap<number, Member>, joining: Member): void {
  for (const { sid, addresses } of members.values()) {
    if (sid === joining.sid) continue;
    for (const a of addresses)
      for (const b of joining.addresses)
        if (a.host === b.host && (a.quorumPort === b.quorumPort || a.electionPort === b.electionPort))
          throw new EnsembleConfigError(`server.${joining.sid} has an address that server.${sid} has already`);
  }
}

const list = (text: string | null, separator = /,/): string[] =>
  (text ?? '')
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '');

export const votersOf = (config: EnsembleConfig): number[] =>
  [...config.members.values()].filter(({ role }) => role === 'participant').map(({ sid }) => sid);
