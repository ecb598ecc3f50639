// Writes the Stat of a node for clients: 68 bytes, by hand, since nearly every reply carries one.

import { records } from '@corral/protocol';
import type { JuteWriter } from '@corral/protocol';
import type { NodeStore } from './node-store.ts';

export function writeStat(n: NodeStore, node: number, to: JuteWriter, showOwner: boolean): void {
  to.reserve(records.statBytes);
  to.longNumber(n.czxid[node]);
  to.longNumber(n.mzxid[node]);
  to.longNumber(n.ctime[node]);
  to.longNumber(n.mtime[node]);
  to.int(n.version[node]);
  // The stored counter counts creates; clients see creates and deletes.
  to.int(2 * n.cversion[node] - n.childCount[node]);
  to.int(n.aversion[node]);
  to.int(showOwner ? n.ownerHigh[node] : 0);
  to.int(showOwner ? n.ownerLow[node] : 0);
  to.int(Math.max(0, n.dataLength[node]));
  to.int(n.childCount[node]);
  to.longNumber(n.pzxid[node]);
}
