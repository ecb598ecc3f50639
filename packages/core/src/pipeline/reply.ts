// Writing answers: header, body, length, and the figures that `cons` and the metrics show of them.

import { records, syncConnected, xids } from '@corral/protocol';
import type { Zxid } from '@corral/protocol';
import type { Connection } from './connection.ts';
import type { Context } from './context.ts';
import { bytesShift } from './work.ts';

/** Begins a reply frame; write the body to `connection.link.out`, then call `endReply` with the result. */
export function beginReply(connection: Connection, xid: number, zxid: number, err: number): number {
  const out = connection.link.out;
  const frame = out.length;
  connection.lastZxid = zxid;
  out.reserve(4 + records.replyHeaderBytes);
  out.int(0);
  out.int(xid);
  out.longNumber(zxid);
  out.int(err);
  return frame;
}

/** Ends the frame. `latency` (ms) is 0 for what was answered in the step that received it. */
export function endReply(ctx: Context, connection: Connection, frame: number, latency: number): void {
  const out = connection.link.out;
  out.endFrame(frame);
  ctx.markDirty(connection);
  connection.packetsSent++;
  connection.lastReplyAt = ctx.now;
  connection.lastLatency = latency;
  connection.totalLatency += latency;
  if (latency < connection.minLatency) connection.minLatency = latency;
  if (latency > connection.maxLatency) connection.maxLatency = latency;
  ctx.stats.packetsSent++;
  ctx.stats.latency.add(latency);
  ctx.work.spend((out.length - frame) >> bytesShift);
  ctx.stats.replySize(out.length - frame - 4);
}

/** A reply that is only a header. */
export function replyHeader(ctx: Context, connection: Connection, xid: number, zxid: number, err: number): void {
  endReply(ctx, connection, beginReply(connection, xid, zxid, err), 0);
}

/** Tells a connection of a change. */
export function sendEvent(ctx: Context, connection: Connection, type: number, path: string, zxid: Zxid): void {
  const out = connection.link.out;
  const frame = out.length;
  out.int(0);
  out.int(xids.watchEvent);
  out.longNumber(zxid);
  out.int(0);
  out.int(type);
  out.int(syncConnected);
  out.text(path);
  out.endFrame(frame);
  ctx.markDirty(connection);
  connection.packetsSent++;
  ctx.stats.packetsSent++;
  ctx.stats.eventBytes += out.length - frame;
}
