// The connections of the election port: one between each two servers, opened by the one with the larger id. A server with
// the smaller id may dial too, but that only means "please call me": it says who it is, hangs up, and is called back.
// Connections to all voters are kept up in every role, so that an election finds them there.
//
// No message is kept here: whenever a connection comes up, the election says afresh what it has to say. What arrives is
// believed to come from the server the connection was greeted by, and from nobody else; whatever cannot be read costs
// the connection or the message, never more.

import {
  JuteWriter,
  ProtocolError,
  notificationEnd,
  parseInitialMessage,
  readNotification,
  writeInitialMessage,
  writeNotification,
} from '@corral/protocol';
import type { InitialMessage, Notification } from '@corral/protocol';
import type { DiskOp, EnsembleNote, PeerAddress, PeerLink } from '../effects.ts';
import type { OwnNotification } from './election-options.ts';
import type { Proof } from './heard-configs.ts';
import type { Quorums } from './quorum.ts';

export interface ElectionMeshOptions {
  readonly sid: number;
  readonly quorums: () => Quorums;
  /** A number for a dial; shared with the other port. */
  readonly nextDial: () => number;
  readonly dial: (dial: number, addresses: readonly PeerAddress[]) => void;
  readonly message: (from: number, notification: Notification) => void;
  /** Whether an answer is waited for. */
  readonly isLooking: () => boolean;
  /** A connection came up: whatever the other end should know is sent now. */
  readonly connected: (sid: number, now: number) => void;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  /** Last disk operation reported done: votes rest on the log. */
  readonly durable?: () => DiskOp;
  readonly note: (level: EnsembleNote['level'], message: string, facts?: EnsembleNote['facts']) => void;
}

/** A server this one is connected to or wants to be. */
interface Peer {
  readonly sid: number;
  connection: Connection | undefined;
  /** The dial under way. */
  dial: number | undefined;
  dialAt: number;
  /** Wait after the next failure. */
  backoffMs: number;
  /** Time for the next answer. */
  answerMs: number;
  /** When somebody answered last at the address that the configuration has for it. */
  reachedAt: number;
  /** Where a server that no configuration names can be called back. */
  callback: readonly PeerAddress[];
}

interface Connection {
  readonly number: number;
  readonly link: PeerLink;
  /** Undefined until the other end has greeted. */
  sid: number | undefined;
  readonly openedAt: number;
  /** This server has opened it. */
  readonly isDialled: boolean;
  hasReceived: boolean;
  /** This server looks for a leader and has to hear something on it until then; Infinity: it has not asked. */
  answerBy: number;
  readonly bytes: JuteWriter;
}

export const meshLimits = {
  /** For a greeting to arrive. */
  greetingMs: 5000,
  /**
   * For a word from the other end while this server looks for a leader. After a long partition TCP tries again only
   * minutes later, so a connection that may be dead is replaced: at worst by one that says the same, and each time in
   * an election after twice as long.
   */
  answerMinMs: 10_000,
  answerMaxMs: 600_000,
  /** Connections that have not greeted; beyond it the oldest is closed. */
  greetingsMax: 64,
  /** Servers that no configuration names. */
  strangersMax: 16,
  /** Unread bytes of one connection. */
  backlogMax: 1 << 20,
  backoffMinMs: 50,
  backoffMaxMs: 5000,
  /** A connection so young, and still silent, is the answer to a "please call me" that arrives now. */
  crossingMs: 250,
  /** A server whose address has answered so lately is taken to be there. */
  reachedMs: 30_000,
  /** Complaints about one address are this far apart. */
  notePauseMs: 60_000,
  notedMax: 256,
} as const;

export class ElectionMesh {
  /** When the next tick is wanted. */
  deadline = Infinity;
  readonly #o: ElectionMeshOptions;
  readonly #peers = new Map<number, Peer>();
  /** Those that are open and not given up. */
  readonly #connections = new Map<number, Connection>();
  readonly #dials = new Map<number, Peer>();
  readonly #noted = new Map<string, number>();
  #now = 0;

  constructor(options: ElectionMeshOptions) {
    this.#o = options;
  }

  isConnected(sid: number): boolean {
    return this.#peers.get(sid)?.connection !== undefined;
  }

