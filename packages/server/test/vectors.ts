// Replays recorded protocol vectors against a server, byte for byte. The file's own "format" key describes the format.
// A step opens or uses a connection, sends bytes, and names every frame that must come back, or the close, or silence.

import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

type VectorKind = 'str' | 'acl' | 'clientinfo';

export interface Outcome {
  readonly expectHex?: string;
  readonly mask?: readonly (readonly [number, number, string])[];
  readonly capture?: readonly (readonly [number, number, string])[];
  readonly ref?: readonly (readonly [number, number, string] | readonly [number, number, string, 'orMinus1'])[];
  readonly sort?: readonly (readonly [number, VectorKind])[];
  readonly closes?: boolean;
  readonly silentMs?: number;
}
export interface Step extends Outcome {
  readonly note: string;
  readonly conn: string;
  readonly open?: boolean;
  readonly waitMs?: number;
  readonly sendHex?: string;
  readonly patch?: readonly (readonly [number, number, string])[];
  readonly clientCloses?: boolean;
  readonly timeoutMs?: number;
  readonly expectTextRegex?: string;
  readonly alt?: readonly (Outcome & { readonly server: string })[];
}
export interface Scenario {
  readonly name: string;
  readonly doc: string;
  readonly steps: readonly Step[];
}
export interface Vectors {
  readonly server: Readonly<Record<string, unknown>>;
  readonly scenarios: readonly Scenario[];
}
export interface ReplayOptions {
  /** 3.9: a step's 3.9 variant alone is accepted where there is one. 3.8: the primary recording. any: either. */
  readonly profile: '3.8' | '3.9' | 'any';
  /** Scenarios to run; all unless given. */
  readonly only?: readonly string[];
}
export interface ReplayResult {
  readonly name: string;
  readonly error?: string;
}

/** Longer than any recording gave its server: how busy this machine is must not decide. */
const patienceMs = 300_000;
/** How long to wait for one more frame when a shorter variant is satisfied already. */
const extraFrameMs = 700;
const frameBytesMax = 64 << 20;

class Mismatch extends Error {}

/** Runs the scenarios in file order and says for each what went wrong, if anything did. */
export async function replay(
  host: string,
  port: number,
  vectors: Vectors,
  options: ReplayOptions,
): Promise<ReplayResult[]> {
  const results: ReplayResult[] = [];
  for (const scenario of vectors.scenarios) {
    if (options.only !== undefined && !options.only.includes(scenario.name)) continue;
    const error = await new ScenarioRun(host, port, options.profile).run(scenario);
    results.push(error === undefined ? { name: scenario.name } : { name: scenario.name, error });
  }
  return results;
}

/** What a read can end with besides bytes. */
type NoBytes = 'timeout' | 'closed';

