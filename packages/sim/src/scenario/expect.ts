// What a scenario expects, now or within a time: of roles, memory, disks, packets and answers.

import { parseEnsembleConfig, systemPaths } from '@corral/protocol';
import { nameOf } from '../places.ts';
import type { SimNode } from '../node.ts';
import { operationPattern } from './commands-clients.ts';
import { checkPacket, exactly, msOf, packetOf, pathOf, server, servers, sidOf, time } from './command.ts';
import type { Command, Words } from './command.ts';
import { Unmet } from './stage.ts';
import type { Stage } from './stage.ts';

const within = `( within (?<ms>${time}))?`;
const pair = `(?<key>[a-z/][a-zA-Z0-9/]*)=(?<value>[a-zA-Z0-9]+)`;

/** A condition that may be waited for. */
function wanted(
  usage: string,
  source: string,
  isSo: (stage: Stage, words: Words) => boolean,
  check?: Command['check'],
): Command {
  return {
    usage,
    pattern: exactly(`expect ${source}${within}`),
    ...(check && { check }),
    act: (stage, words) => {
      const what = (): string => 'it is not so';
      if (words.ms !== undefined) return stage.until(() => isSo(stage, words), what, msOf(words.ms));
      stage.checked();
      if (!isSo(stage, words)) throw new Unmet(`${what()}: ${stage.describe()}`);
    },
  };
}

/** Names of the voters in a configuration as text. */
function votersIn(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const members = [...parseEnsembleConfig(text).members.values()].filter(({ role }) => role === 'participant');
  return members
    .map(({ sid }) => nameOf(sid))
    .sort()
    .join('');
}

const machineOf = (node: SimNode) => node.process?.machine;

function isInState(node: SimNode, state: string): boolean {
  const machine = machineOf(node);
  switch (state) {
    case 'down':
      return machine === undefined;
    case 'halted':
      return machine === undefined && node.ending?.kind === 'halt';
    case 'up':
      return machine !== undefined;
    case 'looking':
      return machine?.role === 'looking';
    case 'leading':
    case 'following':
    case 'observing':
      return machine?.role === state && machine.isServing;
    default:
      return machine?.isServing === true;
  }
}

const state = 'down|halted|up|looking|leading|following|observing|serving';

export const expectCommands: readonly Command[] = [
  wanted(
    `expect AB [not] ${state} [within 5s]`,
    `(?<names>${servers}) (?<not>not )?(?<state>${state})`,
    (stage, { names, not, state: wantedState }) =>
      stage.nodes(names!).every((node) => isInState(node, wantedState!) === (not === undefined)),
  ),
  wanted(
    'expect voters ABD in ABCD: as the configuration in memory says',
    `voters (?<voters>[A-I]+) in (?<names>${servers})`,
    (stage, { voters, names }) =>
      stage.nodes(names!).every((node) => votersIn(machineOf(node)?.read(systemPaths.config)) === voters),
  ),
  wanted('expect no leader [within 5s]', 'no leader', ({ cluster }) => cluster.leaders.length === 0),
  wanted('expect one leader [within 5s]', 'one leader', ({ cluster }) => cluster.leaders.length === 1),
  wanted(
    'expect x=1 in AB | expect no x in AB: what is in memory',
    `((?<no>no (?<absent>[a-z/][a-zA-Z0-9/]*))|${pair}) in (?<names>${servers})`,
    (stage, { no, absent, key, value, names }) =>
      stage.nodes(names!).every((node) => {
        const machine = machineOf(node);
        if (machine === undefined) return false;
        return no === undefined ? machine.read(pathOf(key!)) === value : machine.read(pathOf(absent!)) === undefined;
      }),
  ),
  wanted(
    'expect A logs x=1 | expect A logs no x=1: what survives a loss of power',
    `(?<names>${servers}) logs (?<no>no )?${pair}`,
    (stage, { names, no, key, value }) =>
      stage.nodes(names!).every((node) => stage.isLogged(node, pathOf(key!), value) === (no === undefined)),
  ),
  wanted('expect same ABC: equal trees at an equal place', `same (?<names>${servers})`, (stage, { names }) => {
    const machines = stage.nodes(names!).map((node) => machineOf(node));
    const [first] = machines;
    return machines.every((m) => m?.applied === first?.applied && m?.digest === first?.digest && m !== undefined);
  }),
  wanted(
    'expect same history AB: equal logs behind the newest snapshot of either',
    `same history (?<names>${servers})`,
    sameHistory,
  ),
  wanted(
    'expect [no] A->B TRUNC [2]: such packets were sent since the mark, at least so many',
    `(?<no>no )?(?<from>${server}|[*])->(?<to>${server}|[*]) (?<packet>[A-Z]+)( (?<count>[1-9][0-9]*))?`,
    (stage, { no, from, to, packet, count = '1' }) => {
      const { length } = stage.sent(sidOf(from), sidOf(to), packetOf(packet));
      return no === undefined ? length >= Number(count) : length === 0;
    },
    checkPacket,
  ),
  wanted(
    'expect answered|unanswered|lost|refused OPERATION',
    `(?<how>answered|unanswered|lost|refused) ${operationPattern}`,
    (stage, { how, op }) => {
      const asked = stage.asked.get(op!);
      if (asked === undefined) throw new Unmet(`nobody has asked for "${op}"`);
      const outcome = stage.answer(asked)?.outcome;
      return outcome === { answered: 'ok', lost: 'unknown', refused: 'refused', unanswered: undefined }[how!];
    },
  ),
  wanted(
    'expect session s connected|expired|closed',
    `session (?<name>[a-z][a-z0-9]*) (?<how>connected|expired|closed)`,
    (stage, { name, how }) => {
      const client = stage.client(name);
      if (how === 'connected') return client.isConnected && !client.isExpired;
      return how === 'expired' ? client.isExpired : client.isStopped;
    },
  ),
  wanted(
    'expect 2 ephemerals in AB',
    `(?<count>[0-9]+) ephemerals? in (?<names>${servers})`,
    (stage, { count, names }) => stage.nodes(names!).every((node) => machineOf(node)?.ephemerals === Number(count)),
  ),
  wanted('expect epoch < 5', `epoch < (?<limit>[0-9]+)`, ({ cluster }, { limit }) =>
    [...cluster.watch.ghost.servers.values()].every(({ history }) => history.acceptedEpoch < Number(limit)),
  ),
  wanted(
    'expect 2 elections: leaders that were established since boot',
    `(?<count>[0-9]+) elections?`,
    ({ cluster }, { count }) => cluster.watch.ghost.established.size === Number(count),
  ),
  wanted('expect crash: an armed crash point has struck', 'crash', (stage) => stage.crashes > 0),
];

function sameHistory(stage: Stage, { names }: Words): boolean {
  const { ghost } = stage.cluster.watch;
  const histories = stage.nodes(names!).map(({ sid }) => ghost.server(sid).history);
  const base = Math.max(...histories.map((history) => history.base));
  const texts = histories.map(({ txns }) =>
    txns
      .filter(({ zxid }) => zxid > base)
      .map(({ zxid, hash }) => `${zxid}:${hash}`)
      .join(' '),
  );
  return texts.every((text) => text === texts[0]);
}