  /**
   * How certain it is that what `sid` says comes from that member: on a connection that this server has opened, or, as a
   * server with a larger id is the one to call, at least from somewhere while its address answers. Tries that address when
   * it was not reached lately.
   */
  proofOf(sid: number): Proof {
    const peer = this.#peers.get(sid);
    if (peer?.connection === undefined || !this.#o.quorums().knows(sid)) return 'none';
    if (peer.connection.isDialled) return 'dialled';
    if (this.#now - peer.reachedAt < meshLimits.reachedMs) return 'reached';
    if (peer.dial === undefined) this.#call(peer);
    return 'none';
  }

  /** Servers there is a connection with, ascending. */
  get connectedTo(): number[] {
    return [...this.#peers.values()].flatMap(({ sid, connection }) => (connection ? [sid] : [])).sort((a, b) => a - b);
  }

  /** An election begins or the configuration has changed: every voter that is not connected is dialled at once. */
  configured(now: number): void {
    this.#now = now;
    for (const sid of this.#o.quorums().voters) {
      if (sid === this.#o.sid) continue;
      const peer = this.#peer(sid);
      peer.backoffMs = meshLimits.backoffMinMs;
      peer.answerMs = meshLimits.answerMinMs;
      if (peer.connection === undefined) peer.dialAt = now;
    }
    for (const peer of this.#peers.values()) this.#forgetIfIdle(peer);
    this.tick(now);
  }

  /** Sends to a server that is connected. For any other this does nothing: it is told when it is connected. */
  send(to: number, notification: OwnNotification, now: number): void {
    const connection = this.#peers.get(to)?.connection;
    if (connection === undefined) return;
    this.#now = now;
    const { link } = connection;
    if (link.backlog > meshLimits.backlogMax) {
      this.#o.note('warn', `server ${to} does not read its election connection: closed`, { backlog: link.backlog });
      this.#drop(connection);
      this.#retry(connection);
      return this.#setDeadline();
    }
    const out = new JuteWriter(64 + notification.config.length);
    writeNotification(out, notification);
    link.send(out.view(), this.#durable);
    if (notification.state !== 'looking' || connection.answerBy !== Infinity) return;
    connection.answerBy = now + this.#peers.get(to)!.answerMs;
    this.#setDeadline();
  }

  opened(number: number, link: PeerLink, dial: number | undefined, now: number): void {
    this.#now = now;
    const connection: Connection = {
      number,
      link,
      sid: undefined,
      openedAt: now,
      isDialled: dial !== undefined,
      hasReceived: false,
      answerBy: Infinity,
      bytes: new JuteWriter(0),
    };
    if (dial === undefined) {
      this.#limitGreetings();
      this.#connections.set(number, connection);
    } else this.#dialled(connection, dial);
    this.#setDeadline();
  }

  received(number: number, bytes: Uint8Array, start: number, end: number, now: number): void {
    this.#now = now;
    const connection = this.#connections.get(number);
    if (connection === undefined) return;
    connection.hasReceived = true;
    connection.answerBy = Infinity;
    connection.bytes.raw(bytes.subarray(start, end));
    try {
      this.#read(connection);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#complain(connection.link, 'is closed', error.message);
      this.#drop(connection);
      this.#retry(connection);
    }
    this.#setDeadline();
  }

  closed(number: number, now: number): void {
    this.#now = now;
    const connection = this.#connections.get(number);
    if (connection === undefined) return;
    this.#forget(connection);
    this.#retry(connection);
    this.#setDeadline();
  }

  dialFailed(dial: number, reason: string, now: number): void {
    this.#now = now;
    const peer = this.#dials.get(dial);
    if (peer === undefined) return;
    this.#dialEnded(peer);
    const at = (this.#addressesOf(peer.sid) ?? peer.callback).map(({ host, port }) => `${host}:${port}`).join(', ');
    this.#tell(unreachable(peer.sid), `server ${peer.sid} cannot be reached at its election address ${at}: ${reason}`);
    this.#retryPeer(peer);
    this.#setDeadline();
  }

  tick(now: number): void {
    this.#now = now;
    for (const peer of this.#peers.values()) if (peer.dialAt <= now) this.#dial(peer);
    for (const connection of this.#connections.values()) {
      if (now < expiryOf(connection)) continue;
      if (connection.sid !== undefined) this.#unanswered(connection, connection.sid);
      else {
        this.#complain(connection.link, 'is closed', 'it does not say who it is');
        this.#drop(connection);
      }
    }
    this.#setDeadline();
  }

  #unanswered(connection: Connection, sid: number): void {
    connection.answerBy = Infinity;
    // Whoever agreed with the vote had nothing to say.
    if (!this.#o.isLooking()) return;
    const peer = this.#peers.get(sid)!;
    peer.answerMs = Math.min(peer.answerMs * 2, meshLimits.answerMaxMs);
    this.#drop(connection);
    this.#retry(connection);
  }

  // Dialling.

  #peer(sid: number): Peer {
    let peer = this.#peers.get(sid);
    if (peer === undefined) {
      const { backoffMinMs: backoffMs, answerMinMs: answerMs } = meshLimits;
      peer = {
        sid,
        connection: undefined,
        dial: undefined,
        dialAt: Infinity,
        backoffMs,
        answerMs,
        reachedAt: -Infinity,
        callback: [],
      };
      this.#peers.set(sid, peer);
    }
    return peer;
  }

  #dial(peer: Peer): void {
    peer.dialAt = Infinity;
    if (peer.dial !== undefined || peer.connection !== undefined) return;
    this.#call(peer);
  }

  #call(peer: Peer): void {
    const addresses = this.#addressesOf(peer.sid) ?? peer.callback;
    if (addresses.length === 0) return this.#forgetIfIdle(peer);
    peer.dial = this.#o.nextDial();
    this.#dials.set(peer.dial, peer);
    this.#o.dial(peer.dial, addresses);
  }

  #dialEnded(peer: Peer): void {
    if (peer.dial !== undefined) this.#dials.delete(peer.dial);
    peer.dial = undefined;
  }

  #dialled(connection: Connection, dial: number): void {
    const peer = this.#dials.get(dial);
    if (peer === undefined) return connection.link.close();
    this.#dialEnded(peer);
    peer.reachedAt = this.#now;
    // The other side was faster.
    if (peer.connection !== undefined) return connection.link.close();
    this.#greet(connection.link);
    if (peer.sid > this.#o.sid) {
      connection.link.close();
      return this.#retryPeer(peer);
    }
    this.#connections.set(connection.number, connection);
    this.#keep(connection, peer);
  }

  /** Voters are dialled again for as long as it takes, others when they ask for it. */
  #retryPeer(peer: Peer): void {
    if (!this.#o.quorums().isVoter(peer.sid)) return this.#forgetIfIdle(peer);
    const jitter = 0.5 + this.#o.random() / 2;
    peer.dialAt = Math.min(peer.dialAt, this.#now + Math.ceil(peer.backoffMs * jitter));
    peer.backoffMs = Math.min(peer.backoffMs * 2, meshLimits.backoffMaxMs);
  }

  #retry({ sid }: Connection): void {
    const peer = sid === undefined ? undefined : this.#peers.get(sid);
    if (peer !== undefined && peer.connection === undefined && peer.dial === undefined) this.#retryPeer(peer);
  }

  #addressesOf(sid: number): PeerAddress[] | undefined {
    return this.#o
      .quorums()
      .member(sid)
      ?.addresses.map(({ host, electionPort }) => ({ host, port: electionPort }));
  }

  // Greeting.

  #greet(link: PeerLink): void {
    const { sid } = this.#o;
    // A server that is no member has no address to give; this one, which leads nowhere, is skipped by the reader.
    const addresses = this.#addressesOf(sid) ?? [{ host: '0.0.0.0', port: 0 }];
    const out = new JuteWriter(64);
    writeInitialMessage(out, { form: addresses.length > 1 ? 'v2' : 'v1', sid, addresses });
    link.send(out.view(), this.#durable);
  }

  #greeted(connection: Connection, { sid, addresses }: InitialMessage): void {
    const own = this.#o.sid;
    if (sid === undefined) throw new ProtocolError('observers without an id are not supported');
    if (sid === own) {
      throw new ProtocolError(
        `it greets as server ${sid}, which is this server: two servers have one id (file myid), or an address in the configuration leads to the wrong server`,
      );
    }
    if (!this.#o.quorums().knows(sid) && !this.#peers.has(sid) && this.#strangers >= meshLimits.strangersMax) {
      throw new ProtocolError(`server ${sid} is in no configuration, and too many such are connected`);
    }
    const peer = this.#peer(sid);
    peer.callback = addresses.filter(({ port }) => port > 0);
    this.#compare(connection.link, peer);
    if (sid < own) return this.#callBack(connection, peer);
    if (peer.connection !== undefined) this.#drop(peer.connection);
    this.#keep(connection, peer);
  }

  /** A greeting that does not fit what is known of its sender is good for one line: nobody could tell which is right. */
  #compare(link: PeerLink, { sid, connection: former, callback }: Peer): void {
    const known = this.#addressesOf(sid) ?? callback;
    if (callback.length > 0 && !callback.some(({ port }) => known.some((own) => own.port === port))) {
      const ports = [callback, known].map((list) => list.map(({ port }) => port).join(', '));
      const reason = `server ${sid} names election port ${ports[0]}, here it has ${ports[1]}: two servers may have this id, or the server lines differ`;
      this.#complain(link, 'does not fit the configuration', reason);
    }
    // A connection that this server has opened says nothing: names may lead there by another way.
    if (former === undefined || sid < this.#o.sid || hostOf(former.link) === hostOf(link)) return;
    const reason = `server ${sid} is connected from ${former.link.address} too: two servers may have this id`;
    this.#complain(link, 'takes over', reason);
  }

  /** A server with a smaller id asks to be called: it may have lost a connection that still looks good from here. */
  #callBack(connection: Connection, peer: Peer): void {
    const former = peer.connection;
    this.#drop(connection);
    if (former !== undefined && !former.hasReceived && this.#now - former.openedAt < meshLimits.crossingMs) return;
    if (former !== undefined) this.#drop(former);
    this.#peers.set(peer.sid, peer);
    this.#dial(peer);
  }

  #keep(connection: Connection, peer: Peer): void {
    connection.sid = peer.sid;
    peer.connection = connection;
    peer.dialAt = Infinity;
    this.#peers.set(peer.sid, peer);
    if (this.#noted.delete(unreachable(peer.sid))) this.#o.note('info', `server ${peer.sid} is reached again`);
    this.#o.connected(peer.sid, this.#now);
  }

  get #strangers(): number {
    const quorums = this.#o.quorums();
    let count = 0;
    for (const { sid } of this.#peers.values()) if (!quorums.knows(sid)) count++;
    return count;
  }

  #limitGreetings(): void {
    let count = 0;
    let oldest: Connection | undefined;
    for (const connection of this.#connections.values()) {
      if (connection.sid !== undefined) continue;
      oldest ??= connection;
      count++;
    }
    if (oldest !== undefined && count >= meshLimits.greetingsMax) this.#drop(oldest);
  }

