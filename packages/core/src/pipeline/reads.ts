// Reads: answered from the tree at once. The path is looked up from the bytes of the request, so an ordinary read makes
// no string and no object.

import { decodeText, encodeText, errorCodes, opcodes, perms } from '@corral/protocol';
import type { JuteReader } from '@corral/protocol';
import { watchKinds } from '../watches/watch-table.ts';
import type { Identity } from '../acl/schemes.ts';
import type { NodeStore } from '../tree/node-store.ts';
import type { Connection } from './connection.ts';
import type { Context } from './context.ts';
import { beginReply, endReply, replyHeader } from './reply.ts';
import { costs } from './work.ts';

/** A request on its way through the read side. */
export interface Request {
  readonly ctx: Context;
  connection: Connection;
  xid: number;
  opcode: number;
  /** Positioned behind the header. */
  readonly body: JuteReader;
  identities: readonly Identity[];
  /** How long it has waited, ms. */
  latency: number;
}

export type ReadBehaviour = (request: Request) => void;

/** Where a path field lies; `length` -1 stands for null. */
function pathField(body: JuteReader): { start: number; end: number; isNull: boolean } {
  const length = body.skipField();
  return { start: body.at - Math.max(0, length), end: body.at, isNull: length < 0 };
}

export function fail(request: Request, code: number): void {
  const { ctx, connection } = request;
  endReply(ctx, connection, beginReply(connection, request.xid, ctx.tree.lastZxid, code), request.latency);
}

function begin(request: Request): number {
  return beginReply(request.connection, request.xid, request.ctx.tree.lastZxid, 0);
}

function done(request: Request, frame: number): void {
  endReply(request.ctx, request.connection, frame, request.latency);
}

export function mayRead(request: Request, node: number, mask: number): boolean {
  const { ctx } = request;
  if (ctx.tree.nodes.aclId[node] === -1) return true;
  const acl = ctx.tree.acl(node);
  ctx.work.spend(Math.min(acl.length, request.identities.length) * costs.identity);
  return ctx.permissions.allows(acl, mask, request.identities);
}

/** Finds the node a request names; answers the error itself and returns -1 when it cannot be read. */
function readable(request: Request, start: number, end: number, isNull: boolean, mask: number): number {
  if (isNull) return (fail(request, errorCodes.MarshallingError), -1);
  const node = request.ctx.tree.nodes.find(request.body.bytes, start, end);
  if (node < 0) return (fail(request, errorCodes.NoNode), -1);
  if (!mayRead(request, node, mask)) return (fail(request, errorCodes.NoAuth), -1);
  return node;
}

function watch(request: Request, start: number, end: number, kind: number): void {
  request.ctx.work.spend(costs.watch);
  const path = decodeText(request.body.bytes, start, end);
  request.ctx.watches.add(path, request.connection.id, kind);
}

/** Whether a client may set another watch; when it has too many, the request is answered with an error. */
export function mayWatch(request: Request): boolean {
  const { watches, options, stats } = request.ctx;
  const { watchBytesMax = 0, watchTotalBytesMax = 0 } = options;
  const isFull =
    (watchBytesMax > 0 && watches.bytesOf(request.connection.id) >= watchBytesMax) ||
    (watchTotalBytesMax > 0 && watches.bytes >= watchTotalBytesMax);
  if (!isFull) return true;
  stats.watchesRefused++;
  fail(request, errorCodes.ThrottledOp);
  return false;
}

export function exists(request: Request): void {
  const { body, ctx } = request;
  const { start, end, isNull } = pathField(body);
  const watching = body.bool();
  if (watching && !mayWatch(request)) return;
  if (!isNull && body.bytes.subarray(start, end).includes(0)) return fail(request, errorCodes.BadArguments);
  if (watching && !isNull && ctx.tree.nodes.find(body.bytes, start, end) < 0)
    watch(request, start, end, watchKinds.data);
  const node = readable(request, start, end, isNull, perms.read);
  if (node < 0) return;
  if (watching) watch(request, start, end, watchKinds.data);
  const frame = begin(request);
  ctx.tree.writeStat(node, request.connection.link.out);
  done(request, frame);
}

