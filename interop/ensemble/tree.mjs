// The whole tree as one server of an ensemble shows it after a sync, and the comparison of several servers' trees.

import { equal, show } from '../lib/checks.mjs';
import { Wire, body, op } from '../lib/wire.mjs';

const batch = 200;

/** Path -> text of path, data, ACL and every Stat field. /zookeeper/config carries the time of the boot: its text only. */
export async function readTree(member, root = '/') {
  if (member.kind === 'corral') return readOnce(member, root);
  // A follower of Apache's was seen to leave a sync unanswered until the session expired; that is not what is looked at.
  return readOnce(member, root).catch(() => readOnce(member, root));
}

async function readOnce(member, root) {
  const wire = await Wire.open(member.port, { host: member.address, timeout: 10_000 });
  try {
    // Somebody who may read everything, where nodes are not open to all.
    if (member.credential) await wire.call(op.auth, body.auth('digest', member.credential));
    await wire.call(op.sync, body.path('/'));
    const nodes = new Map();
    const queue = [root];
    while (queue.length > 0) {
      await Promise.all(queue.splice(0, batch).map((path) => readNode(wire, path, nodes, queue)));
    }
    return nodes;
  } finally {
    await wire.close();
  }
}

async function readNode(wire, path, nodes, queue) {
  const got = await wire.call(op.getData, body.pathWatch(path), path);
  const data = got.bytes();
  const stat = got.stat();
  const acls = (await wire.call(op.getAcl, body.path(path), path)).acl();
  if (path === '/zookeeper/config') nodes.set(path, data?.toString('utf8').split('\n').sort().join(' '));
  else nodes.set(path, show([path, data && data.toString('base64'), acls, stat]));
  if (stat.numChildren === 0) return;
  const kids = (await wire.call(op.getChildren, body.pathWatch(path), path)).vector((r) => r.text());
  for (const kid of kids) queue.push(path === '/' ? `/${kid}` : `${path}/${kid}`);
}

export function compareTrees(expected, actual, what) {
  const wrong = [];
  for (const [path, text] of expected) {
    const got = actual.get(path);
    if (got !== text) wrong.push(`${path}: ${text.slice(0, 300)} against ${got?.slice(0, 300)}`);
  }
  for (const path of actual.keys()) if (!expected.has(path)) wrong.push(`${path}: should not be there`);
  if (wrong.length > 0) throw new Error(`${what}: ${wrong.length} nodes differ; ${wrong.slice(0, 3).join('; ')}`);
}

/** What these servers have below `root` is equal, node by node, and so are the digests they keep of all; returns the tree. */
export async function sameTree(members, root = '/') {
  const [first, ...others] = members;
  const tree = await readTree(first, root);
  for (const member of others) {
    compareTrees(tree, await readTree(member, root), `server ${member.sid} against server ${first.sid}`);
  }
  await sameDigests(members);
  return tree;
}

/** Servers note their digest at every 128th zxid; where two have noted the same zxid they must agree. */
async function sameDigests(members) {
  const noted = new Map();
  for (const member of members) {
    for (const [zxid, digest] of await digests(member)) {
      const other = noted.get(zxid);
      if (other === undefined) noted.set(zxid, { digest, sid: member.sid });
      else equal(digest, other.digest, `digest at ${zxid} of server ${member.sid} against ${other.sid}`);
    }
    if (member.kind === 'corral') continue;
    // Not asked of 'mntr': Apache's gives no answer once there is a quota whose limits are no numbers.
    const mismatches = member.logText().match(/^.*digests are not matching.*$/gim) ?? [];
    equal(mismatches, [], `digest mismatches in the log of server ${member.sid}`);
  }
}

/** Lines "zxid: digest" of the four-letter word; what the server did before this start is not in it. */
async function digests(member) {
  const text = await member.word('hash');
  return [...text.matchAll(/^(\S+): (-?\d+)\s*$/gm)].map(([, zxid, digest]) => [zxid, digest]);
}
