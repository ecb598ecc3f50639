// The connection of a learner to its leader, and everything a learner says on it. Packets are gathered during a step and
// leave with it.

import {
  JuteWriter,
  beginPacket,
  endPacket,
  opcodes,
  packetTypes,
  writeAckEpoch,
  writeHistoryId,
  writeLearnerInfo,
  writePacket,
  writeRequest,
  writeRevalidateRequest,
  writeTouches,
  zxidNone,
} from '@corral/protocol';
import type { Epoch, LearnerInfo, SessionId, Zxid } from '@corral/protocol';
import type { DiskOp, PeerLink } from '../effects.ts';
import type { Identities, LeaderAccess } from './zab.ts';

const bytesMin = 1024;

export class LeaderLink implements LeaderAccess {
  readonly #out = new JuteWriter(bytesMin);
  #link: PeerLink | undefined;

  get isOpen(): boolean {
    return this.#link !== undefined;
  }

  open(link: PeerLink): void {
    this.#link = link;
  }

  /** The other end has closed it. */
  lost(): void {
    this.#link = undefined;
  }

  close(): void {
    this.#link?.close();
    this.#link = undefined;
  }

  pause(): void {
    this.#link?.pause();
  }

  resume(): void {
    this.#link?.resume();
  }

  flush(durable: DiskOp): void {
    if (this.#out.length > 0 && this.#link !== undefined) this.#link.send(this.#out.detach(bytesMin), durable);
  }

  #packet(type: number, zxid: Zxid, write: (out: JuteWriter) => void): void {
    const frame = beginPacket(this.#out, type, zxid);
    write(this.#out);
    endPacket(this.#out, frame);
  }

  // What is said.

  introduce(kind: 'following' | 'observing', acceptedEpoch: Zxid, info: LearnerInfo): void {
    const type = kind === 'following' ? packetTypes.followerInfo : packetTypes.observerInfo;
    this.#packet(type, acceptedEpoch, (out) => writeLearnerInfo(out, info));
  }

  /** Undefined: this epoch was promised before, so the promise must not count again. */
  promise(current: Epoch | undefined, last: Zxid, historyId: number): void {
    this.#packet(packetTypes.ackEpoch, last, (out) => {
      writeAckEpoch(out, current);
      writeHistoryId(out, historyId);
    });
  }

  acknowledge(zxid: Zxid): void {
    writePacket(this.#out, packetTypes.ack, zxid);
  }

  pong(zxid: Zxid, touched: readonly (readonly [session: SessionId, timeoutMs: number])[]): void {
    const touches = touched.map(([session, timeoutMs]) => ({ session, timeoutMs }));
    this.#packet(packetTypes.ping, zxid, (out) => writeTouches(out, touches));
  }

  request(session: SessionId, cxid: number, opcode: number, body: Uint8Array, identities: Identities): void {
    const frame = beginPacket(this.#out, packetTypes.request, zxidNone);
    writeRequest(this.#out, { session, cxid, opcode, body });
    endPacket(this.#out, frame, opcode === opcodes.createSession ? null : identities);
  }

  /** No request follows. */
  handOver(): void {
    writePacket(this.#out, packetTypes.handOver, zxidNone);
  }

  differs(zxid: Zxid): void {
    writePacket(this.#out, packetTypes.differs, zxid);
  }

  revalidate(session: SessionId, timeoutMs: number): void {
    this.#packet(packetTypes.revalidate, zxidNone, (out) => writeRevalidateRequest(out, { session, timeoutMs }));
  }
}
