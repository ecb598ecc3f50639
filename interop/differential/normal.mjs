// What legitimately differs between two servers that behave alike, and what Corral does otherwise on purpose. Nothing
// that is not in these two tables is left out of a comparison.

import { show } from '../lib/checks.mjs';
import { operations } from './operations.mjs';

/** Nodes above the sequences' folders: other sequences write there at the same time. */
const shared = new Set(['', '/', '/zookeeper', '/zookeeper/', '/zookeeper/config', '/zookeeper/quota']);

/** [what, why, how an entry is rewritten]; `context` has rank(zxid), session(id) and floor(zxid). The first row comes first. */
export const normal = [
  [
    'Stat, children and numbers of new children of the nodes above the folders',
    'other sequences write there at the same time',
    (entry) => {
      const parts = entry.step?.parts ?? [];
      for (const [at, part] of (entry.body?.results ?? []).entries()) hideShared(parts[at]?.path, part);
      hideShared(entry.step?.path, entry.body);
    },
  ],
  [
    'zxids of writes, events and Stats',
    'servers begin at other zxids and other sequences write between: order and equality are compared',
    (entry, context) => {
      if (entry.op === undefined || isTransaction(entry) || entry.zxid <= 0n) {
        if (entry.zxid !== undefined) entry.zxid = context.rank(entry.zxid);
      } else entry.zxid = context.floor(entry.zxid);
      for (const stat of statsOf(entry)) {
        for (const key of ['czxid', 'mzxid', 'pzxid']) stat[key] = context.rank(stat[key]);
      }
    },
  ],
  [
    'times',
    'each server has its own clock',
    (entry) => {
      for (const stat of statsOf(entry))
        for (const key of ['ctime', 'mtime']) stat[key] = stat[key] > 0n ? 'a time' : stat[key];
    },
  ],
  [
    'session ids',
    'each server gives its own: compared by the order in which they were opened',
    (entry, context) => {
      if (entry.session !== undefined) entry.session = context.session(entry.session);
      for (const stat of statsOf(entry)) stat.ephemeralOwner = context.session(stat.ephemeralOwner);
    },
  ],
];

function hideShared(path, body) {
  if (!body || typeof path !== 'string') return;
  if (body.path && shared.has(path.slice(0, path.lastIndexOf('/')))) body.path = body.path.replace(/\d{10}$/, 'number');
  if (!shared.has(path)) return;
  for (const key of ['names', 'count', 'data']) if (body[key] !== undefined) body[key] = 'shared';
  if (body.stat) body.stat = 'shared';
}

/** A request that cannot be decoded becomes none, unless it is a multi. */
const isTransaction = ({ op, err }) => operations[op]?.write && (err !== -5 || op === 'multi');

function statsOf(entry) {
  const bodies = [entry, entry.body ?? {}, ...(entry.body?.results ?? [])];
  return bodies.map(({ stat }) => stat).filter((stat) => typeof stat === 'object');
}

/** An answer to getAcl or a node of the tree with the entries of its ACL sorted. */
function sortedAcl(entry) {
  const sorted = (acl) => acl?.map(show).sort();
  return { ...entry, acl: sorted(entry.acl), body: entry.body && { ...entry.body, acl: sorted(entry.body.acl) } };
}

/**
 * What Corral does otherwise on purpose: [reason, does this pair of entries show it?]. The reasons stand in
 * docs/guide/replace-zookeeper.md too.
 */
export const accepted = [
  [
    'characters beyond U+FFFF in a path come back as UTF-8; Apache writes each half as three bytes of its own',
    (one, other) => show(one).replaceAll('\ufffd'.repeat(6), '😀') === show(other),
  ],
  [
    'bytes that are no UTF-8 come back as another number of replacement characters; no node can have them in its name',
    (one, other) => show(one).replace(/\ufffd+/g, '?') === show(other).replace(/\ufffd+/g, '?'),
  ],
  [
    'a multiRead that fails as a whole has no body; Apache sends an end marker that clients do not read',
    (one, other) =>
      one.op === 'multiRead' && one.err === -5 && show({ ...one, body: {} }) === show({ ...other, body: {} }),
  ],
  [
    'an `auth` entry becomes the identities of the connection in the order in which they came; Apache keeps them in a hash table',
    (one, other) => show(sortedAcl(one)) === show(sortedAcl(other)),
  ],
  [
    'a watch on the path null is refused; Apache keeps one that nothing can ever set off',
    (one, other) =>
      /^(addWatch|checkWatches|removeWatches)$/.test(one.op) && one.step.path === null && other.err === -5,
  ],
];