/** A connection whose bytes are collected until somebody asks for them. */
class Wire {
  readonly #socket: Socket;
  #buffer: Buffer = Buffer.alloc(0);
  #ended = false;
  #notify: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk]);
      this.#notify();
    });
    // A reset is one way for a server to close; the bytes before it still count.
    socket.on('error', () => this.#end());
    socket.on('end', () => this.#end());
    socket.on('close', () => this.#end());
  }

  static open(host: string, port: number): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Wire(socket));
      });
    });
  }

  get buffered(): Buffer {
    return this.#buffer;
  }
  get ended(): boolean {
    return this.#ended;
  }

  #end(): void {
    this.#ended = true;
    this.#notify();
  }

  send(bytes: Uint8Array): void {
    if (!this.#ended) this.#socket.write(bytes);
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Waits until `ready` holds, the connection ends or the deadline passes. */
  async until(ready: () => boolean, timeoutMs: number): Promise<'ready' | NoBytes> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      if (ready()) return 'ready';
      if (this.#ended) return 'closed';
      const left = deadline - performance.now();
      if (left <= 0) return 'timeout';
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.ceil(left));
        this.#notify = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** The next frame with its length prefix. */
  async frame(timeoutMs: number): Promise<Buffer | NoBytes> {
    const size = (): number => (this.#buffer.length < 4 ? -1 : this.#buffer.readInt32BE(0));
    const bad = (): boolean => this.#buffer.length >= 4 && (size() < 0 || size() > frameBytesMax);
    const whole = (): boolean => bad() || (this.#buffer.length >= 4 && this.#buffer.length >= 4 + size());
    const outcome = await this.until(whole, timeoutMs);
    if (outcome !== 'ready') return outcome;
    if (bad()) throw new Mismatch(`frame with length ${size()}`);
    const end = 4 + size();
    const frame = this.#buffer.subarray(0, end);
    this.#buffer = this.#buffer.subarray(end);
    return frame;
  }
}

/** One accepted outcome of a step, compared frame by frame. */
class Variant {
  readonly frames: readonly (readonly [number, number])[];
  readonly closes: boolean;
  readonly silentMs: number;
  readonly #expect: Buffer;
  readonly #outcome: Outcome;
  readonly captured = new Map<string, Buffer>();

  constructor(outcome: Outcome) {
    this.#outcome = outcome;
    this.#expect = Buffer.from(outcome.expectHex ?? '', 'hex');
    this.frames = splitFrames(this.#expect);
    this.closes = outcome.closes ?? false;
    this.silentMs = outcome.silentMs ?? 0;
  }

  /** Compares frame number `index` and remembers what it captures; throws Mismatch. */
  check(index: number, got: Buffer, variables: ReadonlyMap<string, Buffer>): void {
    const [start, end] = this.frames[index];
    const want = this.#expect.subarray(start, end);
    if (got.length !== want.length) {
      throw new Mismatch(`frame ${index}: ${got.length} bytes instead of ${want.length}${shown(want, got)}`);
    }
    const inside = (offset: number, length: number): boolean => start <= offset && offset + length <= end;
    this.#compare(index, Buffer.from(want), Buffer.from(got), start, inside);
    for (const [offset, length, name, orMinus1] of this.#outcome.ref ?? []) {
      if (!inside(offset, length)) continue;
      const value = got.subarray(offset - start, offset - start + length);
      if (orMinus1 === 'orMinus1' && value.every((byte) => byte === 0xff)) continue;
      const known = variables.get(name);
      if (known === undefined || known.equals(value)) continue;
      const found = value.toString('hex');
      throw new Mismatch(`frame ${index} offset ${offset}: ${found} is not ${name} (${known.toString('hex')})`);
    }
    for (const [offset, length, name] of this.#outcome.capture ?? []) {
      if (inside(offset, length)) this.captured.set(name, got.subarray(offset - start, offset - start + length));
    }
  }

  /** Blanks what may differ in both copies, then demands equality. */
  #compare(
    index: number,
    want: Buffer,
    got: Buffer,
    start: number,
    inside: (offset: number, length: number) => boolean,
  ): void {
    const original = Buffer.from(got);
    const expected = Buffer.from(want);
    for (const [offset, length] of this.#outcome.mask ?? []) {
      if (!inside(offset, length)) continue;
      want.fill(0, offset - start, offset - start + length);
      got.fill(0, offset - start, offset - start + length);
    }
    for (const [offset, kind] of this.#outcome.sort ?? []) {
      if (!inside(offset, 0)) continue;
      const mine = vectorAt(expected, offset - start, kind);
      const theirs = vectorAt(original, offset - start, kind);
      if (mine === undefined || theirs === undefined) throw new Mismatch(`frame ${index}: malformed vector`);
      if (mine.end !== theirs.end || !sameItems(mine.items, theirs.items)) continue;
      want.fill(0, offset - start, mine.end);
      got.fill(0, offset - start, mine.end);
    }
    const at = want.findIndex((byte, i) => byte !== got[i]);
    if (at >= 0) throw new Mismatch(`frame ${index} differs at offset ${at} (masked bytes are 00)${shown(want, got)}`);
  }
}

const shown = (want: Buffer, got: Buffer): string =>
  `\n      want ${want.toString('hex')}\n      got  ${got.toString('hex')}`;

function splitFrames(bytes: Buffer): [number, number][] {
  const frames: [number, number][] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 4 + bytes.readInt32BE(at);
    frames.push([at, end]);
    at = end;
  }
  return frames;
}

/** The elements of a vector as hex, and where it ends; undefined when it does not fit its frame. */
function vectorAt(bytes: Buffer, at: number, kind: VectorKind): { end: number; items: string[] } | undefined {
  try {
    const afterString = (from: number): number => from + 4 + Math.max(bytes.readInt32BE(from), 0);
    const afterItem: Readonly<Record<VectorKind, (from: number) => number>> = {
      str: afterString,
      acl: (from) => afterString(afterString(from + 4)),
      clientinfo: (from) => afterString(afterString(from)),
    };
    const items: string[] = [];
    let next = at + 4;
    for (let left = bytes.readInt32BE(at); left > 0; left--) {
      const end = afterItem[kind](next);
      items.push(bytes.toString('hex', next, end));
      next = end;
    }
    return { end: next, items };
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

const sameItems = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.toSorted().every((item, i) => item === b.toSorted()[i]);

class ScenarioRun {
  readonly #host: string;
  readonly #port: number;
  readonly #profile: ReplayOptions['profile'];
  readonly #wires = new Map<string, Wire>();
  readonly #variables = new Map<string, Buffer>();

  constructor(host: string, port: number, profile: ReplayOptions['profile']) {
    this.#host = host;
    this.#port = port;
    this.#profile = profile;
  }

  /** What went wrong, or undefined. */
  async run(scenario: Scenario): Promise<string | undefined> {
    try {
      for (const [index, step] of scenario.steps.entries()) {
        try {
          await this.#step(step);
        } catch (error) {
          if (!(error instanceof Error)) throw error;
          return `step ${index + 1} (${step.note}, connection ${step.conn}): ${error.message}`;
        }
      }
      for (const [name, wire] of this.#wires) {
        if (wire.buffered.length > 0) {
          return `connection ${name}: unexpected bytes at the end: ${wire.buffered.toString('hex')}`;
        }
      }
      return undefined;
    } finally {
      for (const wire of this.#wires.values()) wire.close();
    }
  }

  async #step(step: Step): Promise<void> {
    const wire = await this.#wireOf(step);
    if (wire === null) return;
    if (step.waitMs !== undefined) await sleep(step.waitMs);
    if (step.sendHex !== undefined) this.#send(wire, step, step.sendHex);
    const timeoutMs = step.timeoutMs ?? patienceMs;
    if (step.expectTextRegex !== undefined) {
      await readText(wire, step.expectTextRegex, timeoutMs);
      this.#wires.delete(step.conn);
      return wire.close();
    }
    const variant = await this.#readFrames(wire, this.#variants(step), timeoutMs);
    for (const [name, value] of variant.captured) {
      if (!this.#variables.has(name)) this.#variables.set(name, value);
    }
    if (variant.closes) await expectClose(wire, timeoutMs);
    if (variant.silentMs > 0) await expectSilence(wire, variant.silentMs);
    if (step.clientCloses === true) {
      this.#wires.delete(step.conn);
      wire.close();
    }
  }

  /** The step's connection; null when the server refused it and that was to be expected. */
  async #wireOf(step: Step): Promise<Wire | null> {
    if (step.open === true) {
      this.#wires.get(step.conn)?.close();
      this.#wires.delete(step.conn);
      try {
        this.#wires.set(step.conn, await Wire.open(this.#host, this.#port));
      } catch (error) {
        const reset = error instanceof Error && 'code' in error && error.code === 'ECONNRESET';
        if (reset && step.closes === true && (step.expectHex ?? '') === '') return null;
        throw error;
      }
    }
    const wire = this.#wires.get(step.conn);
    if (wire === undefined) throw new Mismatch('the step uses a connection that is not open');
    return wire;
  }

  #send(wire: Wire, step: Step, hex: string): void {
    const bytes = Buffer.from(hex, 'hex');
    for (const [offset, length, name] of step.patch ?? []) {
      const value = this.#variables.get(name);
      if (value?.length !== length) throw new Mismatch(`the variable ${name} was not captured`);
      value.copy(bytes, offset);
    }
    if (wire.ended && step.closes !== true) {
      throw new Mismatch('the server closed the connection before the request');
    }
    wire.send(bytes);
  }

  #variants(step: Step): Variant[] {
    const alternatives = (step.alt ?? []).map((outcome) => new Variant(outcome));
    if (alternatives.length === 0 || this.#profile === '3.8') return [new Variant(step)];
    return this.#profile === '3.9' ? alternatives : [new Variant(step), ...alternatives];
  }

  /** Reads frames until one variant is complete; variants drop out as frames contradict them. */
  async #readFrames(wire: Wire, variants: readonly Variant[], timeoutMs: number): Promise<Variant> {
    let live = [...variants];
    for (let index = 0; ; index++) {
      const done = live.filter(({ frames }) => frames.length === index);
      if (live.every(({ frames }) => frames.length <= index)) return done[0] ?? live[0];
      const got = await wire.frame(done.length > 0 ? Math.min(timeoutMs, extraFrameMs) : timeoutMs);
      if (typeof got === 'string') {
        if (done.length > 0) return done[0];
        throw new Mismatch(`frame ${index}: ${got === 'timeout' ? 'timed out' : 'connection closed instead'}`);
      }
      live = this.#matching(live, index, got);
    }
  }

  #matching(live: readonly Variant[], index: number, got: Buffer): Variant[] {
    const errors: string[] = [];
    const matching = live.filter((variant) => {
      if (variant.frames.length <= index) return false;
      try {
        variant.check(index, got, this.#variables);
        return true;
      } catch (error) {
        if (!(error instanceof Mismatch)) throw error;
        errors.push(error.message);
        return false;
      }
    });
    if (matching.length === 0) throw new Mismatch(errors.join(' / '));
    return matching;
  }
}

async function readText(wire: Wire, pattern: string, timeoutMs: number): Promise<void> {
  const outcome = await wire.until(() => false, timeoutMs);
  const text = wire.buffered.toString('utf8');
  if (outcome === 'timeout') throw new Mismatch(`no close after the text answer; got ${JSON.stringify(text)}`);
  if (!matchesFromStart(pattern, text)) throw new Mismatch(`text ${JSON.stringify(text)} does not match ${pattern}`);
}

/** The patterns were written for a matcher that starts at the beginning and knows inline flags. */
function matchesFromStart(pattern: string, text: string): boolean {
  const inline = /^\(\?([ims]+)\)/.exec(pattern);
  const body = inline === null ? pattern : pattern.slice(inline[0].length);
  return new RegExp(body.replace(/\\A/g, '^').replace(/\\Z/g, '$'), `y${inline?.[1] ?? ''}`).test(text);
}

async function expectClose(wire: Wire, timeoutMs: number): Promise<void> {
  const outcome = await wire.until(() => wire.buffered.length > 0, timeoutMs);
  if (outcome === 'timeout') throw new Mismatch('the server should have closed the connection');
  if (outcome === 'ready') throw new Mismatch(`unexpected bytes before the close: ${wire.buffered.toString('hex')}`);
}

async function expectSilence(wire: Wire, silentMs: number): Promise<void> {
  const outcome = await wire.until(() => wire.buffered.length > 0, silentMs);
  if (outcome !== 'timeout') throw new Mismatch('bytes or a close arrived where silence was expected');
}