/** Writes a node's data as a buffer field. */
function writeData(request: Request, node: number): void {
  const { nodes } = request.ctx.tree;
  const out = request.connection.link.out;
  const length = nodes.dataLength[node];
  out.int(length);
  if (length <= 0) return;
  const address = nodes.dataAddress[node];
  const at = nodes.slab.offset(address);
  out.raw(nodes.slab.chunk(address).subarray(at, at + length));
}

export function getData(request: Request): void {
  const { body, ctx } = request;
  const { start, end, isNull } = pathField(body);
  const watching = body.bool();
  if (watching && !mayWatch(request)) return;
  const node = readable(request, start, end, isNull, perms.read);
  if (node < 0) return;
  if (watching) watch(request, start, end, watchKinds.data);
  const frame = begin(request);
  writeData(request, node);
  ctx.tree.writeStat(node, request.connection.link.out);
  done(request, frame);
}

function writeChildren(request: Request, node: number): void {
  const n = request.ctx.tree.nodes;
  const out = request.connection.link.out;
  const prefix = n.pathLength[node] + 1;
  out.int(n.childCount[node]);
  request.ctx.work.spend(n.childCount[node] * costs.child);
  for (let child = n.firstChild[node]; child >= 0; child = n.nextSibling[child]!) {
    const length = n.pathLength[child] - prefix;
    const address = n.pathAddress[child];
    const at = n.slab.offset(address) + prefix;
    out.int(length);
    out.rawFrom(n.slab.chunk(address), at, at + length);
  }
}

export function getChildren(request: Request): void {
  const { body, ctx } = request;
  const { start, end, isNull } = pathField(body);
  const watching = body.bool();
  if (watching && !mayWatch(request)) return;
  const node = readable(request, start, end, isNull, perms.read);
  if (node < 0) return;
  if (watching) watch(request, start, end, watchKinds.child);
  const frame = begin(request);
  writeChildren(request, node);
  if (request.opcode === opcodes.getChildren2) ctx.tree.writeStat(node, request.connection.link.out);
  done(request, frame);
}

export function getAcl(request: Request): void {
  const { body, ctx } = request;
  const { start, end, isNull } = pathField(body);
  const node = readable(request, start, end, isNull, perms.read | perms.admin);
  if (node < 0) return;
  const frame = begin(request);
  const out = request.connection.link.out;
  const list = ctx.tree.acl(node);
  ctx.work.spend(list.length * costs.aclEntry);
  out.vector(ctx.permissions.redact(list, request.identities), (w, acl) => {
    w.int(acl.perms);
    w.text(acl.id.scheme);
    w.text(acl.id.id);
  });
  ctx.tree.writeStat(node, out);
  done(request, frame);
}

export function getAllChildrenNumber(request: Request): void {
  const { body, ctx } = request;
  const { start, end, isNull } = pathField(body);
  const node = readable(request, start, end, isNull, perms.read);
  if (node < 0) return;
  const frame = begin(request);
  const count = ctx.tree.descendants(node);
  if (node !== 0) ctx.work.spend(count * costs.descendant);
  // The root counts itself when it is named by the empty string, as in ZooKeeper.
  request.connection.link.out.int(count + (start === end ? 1 : 0));
  done(request, frame);
}

/** Blanks, up to U+0020 as in Java, count as nothing only where nothing else is asked for, as in ZooKeeper. */
function isEveryPath(prefix: string): boolean {
  let slashes = 0;
  for (let i = 0; i < prefix.length; i++) {
    const unit = prefix.charCodeAt(i);
    if (unit > 0x20 && (unit !== 0x2f || ++slashes > 1)) return false;
  }
  return true;
}

