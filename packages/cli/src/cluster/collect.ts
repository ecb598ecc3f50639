// Asks around: the servers of the command line first, one of them for the configuration of the ensemble, and then the
// members that this names and that were not asked yet.

import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Address, Endpoint } from '@corral/client';
import type { EnsembleConfig, Member } from '@corral/protocol';
import type { Ask, ServerFacts } from './ask.ts';
import { isAnyAddress } from './change.ts';
import type { Seen } from './members.ts';

export interface Collected {
  readonly seen: readonly Seen[];
  readonly config: EnsembleConfig | 'standalone' | null;
}

interface Asked {
  readonly endpoint: Endpoint;
  readonly facts: ServerFacts;
}

/** `readConfig` asks one of these endpoints; it answers the text of /zookeeper/config, or null when that fails. */
export type ReadConfig = (endpoints: readonly Endpoint[]) => Promise<string | null>;

/** The addresses of a host name, none when it has none. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/** Who a server says it is: its id, or the last byte of that. Null when it does not tell. */
export type Identify = (endpoint: Endpoint) => Promise<{ readonly value: number; readonly isWhole: boolean } | null>;

export interface Asking {
  readonly ask: Ask;
  readonly readConfig: ReadConfig;
  readonly identify: Identify;
  readonly resolve?: Resolve;
}

export async function collect(
  { endpoints }: Address,
  { ask, readConfig, identify, resolve = addressesOf }: Asking,
): Promise<Collected> {
  const asked = await Promise.all(endpoints.map(async (endpoint) => ({ endpoint, facts: await ask(endpoint) })));
  const serving = asked.filter(({ facts }) => facts.kind === 'serving').map(({ endpoint }) => endpoint);
  const text = serving.length === 0 ? null : await readConfig(serving);
  if (text === null || text === '') {
    const seen = asked.map(({ endpoint, facts }) => ({ id: null, address: shown(endpoint), type: null, facts }));
    return { seen, config: text === '' ? 'standalone' : null };
  }
  const { parseEnsembleConfig } = await import('@corral/protocol');
  const config = parseEnsembleConfig(text);
  return { seen: await askMembers(config, asked, { ask, readConfig, identify, resolve }), config };
}

async function askMembers(
  config: EnsembleConfig,
  asked: readonly Asked[],
  { ask, identify, resolve }: Required<Asking>,
): Promise<Seen[]> {
  const members = [...config.members.values()].sort((a, b) => a.sid - b.sid);
  const open = new Set(asked);
  const endpoints = new Map(members.map((member) => [member, clientEndpoint(member, members, asked)]));
  const isUnclear = [...endpoints.values()].includes(null);
  const known = isUnclear ? await idsOf(asked, members, identify) : new Map<number, Asked>();
  for (const one of known.values()) open.delete(one);
  const take = async (member: Member): Promise<Seen> => {
    const { sid: id, role: type } = member;
    const endpoint = endpoints.get(member) ?? null;
    const one = known.get(id) ?? (endpoint === null ? null : await sameServer(endpoint, [...open], resolve));
    if (one !== null) open.delete(one);
    const at = one?.endpoint ?? endpoint;
    if (at === null)
      return { id, address: member.addresses[0].host, type, facts: { kind: 'not asked', reason: noAddress } };
    // Asked again even so: reading the configuration took a session, which is two transactions, and time.
    const facts = one?.facts.kind === 'unreachable' ? one.facts : await ask(at);
    return { id, address: shown(at), type, facts };
  };
  const seen = await Promise.all(members.map(take));
  // One address was the way in, several are a list of servers that somebody wants to hear of.
  if (asked.length === 1 && !isUnclear) return seen;
  return [
    ...seen,
    ...[...open].map(({ endpoint, facts }) => ({ id: null, address: shown(endpoint), type: null, facts })),
  ];
}

const noAddress = 'the configuration does not say where it serves clients: name it with --server';

/** Which member each of those that serve is, as they say themselves. Session ids have room for a byte of that only. */
async function idsOf(
  asked: readonly Asked[],
  members: readonly Member[],
  identify: Identify,
): Promise<Map<number, Asked>> {
  const told = await Promise.all(
    asked.map(async (one) => ({ one, id: one.facts.kind === 'serving' ? await identify(one.endpoint) : null })),
  );
  const found = new Map<number, Asked>();
  for (const { one, id } of told) {
    const fitting =
      id === null ? [] : members.filter(({ sid }) => (id.isWhole ? sid === id.value : sid % 256 === id.value));
    if (fitting.length === 1) found.set(fitting[0].sid, one);
  }
  return found;
}

/** Where a member serves clients. Without a word about it, the port is taken to be the one of the others. */
function clientEndpoint(member: Member, members: readonly Member[], asked: readonly Asked[]): Endpoint | null {
  const memberHost = member.addresses[0].host;
  if (member.client !== undefined) {
    const { host, port } = member.client;
    return { host: isAnyAddress(host) ? memberHost : host, port };
  }
  const [first, ...others] = new Set(asked.map(({ endpoint }) => endpoint.port));
  const isAlone = members.filter(({ addresses }) => addresses[0].host === memberHost).length === 1;
  return isAlone && others.length === 0 ? { host: memberHost, port: first } : null;
}

/** The server among those asked that listens at this endpoint, whatever name it was called by. */
async function sameServer(endpoint: Endpoint, asked: readonly Asked[], resolve: Resolve): Promise<Asked | null> {
  const samePort = asked.filter((one) => one.endpoint.port === endpoint.port);
  const sameName = samePort.find((one) => one.endpoint.host === endpoint.host);
  if (sameName !== undefined || samePort.length === 0) return sameName ?? null;
  const addresses = await resolve(endpoint.host);
  for (const one of samePort) {
    const others = await resolve(one.endpoint.host);
    if (others.some((address) => addresses.includes(address))) return one;
  }
  return null;
}

/** A name server that takes its time must not hold up the answer. */
const resolveMsMax = 1000;

async function addressesOf(host: string): Promise<string[]> {
  const found = lookup(host, { all: true }).then(
    (entries) => entries.map(({ address }) => address),
    () => [],
  );
  return Promise.race([found, sleep(resolveMsMax, [], { ref: false })]);
}

const shown = ({ host, port }: Endpoint): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);
