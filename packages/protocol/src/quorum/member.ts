// One member of an ensemble, as the value of `server.N` describes it:
//   host:quorumPort:electionPort[:role][|host:quorumPort:electionPort...][;[clientHost:]clientPort]
// The same text stands in configuration files, in /zookeeper/config, in newLeader packets and in notifications; it is
// put together to a whole by ensemble-config.ts.

import { bracketed, portOf, splitAtColons } from './host-port.ts';
import type { HostPort } from './host-port.ts';

/** A configuration that cannot be used. The message says what to change. */
export class EnsembleConfigError extends Error {
  override readonly name = 'EnsembleConfigError';
}

export interface MemberAddress {
  readonly host: string;
  readonly quorumPort: number;
  readonly electionPort: number;
}
export type MemberRole = 'participant' | 'observer';

export interface Member {
  readonly sid: number;
  /** At least one; several only where the servers are set up for it. */
  readonly addresses: readonly MemberAddress[];
  readonly role: MemberRole;
  /** Where it serves clients; absent when that stands in its static configuration only. */
  readonly client?: HostPort;
}

const memberForm = 'host:quorumPort:electionPort[:participant|observer][;[host:]clientPort]';
const allInterfaces = '0.0.0.0';

/** Reads the value of `server.<sid>`. Throws EnsembleConfigError. */
export function parseMember(sid: number, value: string): Member {
  const [servers, clientText, ...more] = value.split(';');
  if (more.length > 0) {
    throw new EnsembleConfigError(`server.${sid}: remove what follows the second semicolon; expected ${memberForm}`);
  }
  const parts = servers.split('|').map((part) => parseAddress(sid, part.trim()));
  const roles = new Set(parts.flatMap(({ role }) => role ?? []));
  if (roles.size > 1) throw new EnsembleConfigError(`server.${sid}: give all addresses the same role`);
  const [role = 'participant'] = roles;
  const addresses = parts.map(({ address }) => address);
  return clientText === undefined
    ? { sid, addresses, role }
    : { sid, addresses, role, client: parseClient(sid, clientText.trim()) };
}

/** Canonical text: the role is always there, addresses are in the order of their hosts. */
export function formatMember({ addresses, role, client }: Member): string {
  const sorted = [...addresses].sort((a, b) => compare(a.host, b.host));
  const servers = sorted.map((a) => `${bracketed(a.host)}:${a.quorumPort}:${a.electionPort}`).join('|');
  return `${servers}:${role}${client === undefined ? '' : `;${bracketed(client.host)}:${client.port}`}`;
}

/** By code units, so that every server sorts alike whatever its language. */
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function parseAddress(sid: number, part: string): { address: MemberAddress; role: MemberRole | undefined } {
  const pieces = splitAtColons(part);
  if (pieces === undefined) {
    throw new EnsembleConfigError(
      `server.${sid}: ${quoted(part)} has no valid host in front; expected ${memberForm}, an IPv6 address in brackets`,
    );
  }
  const [host, quorumText, electionText, roleText, ...more] = pieces;
  const quorumPort = portOf(quorumText);
  const electionPort = portOf(electionText);
  if (quorumPort === undefined || electionPort === undefined || more.length > 0) {
    throw new EnsembleConfigError(
      `server.${sid}: ${quoted(part)} is not of the form ${memberForm} with ports from 1 to 65535`,
    );
  }
  if (quorumPort === electionPort) {
    throw new EnsembleConfigError(`server.${sid}: give the quorum and the election port different numbers`);
  }
  const role = roleText?.toLowerCase();
  if (role !== undefined && role !== 'participant' && role !== 'observer') {
    throw new EnsembleConfigError(`server.${sid}: write participant or observer instead of ${quoted(roleText)}`);
  }
  return { address: { host, quorumPort, electionPort }, role };
}

function parseClient(sid: number, clientText: string): HostPort {
  const only = portOf(clientText);
  if (only !== undefined) return { host: allInterfaces, port: only };
  const [host = '', portText, ...more] = splitAtColons(clientText) ?? [];
  const port = portOf(portText);
  if (port === undefined || more.length > 0) {
    throw new EnsembleConfigError(
      `server.${sid}: write [host:]port behind the semicolon, with a port from 1 to 65535, instead of ${quoted(clientText)}`,
    );
  }
  return { host, port };
}

/** Text of others in a message: short, and on one line. */
export const quoted = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
