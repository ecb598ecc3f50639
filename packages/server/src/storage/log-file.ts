// One transaction log file while it is being written. Data goes to space that was filled with zeros before, so that a
// synchronous write changes no metadata; the filling runs ahead in the background and never over data.

import * as fs from 'node:fs';
import { durableMark, logFileHeader, markBytes } from '@corral/core';
import { errorCode } from './node-files.ts';

export interface LogFileOptions {
  /** Durable writes. Without it the operating system writes when it likes (forceSync=no). */
  readonly forceSync: boolean;
  /** Upper bound of one step of zero filling; 0 for none. */
  readonly preallocBytes: number;
  readonly warn: (message: string) => void;
  /** The background filling found the disk failing. */
  readonly failed: (error: Error) => void;
}

type Done = (error?: Error) => void;

const fillBytesMin = 256 * 1024;
const fillBytesMax = 4 * 1024 * 1024;
const zeros = new Uint8Array(fillBytesMin);

export class LogFile {
  readonly path: string;
  readonly #options: LogFileOptions;
  /** One hop to the thread pool per batch: O_DSYNC makes the write itself durable. */
  readonly #fd: number;
  /** A second descriptor without O_DSYNC: zeros are written at leisure and synced once a step. */
  readonly #fillFd: number;
  #position = 0;
  /** Every byte before is on disk, data or zeros. */
  #filledTo = 0;
  #filling = false;
  #fillEnabled: boolean;
  #afterFilling: (() => void) | undefined;

  private constructor(path: string, options: LogFileOptions, fd: number, fillFd: number) {
    this.path = path;
    this.#options = options;
    this.#fd = fd;
    this.#fillFd = fillFd;
    this.#fillEnabled = options.preallocBytes > 0;
  }

  /** Creates the file; one of that name must not exist. Its name is durable only after an fsync of the directory. */
  static async create(path: string, options: LogFileOptions): Promise<LogFile> {
    const { O_CREAT, O_EXCL, O_RDWR, O_DSYNC } = fs.constants;
    const fd = await open(path, O_CREAT | O_EXCL | O_RDWR | (options.forceSync ? O_DSYNC : 0));
    try {
      return new LogFile(path, options, fd, await open(path, O_RDWR));
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
  }

  /** Bytes of header and records so far. */
  get position(): number {
    return this.#position;
  }

  /** Writes the header and the first records. */
  begin(records: Uint8Array, done: Done): void {
    const header = logFileHeader();
    const bytes = new Uint8Array(header.length + records.length);
    bytes.set(header);
    bytes.set(records, header.length);
    this.append(bytes, done);
  }

  /** Writes behind the last record. Durable when `done` is called without an error. */
  append(bytes: Uint8Array, done: Done): void {
    if (this.#filling && this.#position + bytes.length + markBytes > this.#filledTo) {
      // The zeros under way would overwrite this data.
      this.#afterFilling = () => this.append(bytes, done);
      return;
    }
    this.#write(bytes, done);
  }

  /** The data and, in the same write, the mark that says what was durable before. */
  #write(bytes: Uint8Array, done: Done): void {
    const mark = durableMark(this.#position + bytes.length, this.#position);
    fs.writev(this.#fd, [bytes, mark], this.#position, (error, count) => {
      if (error) done(error);
      else if (count < bytes.length + mark.length) this.#complete(bytes, mark, count, done);
      else this.#written(bytes.length, done);
    });
  }

  /** A short write is no failure yet: the rest either follows or says why not. */
  #complete(bytes: Uint8Array, mark: Uint8Array, from: number, done: Done): void {
    const rest = Buffer.concat([bytes, mark]).subarray(from);
    fs.write(this.#fd, rest, 0, rest.length, this.#position + from, (error, count) => {
      if (error) done(error);
      else if (count === 0) done(new Error(`${this.path}: the disk takes no more bytes`));
      else if (count < rest.length) this.#complete(bytes, mark, from + count, done);
      else this.#written(bytes.length, done);
    });
  }

  #written(bytes: number, done: Done): void {
    this.#position += bytes;
    this.#filledTo = Math.max(this.#filledTo, this.#position + markBytes);
    this.#fillAhead();
    done();
  }

  /** Starts the next step of zeros when less than half a step is left. */
  #fillAhead(): void {
    if (!this.#fillEnabled || this.#filling) return;
    const step = Math.min(Math.max(fillBytesMin, this.#filledTo), fillBytesMax, this.#options.preallocBytes);
    if (this.#filledTo - this.#position > step / 2) return;
    this.#filling = true;
    this.#fill(this.#filledTo, this.#filledTo + step);
  }

  #fill(at: number, end: number): void {
    if (at === end) return fs.fdatasync(this.#fillFd, (error) => this.#filled(error, end));
    fs.write(this.#fillFd, zeros, 0, Math.min(zeros.length, end - at), at, (error, count) => {
      if (error) this.#filled(error, end);
      else this.#fill(at + count, end);
    });
  }

  #filled(error: Error | null, end: number): void {
    this.#filling = false;
    if (error === null) this.#filledTo = Math.max(this.#filledTo, end);
    else this.#fillFailed(error);
    const resume = this.#afterFilling;
    this.#afterFilling = undefined;
    resume?.();
  }

  /** Without room for zeros there may still be room for data; any other failure is the disk's. */
  #fillFailed(error: Error): void {
    this.#fillEnabled = false;
    const code = errorCode(error);
    if (code === 'ENOSPC' || code === 'EDQUOT')
      this.#options.warn(`${this.path}: no room to reserve: ${error.message}`);
    else this.#options.failed(error);
  }

  /** Cuts the file to its data and closes it. No append may be under way. */
  async finish(): Promise<void> {
    this.#fillEnabled = false;
    if (this.#filling) await new Promise<void>((resolve) => (this.#afterFilling = resolve));
    try {
      await call((done) => fs.ftruncate(this.#fillFd, this.#position, done));
      if (this.#options.forceSync) await call((done) => fs.fsync(this.#fillFd, done));
    } finally {
      await call((done) => fs.close(this.#fillFd, done));
      await call((done) => fs.close(this.#fd, done));
    }
  }
}

function call(start: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

function open(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(path, flags, 0o644, (error, fd) => {
      if (error) reject(error);
      else resolve(fd);
    });
  });
}
