// What the AdminServer tells about an ensemble: who leads, who votes, who observes, in which phase this server is, and how
// one write was decided. A standalone server answers as Apache's does.

import { counterOf, epochOf, formatZxid } from '@corral/protocol';
import type { Member, Zxid } from '@corral/protocol';

import type { EnsembleFacts, ServerFacts } from './facts.ts';
import type { Fields } from './json.ts';

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

export function leader(facts: ServerFacts): Fields {
  const ensemble = facts.ensemble();
  if (ensemble?.leader === undefined) return { error: 'server is not initialized' };
  return {
    is_leader: ensemble.state === 'leading',
    leader_id: ensemble.leader,
    leader_ip: ensemble.config.members.get(ensemble.leader)?.addresses[0].host ?? '',
  };
}

export function observers(facts: ServerFacts): Fields {
  const learners = facts.ensemble()?.learners.filter(({ isObserver }) => isObserver) ?? [];
  return {
    synced_observers: learners.filter(({ isSynced }) => isSynced).length,
    observers: learners.map(({ sid, address, connectedAt, queuedBytes, lastZxid }) => ({
      remote_socket_address: address,
      sid,
      established: connectedAt,
      queued_packets_size: queuedBytes,
      last_zxid: lastZxid,
    })),
  };
}

/** Followers and observers of this leader, and how far each has come. Not among Apache's commands. */
export function learners(facts: ServerFacts): Fields {
  const rows = facts.ensemble()?.learners ?? [];
  return {
    learners: rows.map((row) => ({
      sid: row.sid,
      type: row.isObserver ? 'observer' : 'follower',
      remote_socket_address: row.address,
      established: row.connectedAt,
      synced: row.isSynced,
      synchronised_by: row.sync,
      last_zxid: formatZxid(row.lastZxid),
      queued_bytes: row.queuedBytes,
    })),
  };
}

function memberFields({ addresses, client, role }: Member): Fields {
  return {
    server_addresses: addresses.map(({ host, quorumPort }) => `${bracketed(host)}:${quorumPort}`),
    election_addresses: addresses.map(({ host, electionPort }) => `${bracketed(host)}:${electionPort}`),
    client_address: client === undefined ? '' : `${bracketed(client.host)}:${client.port}`,
    learner_type: role,
  };
}

/** Only those that vote, as the name says. */
export function votingView(facts: ServerFacts): Fields {
  const voters = [...(facts.ensemble()?.config.members.values() ?? [])].filter(({ role }) => role === 'participant');
  return { current_config: new Map(voters.map((member) => [String(member.sid), memberFields(member)])) };
}

/** The addresses of one use, in Apache's many ways of saying it. Nobody is asked whether they can be reached. */
function addressFields(addresses: readonly { readonly host: string; readonly port: number }[]): Fields {
  const all = addresses.map(({ host, port }) => `${bracketed(host)}:${port}`);
  const ports = [...new Set(addresses.map(({ port }) => port))];
  return {
    empty: all.length === 0,
    all_addresses: all,
    wildcard_addresses: ports.map((port) => `0.0.0.0:${port}`),
    all_ports: ports,
    all_host_strings: addresses.map(({ host }) => host),
    all_reachable_addresses_or_all: all,
    reachable_or_one: all[0] ?? null,
    one: all[0] ?? null,
  };
}

export function zabState(facts: ServerFacts): Fields {
  const zxid = facts.lastZxid() as Zxid;
  const ensemble = facts.ensemble();
  const own = ensemble?.config.members.get(ensemble.sid);
  const { addresses = [], client } = own ?? {};
  const use = (port: 'quorumPort' | 'electionPort'): Fields =>
    ensemble === undefined ? {} : addressFields(addresses.map((each) => ({ host: each.host, port: each[port] })));
  return {
    myid: facts.config.serverId,
    is_leader: facts.mode() === 'leader',
    quorum_address: use('quorumPort'),
    election_address: use('electionPort'),
    client_address: client === undefined ? '' : `${bracketed(client.host)}:${client.port}`,
    voting: ensemble?.isVoter ?? false,
    last_zxid: formatZxid(zxid),
    zab_epoch: epochOf(zxid),
    zab_counter: counterOf(zxid),
    zabstate: ensemble?.phase ?? '',
    ...(ensemble === undefined ? {} : epochFields(ensemble)),
  };
}

/** Not in Apache's answer: what the epoch files hold, and who leads. */
const epochFields = ({ acceptedEpoch, currentEpoch, leader: leads }: EnsembleFacts): Fields => ({
  accepted_epoch: acceptedEpoch,
  current_epoch: currentEpoch,
  leader_id: leads ?? -1,
});

/** `?zxid=0x100000002`: who proposed it, who accepted it when, when it was decided, as far as this server remembers. */
export function decision(facts: ServerFacts, query: Readonly<Record<string, string>>): Fields {
  const text = query['zxid'] ?? '';
  if (!/^0x[0-9a-f]{1,16}$/i.test(text)) return { error: 'zxid: expected a hexadecimal number such as 0x100000002' };
  const ensemble = facts.ensemble();
  if (ensemble === undefined) return { error: 'a standalone server decides alone' };
  const found = ensemble.decision(Number(text));
  if (found === undefined) return { error: `nothing is remembered of ${text} here; the server that led then may know` };
  const { proposed, accepted, decided } = found;
  return {
    zxid: formatZxid(found.zxid),
    asked_server: ensemble.sid,
    prepare: proposed === undefined ? null : { proposed_by: proposed.by, at: proposed.at },
    accept: accepted.map(({ by, at, afterMs }) => ({ accepted_by: by, at, after_ms: afterMs ?? null })),
    decide: decided === undefined ? null : { at: decided.at, after_ms: decided.afterMs ?? null },
  };
}
