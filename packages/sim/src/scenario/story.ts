// The transcript of a scenario: its statements, and under each what happened because of it - roles, promises,
// synchronisations, proposals, acknowledgements, decisions, crashes. No times and no order of what is independent, so
// that a transcript changes when the protocol does and not when something takes a millisecond longer.

import { readAckEpoch } from '@corral/protocol';
import type { PacketName, QuorumPacket } from '@corral/protocol';
import type { NetworkWatcher } from '../network.ts';
import { epochOfZxid, counterOfZxid, hex } from '../checkers/ghost.ts';
import { QuorumTap } from '../packet-tap.ts';
import type { Tap } from '../packet-tap.ts';
import type { Connection, Pipe } from '../pipe.ts';
import { nameOf } from '../places.ts';

/** A packet of the leader's and its learners' connections that was sent, and has arrived or not. */
export interface SentPacket {
  readonly from: number;
  readonly to: number;
  readonly name: PacketName;
  readonly zxid: number;
  /** Where it ends in its stream. */
  readonly end: number;
  isDelivered: boolean;
}

/** A line of the transcript, and when it was told; statements have no time. */
interface Line {
  readonly at: number;
  text: string;
}

const ignore = (): undefined => undefined;
const silent: Tap = { push: ignore, seen: [] };

/** Packets that are told one by one; proposals, acknowledgements and commits are told as ranges. */
const told = new Set<PacketName>(['leaderInfo', 'ackEpoch', 'diff', 'trunc', 'snap', 'newLeader', 'upToDate']);

export class Story implements NetworkWatcher {
  readonly #lines: Line[] = [];
  /** Every packet but pings, since the ensemble was booted. */
  readonly packets: SentPacket[] = [];
  readonly #inner: NetworkWatcher;
  readonly #isServer: (sid: number) => boolean;
  readonly #waiting = new Map<Pipe, SentPacket[]>();
  readonly #clock: { readonly now: number };
  #ranges = new Map<string, { readonly line: Line; first: number; last: number }>();
  /** Nothing is told of what a scenario's end does. */
  isQuiet = false;

  constructor(inner: NetworkWatcher, clock: { readonly now: number }, isServer: (sid: number) => boolean) {
    this.#inner = inner;
    this.#clock = clock;
    this.#isServer = isServer;
  }

  statement(text: string): void {
    this.#ranges = new Map();
    this.#lines.push({ at: -1, text: `> ${text}` });
  }

  tell(text: string): void {
    if (!this.isQuiet) this.#add(text);
  }

  #add(text: string): Line {
    const line = { at: this.#clock.now, text: `    ${text}` };
    this.#lines.push(line);
    return line;
  }

  /** What happened at one moment has no order: it is told in the order of the alphabet. */
  get lines(): string[] {
    const told: string[] = [];
    for (let from = 0, to = 0; from < this.#lines.length; from = to) {
      while (
        to < this.#lines.length &&
        this.#lines[to].at === this.#lines[from].at &&
        (to === from || this.#lines[to].at >= 0)
      )
        to++;
      told.push(
        ...this.#lines
          .slice(from, to)
          .map(({ text }) => text)
          .sort(),
      );
    }
    return told;
  }

  /** Tells of a zxid; the next of the same kind, before the next statement, makes a range of it. */
  #tellZxid(what: string, zxid: number): void {
    if (this.isQuiet) return;
    const range = this.#ranges.get(what);
    if (range === undefined) {
      this.#ranges.set(what, { line: this.#add(`${what} ${hex(zxid)}`), first: zxid, last: zxid });
      return;
    }
    range.first = Math.min(range.first, zxid);
    range.last = Math.max(range.last, zxid);
    const end = range.first === range.last ? '' : `..${hex(range.last)}`;
    range.line.text = `    ${what} ${hex(range.first)}${end}`;
  }

  // The wire.

  connected(connection: Connection): { readonly toAcceptor: Tap; readonly toDialler: Tap } {
    // Of a stranger nobody has expectations.
    if (!this.#isServer(connection.dialler)) return { toAcceptor: silent, toDialler: silent };
    const taps = this.#inner.connected(connection);
    if (connection.port !== 'quorum') return taps;
    const { toAcceptor, toDialler } = connection;
    return { toAcceptor: this.#both(taps.toAcceptor, toAcceptor), toDialler: this.#both(taps.toDialler, toDialler) };
  }

  #both(inner: Tap, pipe: Pipe): Tap {
    const sent: SentPacket[] = [];
    this.#waiting.set(pipe, sent);
    const packet = (seen: QuorumPacket, name: PacketName, end: number): void => {
      if (name === 'ping') return;
      const entry = { from: pipe.from, to: pipe.to, name, zxid: seen.zxid, end, isDelivered: false };
      sent.push(entry);
      this.packets.push(entry);
      this.#sent(entry, seen);
    };
    const mine = new QuorumTap({ packet, notification: ignore });
    return {
      seen: inner.seen,
      push: (bytes) => {
        mine.push(bytes);
        inner.push(bytes);
        mine.seen.length = 0;
      },
    };
  }

  #sent({ from, to, name, zxid }: SentPacket, packet: QuorumPacket): void {
    const [sender, receiver] = [nameOf(from), nameOf(to)];
    if (told.has(name)) return this.tell(`${sender}>${receiver} ${wireName(name)}${detail(name, packet)}`);
    if (name === 'ack' && counterOfZxid(zxid) === 0) {
      if (!this.#isAnswer(from, to)) this.tell(`${sender}>${receiver} ACK of NEWLEADER ${epochOfZxid(zxid)}`);
    } else if (name === 'ack') this.#tellZxid(`${sender} acknowledges`, zxid);
    else if (name === 'proposal') this.#tellZxid(`${sender} proposes`, zxid);
    else if (name === 'commit') this.#tellZxid(`${sender} commits`, zxid);
    else if (name === 'commitAndActivate' || name === 'informAndActivate')
      this.tell(`${sender}>${receiver} ${wireName(name)} ${hex(zxid)}`);
  }

  /** The second acknowledgement of the same epoch answers UPTODATE. */
  #isAnswer(from: number, to: number): boolean {
    const sync = this.packets.findLast((sent) => sent.from === to && sent.to === from && isOfSync(sent.name));
    return sync?.name === 'upToDate';
  }

  delivered(connection: Connection, pipe: Pipe): void {
    if (!this.#isServer(connection.dialler)) return;
    this.#inner.delivered(connection, pipe);
    const waiting = this.#waiting.get(pipe);
    while (waiting !== undefined && waiting.length > 0 && waiting[0].end <= pipe.delivered) {
      waiting.shift()!.isDelivered = true;
    }
  }

  ended(connection: Connection, server: number): void {
    this.#inner.ended(connection, server);
  }
}

const isOfSync = (name: PacketName): boolean => name === 'newLeader' || name === 'upToDate';

function detail(name: PacketName, { zxid, data }: QuorumPacket): string {
  switch (name) {
    case 'leaderInfo':
    case 'newLeader':
      return ` ${epochOfZxid(zxid)}`;
    case 'ackEpoch': {
      const current = readAckEpoch(data);
      const epoch = current === undefined ? 'promised before' : `epoch ${current}`;
      return zxid < 0 ? ` (${epoch}, history unknown)` : ` (${epoch}, history to ${hex(zxid)})`;
    }
    case 'diff':
    case 'trunc':
    case 'snap':
      return ` ${hex(zxid)}`;
    default:
      return '';
  }
}

export const wireName = (name: string): string => name.toUpperCase();
