// Operations on the watches of the connection itself.

import { addWatchModes, errorCodes, eventTypes, perms, watcherTypes, zxidNone } from '@corral/protocol';
import { watchKinds } from '../watches/watch-table.ts';
import { endReply, beginReply, sendEvent } from './reply.ts';
import { fail, mayRead, mayWatch } from './reads.ts';
import { costs } from './work.ts';
import type { Request } from './reads.ts';

const { data, child, persistent, recursive } = watchKinds;

/** Registrations that removeWatches and checkWatches mean by each type. */
const kindsOfType = new Map<number, number>([
  [watcherTypes.children, child],
  [watcherTypes.data, data],
  [watcherTypes.any, data | child | persistent | recursive],
  [watcherTypes.persistent, persistent],
  [watcherTypes.persistentRecursive, recursive],
]);

const kindsOfMode = new Map<number, number>([
  [addWatchModes.persistent, persistent],
  [addWatchModes.persistentRecursive, recursive],
]);

function succeed(request: Request): void {
  const { ctx, connection } = request;
  endReply(ctx, connection, beginReply(connection, request.xid, ctx.tree.lastZxid, 0), request.latency);
}

export function addWatch(request: Request): void {
  const { body, ctx, connection } = request;
  const path = body.text();
  const kinds = kindsOfMode.get(body.int());
  if (kinds === undefined || path === null) return fail(request, errorCodes.MarshallingError);
  if (!mayWatch(request)) return;
  ctx.work.spend(costs.watch);
  ctx.watches.add(path, connection.id, kinds);
  const frame = beginReply(connection, request.xid, ctx.tree.lastZxid, 0);
  connection.link.out.int(0);
  endReply(ctx, connection, frame, request.latency);
}

export function checkWatches(request: Request): void {
  const { body, ctx, connection } = request;
  const path = body.text();
  const kinds = kindsOfType.get(body.int());
  if (kinds === undefined || path === null) return fail(request, errorCodes.MarshallingError);
  if ((ctx.watches.kindsOf(path, connection.id) & kinds) === 0) return fail(request, errorCodes.NoWatcher);
  succeed(request);
}

export function removeWatches(request: Request): void {
  const { body, ctx, connection } = request;
  const path = body.text();
  const kinds = kindsOfType.get(body.int());
  if (kinds === undefined || path === null) return fail(request, errorCodes.MarshallingError);
  if (!ctx.watches.remove(path, connection.id, kinds)) return fail(request, errorCodes.NoWatcher);
  succeed(request);
}

type Registration = (request: Request, path: string, since: number) => void;

/** The lists of setWatches in wire order: what each entry does at once or registers. */
const registrations: readonly Registration[] = [
  (request, path, since) => {
    const { tree } = request.ctx;
    const node = tree.find(path);
    if (node < 0) fire(request, eventTypes.nodeDeleted, path);
    else if (tree.nodes.mzxid[node] > since) tell(request, node, eventTypes.nodeDataChanged, path);
    else register(request, path, data);
  },
  (request, path) => {
    const node = request.ctx.tree.find(path);
    if (node >= 0) tell(request, node, eventTypes.nodeCreated, path);
    else register(request, path, data);
  },
  (request, path, since) => {
    const { tree } = request.ctx;
    const node = tree.find(path);
    if (node < 0) fire(request, eventTypes.nodeDeleted, path);
    else if (tree.nodes.pzxid[node] > since) tell(request, node, eventTypes.nodeChildrenChanged, path);
    else register(request, path, child);
  },
  (request, path) => register(request, path, persistent),
  (request, path) => register(request, path, recursive),
];

/** As with every other event: nobody hears of a node that they may not read. */
function tell(request: Request, node: number, type: number, path: string): void {
  if (mayRead(request, node, perms.read)) fire(request, type, path);
}

function fire(request: Request, type: number, path: string): void {
  sendEvent(request.ctx, request.connection, type, path, zxidNone);
}

function register(request: Request, path: string, kinds: number): void {
  request.ctx.watches.add(path, request.connection.id, kinds);
}

function restoreWatches(request: Request, lists: number): void {
  const { body } = request;
  const since = body.longNumber();
  const paths = registrations.slice(0, lists).map(() => body.vector((r) => r.text()));
  for (const [i, list] of paths.entries()) {
    // What came before a null list has taken effect, as in ZooKeeper.
    if (list === null || list.includes(null)) return fail(request, errorCodes.MarshallingError);
    if (list.length > 0 && !mayWatch(request)) return;
    request.ctx.work.spend(list.length * costs.watch);
    for (const path of list) registrations[i](request, path!, since);
  }
  succeed(request);
}

export const setWatches = (request: Request): void => restoreWatches(request, 3);
export const setWatches2 = (request: Request): void => restoreWatches(request, 5);
