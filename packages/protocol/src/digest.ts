// The digest of a tree as it stands behind transactions, on the wire and on disk.

/** The way of counting that Apache ZooKeeper 3.9 and Corral use; digests of another version say nothing. */
export const digestVersion = 2;

/** A digest in two halves of 32 bits, unsigned. */
export interface DigestHalves {
  readonly high: number;
  readonly low: number;
}
