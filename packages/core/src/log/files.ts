// The disk as recovery sees it: a small synchronous interface, implemented on node:fs by the server and on a fault model
// by the simulator. Used while nothing is being served; a running replica reaches its disk through effects.

/** Every failure is thrown as an Error whose `code` is the errno name (ENOENT, EIO, ...). */
export interface Files {
  /** Plain file names in a directory; empty when the directory does not exist. */
  list(dir: string): string[];
  /** Size in bytes. */
  size(path: string): number;
  /** Reads up to `length` bytes at `offset` into a new array; shorter only at the end of the file. */
  read(path: string, offset: number, length: number): Uint8Array;
  /** Whole content, decompressed according to the extension (.gz, .snappy), as chunks of any size. */
  readSnapshot(path: string): Iterable<Uint8Array>;
  /** Cuts a file and makes the new size durable. */
  truncate(path: string, size: number): void;
  /** Renames and makes both directory entries durable. */
  rename(from: string, to: string): void;
  /** Creates a directory with its parents when missing, durably. */
  makeDir(dir: string): void;
  /** Deletes a file, durably. */
  remove(path: string): void;
  /** Writes a whole file: temporary name, fsync, rename, fsync of the directory. */
  writeDurably(path: string, bytes: Uint8Array): void;
  /** fsync of a file. */
  sync(path: string): void;
  /** fsync of a directory. */
  syncDir(dir: string): void;
}
