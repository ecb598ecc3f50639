// One znode on its way between the tree and a snapshot file. Both sides reuse a single object for millions of nodes, so
// the fields are only valid until the next one.

export class SnapshotNode {
  /** Memory that holds path and data. */
  bytes: Uint8Array = new Uint8Array(0);
  /** UTF-8 path in bytes[pathStart, pathEnd); empty for the root. */
  pathStart = 0;
  pathEnd = 0;
  /** Data in dataBytes[dataStart, dataStart + dataLength); length -1 stands for null. */
  dataBytes: Uint8Array = new Uint8Array(0);
  dataStart = 0;
  dataLength = -1;
  /** Key into the snapshot's ACL table; -1 is world:anyone with all permissions. */
  aclId = -1;
  czxid = 0;
  mzxid = 0;
  ctime = 0;
  mtime = 0;
  version = 0;
  /** Stored form: creates so far. */
  cversion = 0;
  aversion = 0;
  /** The stored 64 bits in two halves, each read as signed. */
  ownerHigh = 0;
  ownerLow = 0;
  pzxid = 0;
}