// Steps that the generator never makes, because Apache's server does not survive them or the two cannot agree afterwards:
// - createTTL with other flags than 5 and 6 and a negative TTL, or damaged: it ends Apache's server for good.
// - A plain create without a list of ACLs in a multi: Apache fails the multi under the zxid of the transaction before.
// - deleteContainer from a client: Apache deletes the node without asking its ACL, Corral refuses.
// - More than one quota in a sequence: a quota counts what is below deeper quotas too, in Apache only after a start.
// - A burst of requests once there is a quota: quotas are checked against what is applied already, a matter of time.
// - setAcl in a burst: in Apache the requests behind it meet the old ACL until the new one is applied, a matter of time.
// - Versions of /zookeeper/config: the members of an ensemble write it, a server alone does not.
// - setData on zookeeper_stats: Corral writes its own count again, Apache counts on from what a client wrote.
// - createContainer with ephemeral flags: Apache takes the node for an ephemeral until the transaction is applied.
// - Watches on / and /zookeeper: other sequences write there at the same time and would set them off.
// - setWatches with null among its paths: Apache goes through the lists until it meets it, Corral does nothing of it.
// - createSession from a client: Apache answers a ConnectResponse in the middle of the replies, Corral refuses.

/** A transcript with everything from `normal` rewritten. */
export function normalise({ lines, tree, sessions }) {
  const copy = structuredClone({ lines, tree });
  const entries = copy.lines.flatMap((line) => line.entries);
  const [[, , hide], ...rows] = normal;
  for (const entry of entries) hide(entry);
  for (const line of copy.lines) line.entries = line.entries.filter(mayBeTold(line.entries));
  const context = contextOf(copy, sessions);
  for (const line of copy.lines) {
    context.seen = 0n;
    for (const entry of line.entries) for (const [, , rewrite] of rows) rewrite(entry, context);
  }
  for (const node of copy.tree) for (const [, , rewrite] of rows) rewrite(node, context);
  const written = new Set(entries.filter(isTransaction).map(({ zxid }) => zxid));
  for (const line of copy.lines) line.entries = sortedEnds(line.entries, written);
  return copy;
}

/** Not events by which Apache's setWatches tells of nodes that the connection may not read; those of deleted ones stay. */
function mayBeTold(entries) {
  const unreadable = new Set();
  const place = (at, path) => `${at} ${path?.replace(/\/d\d{7}(?=\/|$)/, '~')}`;
  for (const { at, op, step, err } of entries)
    if (op === 'exists' && err === -102) unreadable.add(place(at, step.path));
  return ({ at, event, path }) => event === undefined || event === 2 || !unreadable.has(place(at, path));
}

function contextOf({ lines, tree }, sessions) {
  const zxids = new Set();
  const entries = lines.flatMap((line) => line.entries);
  for (const entry of [...entries, ...tree]) {
    if (entry.op === undefined || isTransaction(entry)) zxids.add(entry.zxid);
    for (const { czxid, mzxid, pzxid } of statsOf(entry)) for (const zxid of [czxid, mzxid, pzxid]) zxids.add(zxid);
  }
  const order = [...zxids].filter((zxid) => zxid > 0n).sort((one, other) => (one < other ? -1 : 1));
  const ranks = new Map(order.map((zxid, at) => [zxid, `zxid ${at}`]));
  const owners = new Map(sessions.map((id, at) => [id, `session ${at}`]));
  const context = {
    seen: 0n,
    rank: (zxid) => {
      if (zxid > context.seen) context.seen = zxid;
      return ranks.get(zxid) ?? `${zxid}`;
    },
    session: (id) => owners.get(id) ?? `${id}`,
    // A read's zxid says how far the server was: not behind anything that this connection has seen.
    floor: (zxid) => (zxid >= context.seen ? 'not behind' : 'BEHIND'),
  };
  return context;
}

/** The end of a session deletes its nodes in no order: events of a zxid that no write of the sequence has are sorted. */
function sortedEnds(entries, written) {
  const out = [];
  for (const entry of entries) {
    const last = out.at(-1);
    if (entry.event !== undefined && last?.[0].event !== undefined && last[0].zxid === entry.zxid) last.push(entry);
    else out.push([entry]);
  }
  const key = ({ path, event }) => `${path} ${event}`;
  const ends = ([first]) => first.event !== undefined && first.zxid.startsWith('zxid') && !written.has(first.zxid);
  return out.flatMap((group) => (ends(group) ? group.sort((a, b) => (key(a) < key(b) ? -1 : 1)) : group));
}