  // Reading.

  #read(connection: Connection): void {
    const { bytes } = connection;
    let at = 0;
    if (connection.sid === undefined) {
      const initial = parseInitialMessage(bytes.bytes, 0, bytes.length);
      if (initial === undefined) return;
      at = initial.consumed;
      this.#greeted(connection, initial);
    }
    while (this.#connections.has(connection.number)) {
      const end = notificationEnd(bytes.bytes, at, bytes.length);
      if (end === undefined) break;
      this.#readMessage(connection, bytes.bytes.subarray(at + 4, end));
      at = end;
    }
    bytes.bytes.copyWithin(0, at, bytes.length);
    bytes.length -= at;
    if (bytes.length === 0) bytes.detach(0);
  }

  /** A message that cannot be read is dropped; the next one may be better. */
  #readMessage({ link, sid }: Connection, bytes: Uint8Array): void {
    let notification: Notification;
    try {
      notification = readNotification(bytes);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return this.#complain(link, `(server ${sid!}) sent a notification that is dropped`, error.message);
    }
    const peer = this.#peers.get(sid!);
    if (peer !== undefined) peer.backoffMs = meshLimits.backoffMinMs;
    this.#o.message(sid!, notification);
  }

  // Ends.

  #drop(connection: Connection): void {
    this.#forget(connection);
    connection.link.close();
  }

  #forget(connection: Connection): void {
    this.#connections.delete(connection.number);
    const peer = connection.sid === undefined ? undefined : this.#peers.get(connection.sid);
    if (peer?.connection !== connection) return;
    peer.connection = undefined;
    this.#forgetIfIdle(peer);
  }

  #forgetIfIdle(peer: Peer): void {
    if (peer.connection !== undefined || peer.dial !== undefined) return;
    if (!this.#o.quorums().isVoter(peer.sid)) this.#peers.delete(peer.sid);
  }

  /** A line about an address and a kind of fault, once in a while. */
  #complain(link: PeerLink, what: string, reason: string): void {
    this.#tell(`${hostOf(link)} ${what}`, `the election connection with ${link.address} ${what}: ${reason}`);
  }

  #tell(kind: string, message: string): void {
    const last = this.#noted.get(kind);
    if (last !== undefined && this.#now - last < meshLimits.notePauseMs) return;
    if (this.#noted.size >= meshLimits.notedMax) this.#noted.clear();
    this.#noted.set(kind, this.#now);
    this.#o.note('warn', message);
  }

  get #durable(): DiskOp {
    return this.#o.durable?.() ?? 0;
  }

  #setDeadline(): void {
    let deadline = Infinity;
    for (const { dialAt } of this.#peers.values()) deadline = Math.min(deadline, dialAt);
    for (const connection of this.#connections.values()) deadline = Math.min(deadline, expiryOf(connection));
    this.deadline = deadline;
  }
}

const unreachable = (sid: number): string => `server ${sid} unreachable`;

/** When a connection is given up. */
const expiryOf = ({ sid, openedAt, answerBy }: Connection): number =>
  sid === undefined ? openedAt + meshLimits.greetingMs : answerBy;

const hostOf = ({ address }: PeerLink): string => address.replace(/:\d+$/, '');
