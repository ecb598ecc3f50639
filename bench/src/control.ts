// A connection for what surrounds a measurement: making the nodes it needs, and asking whether a server answers.

import { errorCodes } from '@corral/protocol';
import { Link } from './link.ts';
import { getFrame } from './requests.ts';
import { BadReply } from './scanner.ts';

interface Opening {
  readonly resolve: (link: ControlLink) => void;
  readonly reject: (error: Error) => void;
}

/** How many requests set-up keeps in flight. */
const batch = 500;

/** One promise per request, answered with the reply's error code. A broken connection rejects all that wait. */
export class ControlLink extends Link {
  readonly #waiting: { resolve: (err: number) => void; reject: (error: Error) => void }[] = [];
  #opening: Opening | undefined;

  private constructor(port: number, opening: Opening) {
    super({ port, fail: (error) => this.#lost(error) });
    this.#opening = opening;
  }

  /** Connects and opens a session, or rejects after `timeoutMs`. */
  static open(port: number, timeoutMs: number): Promise<ControlLink> {
    return new Promise((resolve, reject) => {
      const link = new ControlLink(port, { resolve, reject });
      link.#expireAfter(timeoutMs);
    });
  }

  /** Sends one frame, answers its error code. */
  call(frame: Buffer): Promise<number> {
    const answer = new Promise<number>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    this.request(frame);
    this.flush();
    return answer;
  }

  /** Creates every node that is not there yet. */
  async createAll(frames: readonly Buffer[]): Promise<void> {
    for (let from = 0; from < frames.length; from += batch) {
      const errors = await Promise.all(frames.slice(from, from + batch).map((frame) => this.call(frame)));
      const bad = errors.find((err) => err !== errorCodes.Ok && err !== errorCodes.NodeExists);
      if (bad !== undefined) throw new BadReply(`setting up the nodes failed with error ${bad}`);
    }
  }

  protected override opened(): void {
    this.#opening?.resolve(this);
    this.#opening = undefined;
  }

  protected override received(): void {
    this.#waiting.shift()?.resolve(this.frame.err);
  }

  #expireAfter(timeoutMs: number): void {
    const timer = setTimeout(() => {
      if (this.#opening === undefined) return;
      this.destroy();
      this.#lost(new Error(`no session within ${timeoutMs} ms`));
    }, timeoutMs);
    timer.unref();
  }

  #lost(error: Error): void {
    this.#opening?.reject(error);
    this.#opening = undefined;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** Whether the server at `port` opens a session and answers a getData of `path` with success within `timeoutMs`. */
export async function answers(port: number, path: string, timeoutMs: number): Promise<boolean> {
  let link: ControlLink | undefined;
  try {
    link = await ControlLink.open(port, timeoutMs);
    const late = new Promise<number>((resolve) => setTimeout(resolve, timeoutMs, errorCodes.OperationTimeout).unref());
    const err = await Promise.race([link.call(getFrame(path)), late]);
    if (err === errorCodes.Ok) await link.close();
    return err === errorCodes.Ok;
  } catch {
    // Refused, reset, closed or silent: a server that is still starting. The caller asks again until its deadline.
    return false;
  } finally {
    link?.destroy();
  }
}