export function getEphemerals(request: Request): void {
  const { body, ctx, connection } = request;
  const prefix = body.text() ?? '';
  const wanted = encodeText(isEveryPath(prefix) ? '' : prefix);
  const n = ctx.tree.nodes;
  const nodes = connection.session === undefined ? [] : [...ctx.tree.ephemeralsOf(connection.session.id)];
  ctx.work.spend(nodes.length * costs.path);
  const found = nodes.filter((node) => beginsWith(n, node, wanted));
  const frame = begin(request);
  const { out } = connection.link;
  out.int(found.length);
  for (const node of found) {
    const length = n.pathLength[node];
    const at = n.slab.offset(n.pathAddress[node]);
    out.int(length);
    out.rawFrom(n.slab.chunk(n.pathAddress[node]), at, at + length);
  }
  done(request, frame);
}

function beginsWith({ pathAddress, pathLength, slab }: NodeStore, node: number, wanted: Uint8Array): boolean {
  if (pathLength[node] < wanted.length) return false;
  const bytes = slab.chunk(pathAddress[node]);
  const at = slab.offset(pathAddress[node]);
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

/** Nothing to catch up with alone; the path is echoed unread. */
export function sync(request: Request): void {
  const path = request.body.text();
  const frame = begin(request);
  request.connection.link.out.text(path);
  done(request, frame);
}

export function ping(request: Request): void {
  replyHeader(request.ctx, request.connection, -2, request.ctx.tree.lastZxid, 0);
}

export function whoAmI(request: Request): void {
  const { ctx, connection, identities } = request;
  const frame = begin(request);
  ctx.work.spend(identities.length * costs.aclEntry);
  connection.link.out.vector(identities, (w, { scheme, id }) => {
    w.text(scheme);
    w.text(ctx.schemes.get(scheme)?.userName(id) ?? id);
  });
  done(request, frame);
}

/** The answer to a multiRead is not longer than this many of the largest frames that a client may send. */
const multiReadFramesMax = 4;

interface ReadPart {
  readonly opcode: number;
  readonly start: number;
  readonly end: number;
}

/** What a part of the answer takes at least. */
function bytesAtLeast(request: Request, node: number, opcode: number): number {
  const { nodes } = request.ctx.tree;
  return opcode === opcodes.getChildren ? 5 * nodes.childCount[node] : nodes.dataLength[node];
}

/** Several reads; each fails alone. A request of a few kilobytes could ask for gigabytes: then all of it is refused. */
export function multiRead(request: Request): void {
  const parts = readParts(request.body);
  if (parts === undefined) return fail(request, errorCodes.MarshallingError);
  const frame = begin(request);
  const out = request.connection.link.out;
  const bytesMax = multiReadFramesMax * request.ctx.options.frameBytesMax;
  request.ctx.work.spend(parts.length * costs.request);
  for (const part of parts) {
    const node = request.ctx.tree.nodes.find(request.body.bytes, part.start, part.end);
    const code = node < 0 ? errorCodes.NoNode : mayRead(request, node, perms.read) ? 0 : errorCodes.NoAuth;
    if (out.length - frame + (code === 0 ? bytesAtLeast(request, node, part.opcode) : 0) > bytesMax) {
      out.length = frame;
      return fail(request, errorCodes.BadArguments);
    }
    out.int(code === 0 ? part.opcode : -1);
    out.bool(false);
    out.int(code);
    if (code !== 0) out.int(code);
    else if (part.opcode === opcodes.getChildren) writeChildren(request, node);
    else {
      writeData(request, node);
      request.ctx.tree.writeStat(node, out);
    }
  }
  out.int(-1);
  out.bool(true);
  out.int(-1);
  done(request, frame);
}

/** The parts of a multiRead; undefined when one of them is not a read or has no path. */
function readParts(body: JuteReader): ReadPart[] | undefined {
  const parts: ReadPart[] = [];
  for (;;) {
    const opcode = body.int();
    const isEnd = body.bool();
    body.int();
    if (isEnd) return parts;
    if (opcode !== opcodes.getData && opcode !== opcodes.getChildren) return undefined;
    const field = pathField(body);
    if (field.isNull) return undefined;
    parts.push({ opcode, ...field });
    body.bool();
  }
}
