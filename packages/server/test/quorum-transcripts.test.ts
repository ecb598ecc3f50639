// What Apache's servers said to each other, recorded byte by byte: every byte must be understood, and written again the
// same. The test lives here because the snapshot inside a stream of packets is core's and the packets are protocol's.

import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { SnapshotReader } from '@corral/core';
import type { SnapshotSink } from '@corral/core';
import {
  JuteReader,
  JuteWriter,
  PacketReader,
  beginPacket,
  endPacket,
  formatEnsembleConfig,
  formatSessionId,
  formatZxid,
  notificationEnd,
  packetNames,
  packetTypes,
  parseEnsembleConfig,
  parseInitialMessage,
  readAckEpoch,
  readCommitAndActivate,
  readInformAndActivate,
  readLeaderInfo,
  readLearnerInfo,
  readNewLeader,
  readNotification,
  readRequest,
  readRevalidateReply,
  readRevalidateRequest,
  readTouches,
  writeAckEpoch,
  writeCommitAndActivate,
  writeInformAndActivate,
  writeInitialMessage,
  writeLeaderInfo,
  writeLearnerInfo,
  writeNewLeader,
  writeNotification,
  writePacket,
  writeRequest,
  writeRevalidateReply,
  writeRevalidateRequest,
  writeTouches,
} from '@corral/protocol';
import type { PacketName, QuorumPacket } from '@corral/protocol';

const folder = new URL('../../protocol/test-data/transcripts/', import.meta.url);
const transcripts = readdirSync(folder).filter((name) => name.endsWith('.jsonl'));

interface Row {
  readonly conn: number;
  readonly port: 'election' | 'leader';
  readonly dir: '>' | '<';
  readonly hex: string;
  readonly decoded: Record<string, unknown> & { readonly kind: string };
}

/** One direction of one connection. */
interface Stream {
  readonly name: string;
  readonly rows: readonly Row[];
  readonly bytes: Uint8Array;
}

function streamsOf(transcript: string): Stream[] {
  const lines = readFileSync(new URL(transcript, folder), 'utf8').split('\n');
  const rows = lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row);
  const streams = new Map<string, Row[]>();
  for (const row of rows) {
    const name = `${row.conn} ${row.dir} ${row.port}`;
    streams.set(name, [...(streams.get(name) ?? []), row]);
  }
  return [...streams].map(([name, of]) => ({
    name,
    rows: of,
    bytes: new Uint8Array(Buffer.from(of.map(({ hex }) => hex).join(''), 'hex')),
  }));
}

/** Length of the SASL packets at the position: a magic number, a status and a token each. */
function saslBytes(bytes: Uint8Array, start: number): number {
  const r = new JuteReader(bytes, start);
  while (r.remaining >= 16 && new JuteReader(bytes, r.at).long() === 0x5f2435013501edccn) {
    r.at += 12;
    r.skipField();
  }
  return r.at - start;
}

/** What is compared with the record, in its spelling. */
type Found = Record<string, unknown>;

const noTree: SnapshotSink = { session: () => undefined, acl: () => undefined, node: () => undefined };

/** Reads and writes the data of a packet; answers what the record shows of it. */
type BodyCheck = (data: Uint8Array | null, out: JuteWriter, fromLearner: boolean) => Found;

const checkLearnerInfo: BodyCheck = (data, out) => {
  const info = readLearnerInfo(data);
  writeLearnerInfo(out, info);
  const { sid, protocolVersion, configVersion } = info;
  const shown = {
    serverid: sid,
    protocolVersion: formatZxid(protocolVersion),
    configVersion: formatZxid(configVersion),
  };
  return { learnerInfo: shown };
};

const bodyChecks: Partial<Record<PacketName, BodyCheck>> = {
  followerInfo: checkLearnerInfo,
  observerInfo: checkLearnerInfo,
  leaderInfo: (data, out) => {
    const version = readLeaderInfo(data);
    writeLeaderInfo(out, version);
    return { protocolVersion: formatZxid(version) };
  },
  ackEpoch: (data, out) => {
    const epoch = readAckEpoch(data);
    writeAckEpoch(out, epoch);
    return { currentEpoch: epoch ?? -1 };
  },
  newLeader: (data, out) => {
    const config = readNewLeader(data) ?? '';
    writeNewLeader(out, formatEnsembleConfig(parseEnsembleConfig(config)));
    return { config };
  },
  revalidate: (data, out, fromLearner) => {
    if (fromLearner) {
      const asked = readRevalidateRequest(data);
      writeRevalidateRequest(out, asked);
      return { session: formatSessionId(asked.session), timeout: asked.timeoutMs };
    }
    const answer = readRevalidateReply(data);
    writeRevalidateReply(out, answer);
    return { session: formatSessionId(answer.session), valid: answer.valid };
  },
  ping: (data, out) => {
    const touches = readTouches(data);
    writeTouches(out, touches);
    return { touched: touches.map(({ session, timeoutMs }) => [formatSessionId(session), timeoutMs]) };
  },
  request: (data, out) => {
    const request = readRequest(data);
    writeRequest(out, request);
    return { session: formatSessionId(request.session), cxid: request.cxid, requestType: request.opcode };
  },
  commitAndActivate: (data, out) => {
    const designatedLeader = readCommitAndActivate(data);
    writeCommitAndActivate(out, designatedLeader);
    return { designatedLeader };
  },
  informAndActivate: (data, out) => {
    const body = readInformAndActivate(data);
    writeInformAndActivate(out, body);
    return { designatedLeader: body.designatedLeader };
  },
};

