// Somebody on the network who is no server: connects to a member's ports and says what it likes.

import {
  JuteWriter,
  PacketReader,
  beginPacket,
  endPacket,
  epochOf,
  learnerProtocolVersion,
  packetTypes,
  writeInitialMessage,
  writeLearnerInfo,
  writeNotification,
  zxidZero,
} from '@corral/protocol';
import type { Ballot, Zxid } from '@corral/protocol';
import type { PeerPort } from '../../effects.ts';
import type { ClusterNode } from '../../testing/memory-cluster.ts';

const twoTo32 = 2 ** 32;

export class Stranger {
  readonly #node: ClusterNode;
  readonly #connection: number;
  readonly #reader = new PacketReader();
  /** Packets from the quorum port: type and epoch. */
  readonly heard: { readonly type: number; readonly epoch: number }[] = [];
  isClosed = false;

  constructor(node: ClusterNode, port: PeerPort, address = '10.0.0.66:4000') {
    this.#node = node;
    this.#connection = node.nextConnection();
    const link = {
      address,
      backlog: 0,
      send: (bytes: Uint8Array) => port === 'quorum' && this.#hear(bytes),
      close: () => {
        if (this.isClosed) return;
        this.isClosed = true;
        node.feed({ kind: 'peerClosed', connection: this.#connection });
      },
      pause: () => undefined,
      resume: () => undefined,
    };
    node.now({ kind: 'peerOpened', connection: this.#connection, link, port, dial: undefined });
  }

  #hear(bytes: Uint8Array): void {
    this.#reader.push(bytes.slice());
    for (let packet = this.#reader.next(); packet !== undefined; packet = this.#reader.next())
      this.heard.push({ type: packet.type, epoch: epochOf(packet.zxid) });
  }

  say(bytes: Uint8Array): void {
    if (!this.isClosed)
      this.#node.now({ kind: 'peerReceived', connection: this.#connection, bytes, start: 0, end: bytes.length });
  }

  /** Greets as a learner. */
  claim(sid: number, epoch: number, type: 'followerInfo' | 'observerInfo' = 'followerInfo'): void {
    const out = new JuteWriter(64);
    const frame = beginPacket(out, packetTypes[type], (epoch * twoTo32) as Zxid);
    writeLearnerInfo(out, { sid, protocolVersion: learnerProtocolVersion, configVersion: zxidZero });
    endPacket(out, frame);
    this.say(out.toBytes());
  }

  /** Greets on the election port as server `sid`. */
  greet(sid: number): void {
    const out = new JuteWriter(64);
    writeInitialMessage(out, { form: 'v1', sid, addresses: [{ host: `node${sid}`, port: 3888 }] });
    this.say(out.toBytes());
  }

  notify(ballot: Ballot, config: string): void {
    const out = new JuteWriter(256);
    writeNotification(out, { ...ballot, config });
    this.say(out.toBytes());
  }
}
