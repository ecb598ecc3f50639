// Commands that wait for a moment: a packet, a record on a disk, a crash.

import { checkPacket, exactly, packetOf, pathOf, server, sidOf } from './command.ts';
import type { Command } from './command.ts';

const pair = `(?<from>${server}|[*])->(?<to>${server}|[*])`;

export const waitCommands: readonly Command[] = [
  {
    usage: 'await A->B ACKEPOCH [2] sent|delivered: runs until it is, so many times from now',
    pattern: exactly(`await ${pair} (?<packet>[A-Z]+)( (?<count>[1-9][0-9]*))? (?<how>sent|delivered)`),
    check: ({ packet }) => (packet === 'NOTIFICATION' ? 'notifications cannot be waited for' : checkPacket({ packet })),
    act: (stage, { from, to, packet, count = '1', how }) => {
      const seen = (): number =>
        stage.sent(sidOf(from), sidOf(to), packetOf(packet)).filter((p) => how === 'sent' || p.isDelivered).length;
      const wanted = seen() + Number(count);
      stage.until(
        () => seen() >= wanted,
        () => `${from}->${to} ${packet} is not ${how}`,
      );
    },
  },
  {
    usage: 'await A logs x=1 | await A has x=1: runs until it is safe on the disk, or in memory',
    pattern: exactly(`await (?<name>${server}) (?<how>logs|has) (?<key>[a-z/][a-zA-Z0-9/]*)=(?<value>[a-zA-Z0-9]+)`),
    act: (stage, { name, how, key, value }) => {
      const node = stage.node(name!);
      const path = pathOf(key!);
      const isSo = (): boolean =>
        how === 'logs' ? stage.isLogged(node, path, value) : node.process?.machine?.read(path) === value;
      stage.until(isSo, () => `${name} has no ${key}=${value}`);
    },
  },
  {
    usage: 'await A down|looking|serving',
    pattern: exactly(`await (?<name>${server}) (?<state>down|looking|serving)`),
    act: (stage, { name, state }) => {
      const node = stage.node(name!);
      const isSo = (): boolean => {
        const machine = node.process?.machine;
        if (state === 'down') return machine === undefined;
        return state === 'looking' ? machine?.role === 'looking' : machine?.isServing === true;
      };
      stage.until(isSo, () => `${name} is not ${state}`);
    },
  },
  {
    usage: 'mark: later `expect A->B PACKET` look only at what is sent from here on',
    pattern: exactly('mark'),
    act: (stage) => {
      stage.mark = stage.story.packets.length;
    },
  },
];
