// Reads along on the connections between servers: which packets and notifications lie in the stream, and where each
// begins and ends. Scenarios hold packets back by it, checkers judge by it. It only decodes; what the packets mean for a
// server is decided elsewhere.

import { SnapshotReader } from '@corral/core';
import {
  PacketReader,
  notificationEnd,
  packetNames,
  packetTypes,
  parseInitialMessage,
  readNotification,
} from '@corral/protocol';
import type { Notification, PacketName, QuorumPacket } from '@corral/protocol';

/** What stands at bytes [start, end) of the stream. */
export interface Seen {
  readonly name: PacketName | 'notification' | 'greeting' | 'stream' | 'unknown';
  readonly start: number;
  readonly end: number;
}

export interface TapEvents {
  packet(packet: QuorumPacket, name: PacketName, end: number): void;
  notification(notification: Notification, end: number): void;
}

export interface Tap {
  /** Takes the next bytes of the stream; what is in them is reported at once. */
  push(bytes: Uint8Array): void;
  /** What was found and not yet forgotten, in order. */
  readonly seen: Seen[];
}

const ignore = (): undefined => undefined;
const nowhere = { session: ignore, acl: ignore, node: ignore };

/** One direction of a connection between a leader and a learner. */
export class QuorumTap implements Tap {
  readonly seen: Seen[] = [];
  readonly #reader = new PacketReader();
  readonly #events: TapEvents;
  #snapshot: SnapshotReader | undefined;
  #pushed = 0;
  #at = 0;

  constructor(events: TapEvents) {
    this.#events = events;
  }

  push(bytes: Uint8Array): void {
    this.#pushed += bytes.length;
    if (this.#snapshot !== undefined) this.#pushSnapshot(bytes);
    else {
      this.#reader.push(bytes);
      this.#packets();
    }
  }

  #packets(): void {
    for (let packet = this.#reader.next(); packet !== undefined; packet = this.#reader.next()) {
      const start = this.#at;
      this.#at = start + packetBytes(packet);
      const name = packetNames.get(packet.type);
      this.seen.push({ name: name ?? 'unknown', start, end: this.#at });
      if (name !== undefined) this.#events.packet(packet, name, this.#at);
      if (packet.type !== packetTypes.snap) continue;
      this.#snapshot = new SnapshotReader(nowhere, 'stream');
      this.#pushSnapshot(this.#reader.takeRest());
      return;
    }
  }

  #pushSnapshot(bytes: Uint8Array): void {
    const snapshot = this.#snapshot!;
    snapshot.push(bytes);
    if (!snapshot.done) return;
    this.#snapshot = undefined;
    const rest = snapshot.leftover();
    const start = this.#at;
    this.#at = this.#pushed - rest.length;
    this.seen.push({ name: 'stream', start, end: this.#at });
    this.#reader.push(rest);
    this.#packets();
  }
}

function packetBytes({ data, authinfo }: QuorumPacket): number {
  let bytes = 20 + (data?.length ?? 0);
  for (const { scheme, id } of authinfo ?? []) bytes += 8 + textBytes(scheme) + textBytes(id);
  return bytes;
}

function textBytes(text: string | null): number {
  let bytes = 0;
  for (const character of text ?? '') {
    const code = character.codePointAt(0)!;
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return bytes;
}

/** One direction of an election connection; only who has dialled sends a greeting. */
export class ElectionTap implements Tap {
  readonly seen: Seen[] = [];
  readonly #events: TapEvents;
  #greets: boolean;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(events: TapEvents, greets: boolean) {
    this.#events = events;
    this.#greets = greets;
  }

  push(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#bytes.length + bytes.length);
    all.set(this.#bytes);
    all.set(bytes, this.#bytes.length);
    let at = 0;
    if (this.#greets) {
      const greeting = parseInitialMessage(all, 0, all.length);
      if (greeting !== undefined) {
        this.#greets = false;
        at = greeting.consumed;
        this.seen.push({ name: 'greeting', start: this.#at, end: this.#at + at });
      }
    }
    if (!this.#greets) at = this.#notifications(all, at);
    this.#at += at;
    this.#bytes = all.slice(at);
  }

  #notifications(all: Uint8Array, from: number): number {
    let at = from;
    for (;;) {
      const end = notificationEnd(all, at, all.length);
      if (end === undefined) return at;
      const notification = readNotification(all.subarray(at + 4, end));
      this.seen.push({ name: 'notification', start: this.#at + at, end: this.#at + end });
      this.#events.notification(notification, this.#at + end);
      at = end;
    }
  }
}
