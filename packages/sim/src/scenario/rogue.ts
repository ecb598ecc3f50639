// Somebody on the network who is no server and says what no server would: false names, absurd epochs and rounds, garbage.

import {
  JuteWriter,
  beginPacket,
  endPacket,
  formatEnsembleConfig,
  learnerProtocolVersion,
  packetTypes,
  writeInitialMessage,
  writeLearnerInfo,
  writeNotification,
  zxidZero,
} from '@corral/protocol';
import type { Zxid } from '@corral/protocol';
import type { End, NetPort } from '../pipe.ts';
import { exactly, server, sidOf } from './command.ts';
import type { Command, Words } from './command.ts';
import type { Stage } from './stage.ts';

/** The place of the stranger on the network; no server has it. */
const strangerSid = 9;
const epochUnit = 2 ** 32;

export const rogueCommands: readonly Command[] = [
  {
    usage: 'rogue C OBSERVERINFO|FOLLOWERINFO as A epoch 5: a stranger greets C as a learner, under the name of A',
    pattern: exactly(
      `rogue (?<to>${server}) (?<packet>OBSERVERINFO|FOLLOWERINFO) as (?<as>${server}) epoch (?<number>[0-9]+)`,
    ),
    act: (stage, words) => say(stage, words, 'quorum', learnerInfo(words)),
  },
  {
    usage: 'rogue A NOTIFICATION as C round 5: a stranger votes on the election port of A, under the name of C',
    pattern: exactly(`rogue (?<to>${server}) NOTIFICATION as (?<as>${server}) round (?<number>[0-9]+)`),
    act: (stage, words) => say(stage, words, 'election', vote(stage, words)),
  },
  {
    usage: 'rogue A garbage on election|quorum',
    pattern: exactly(`rogue (?<to>${server}) garbage on (?<port>election|quorum)`),
    act: (stage, words) => say(stage, words, words.port as NetPort, stage.cluster.random.stream('garbage'), 400),
  },
];

function learnerInfo({ packet, as, number }: Words): Uint8Array {
  const out = new JuteWriter(64);
  const type = packet === 'OBSERVERINFO' ? packetTypes.observerInfo : packetTypes.followerInfo;
  const frame = beginPacket(out, type, (Number(number) * epochUnit) as Zxid);
  writeLearnerInfo(out, { sid: sidOf(as)!, protocolVersion: learnerProtocolVersion, configVersion: zxidZero });
  endPacket(out, frame);
  return out.toBytes();
}

function vote({ cluster }: Stage, { as, number }: Words): Uint8Array {
  const sid = sidOf(as)!;
  const out = new JuteWriter(256);
  writeInitialMessage(out, { form: 'v2', sid, addresses: [{ host: '10.0.0.9', port: 3888 }] });
  const ballot = { state: 'looking', leader: sid, zxid: zxidZero, round: Number(number), peerEpoch: 0 } as const;
  writeNotification(out, { ...ballot, config: formatEnsembleConfig(cluster.config) });
  return out.toBytes();
}

interface Chance {
  below(limit: number): number;
}

/** Connects, says it, and listens to whatever comes back. */
function say(stage: Stage, { to }: Words, port: NetPort, what: Uint8Array | Chance, count = 0): void {
  const { network } = stage.cluster;
  const bytes = what instanceof Uint8Array ? what : Uint8Array.from({ length: count }, () => what.below(256));
  const end: End = {
    isAlive: true,
    opened: (connection) => network.send(connection.toAcceptor, bytes),
    received: () => undefined,
    drained: () => undefined,
    closed: () => stage.story.tell('the stranger is sent away'),
  };
  network.dial(strangerSid, stage.node(to!).sid, port, end, (reason) => stage.story.tell(`the stranger: ${reason}`));
}