/** Writes a packet again, by way of its parts where it has some. */
function copyPacket(packet: QuorumPacket, out: JuteWriter, fromLearner: boolean): Found {
  const { type, zxid, data, authinfo } = packet;
  const name = packetNames.get(type);
  const check = name === undefined ? undefined : bodyChecks[name];
  const common = { code: type, zxid: formatZxid(zxid), dataLength: data?.length ?? null, authinfo };
  if (check === undefined || data === null) {
    writePacket(out, type, zxid, data, authinfo);
    return common;
  }
  const at = beginPacket(out, type, zxid);
  const shown = check(data, out, fromLearner);
  endPacket(out, at, authinfo);
  return { ...common, ...shown };
}

/** Reads a stream of the leader port that comes in chunks; writes what it says again. */
function copyLeaderStream(
  stream: Uint8Array,
  chunkBytes: number,
  fromLearner: boolean,
): { found: Found[]; out: JuteWriter } {
  const out = new JuteWriter();
  const found: Found[] = [];
  const sasl = saslBytes(stream, 0);
  out.raw(stream.subarray(0, sasl));
  const packets = new PacketReader();
  let snapshot: SnapshotReader | undefined;
  const feedSnapshot = (bytes: Uint8Array): void => {
    snapshot?.push(bytes);
    const rest = snapshot?.done ? snapshot.leftover() : new Uint8Array(0);
    out.raw(bytes.subarray(0, bytes.length - rest.length));
    if (!snapshot?.done) return;
    expect(snapshot.finish().nodes).toBeGreaterThan(0);
    found.push({ kind: 'snapshot-stream' });
    snapshot = undefined;
    packets.push(rest);
  };
  for (let at = sasl; at < stream.length; at += chunkBytes) {
    const chunk = stream.slice(at, at + chunkBytes);
    if (snapshot === undefined) packets.push(chunk);
    else feedSnapshot(chunk);
    while (snapshot === undefined) {
      const packet = packets.next();
      if (packet === undefined) break;
      found.push(copyPacket(packet, out, fromLearner));
      if (packet.type !== packetTypes.snap) continue;
      snapshot = new SnapshotReader(noTree, 'stream');
      feedSnapshot(packets.takeRest());
    }
  }
  expect(packets.takeRest()).toHaveLength(0);
  return { found, out };
}

const orNone = (value: number | undefined): number => value ?? Number(-(2n ** 63n));

function copyElectionStream(stream: Uint8Array, dialler: boolean): { found: Found[]; out: JuteWriter } {
  const out = new JuteWriter();
  const found: Found[] = [];
  let at = 0;
  if (dialler) {
    const message = parseInitialMessage(stream, 0, stream.length)!;
    writeInitialMessage(out, message);
    const addresses = message.addresses.map(({ host, port }) => `${host}:${port}`);
    found.push({ kind: 'initial', form: message.form.toUpperCase(), sid: message.sid, addresses });
    at = message.consumed;
  }
  const sasl = saslBytes(stream, at);
  out.raw(stream.subarray(at, at + sasl));
  at += sasl;
  while (at < stream.length) {
    const end = notificationEnd(stream, at, stream.length)!;
    const n = readNotification(stream.subarray(at + 4, end));
    writeNotification(out, { ...n, config: formatEnsembleConfig(parseEnsembleConfig(n.config ?? '')) });
    found.push({
      kind: 'notification',
      state: n.state.toUpperCase(),
      leader: orNone(n.leader),
      zxid: formatZxid(orNone(n.zxid)),
      electionEpoch: n.round,
      peerEpoch: orNone(n.peerEpoch),
      version: n.version,
      config: n.config,
    });
    at = end;
  }
  return { found, out };
}

describe.each(transcripts)('the recording %s', (transcript) => {
  const streams = streamsOf(transcript);

  it.each(streams)('connection $name is understood to the last byte and written again the same', ({ rows, bytes }) => {
    const [{ port, dir }] = rows;
    const recorded = rows.map(({ decoded }) => decoded).filter(({ kind }) => kind !== 'auth');
    const copies =
      port === 'election'
        ? [copyElectionStream(bytes, dir === '>')]
        : [bytes.length, 1, 7, 33].map((chunkBytes) => copyLeaderStream(bytes, chunkBytes, dir === '>'));
    for (const { found, out } of copies) {
      expect(found).toHaveLength(recorded.length);
      found.forEach((one, i) => expect(recorded[i]).toMatchObject(one));
      expect(Buffer.from(out.view()).toString('hex')).toBe(Buffer.from(bytes).toString('hex'));
    }
  });
});

it('the recordings hold every type of packet but for those that only Corral sends', () => {
  const codes = transcripts
    .flatMap(streamsOf)
    .flatMap(({ rows }) => rows)
    .map(({ decoded }) => decoded['code']);
  expect([...packetNames.keys()].filter((type) => !codes.includes(type))).toEqual([
    packetTypes.handOver,
    packetTypes.differs,
    packetTypes.historyId,
  ]);
});
