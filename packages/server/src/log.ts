// The log: structured lines, JSON for machines, readable text on a terminal. A logger begins by keeping lines, with their
// times, and hands them over once `open` has loaded the library behind it. `flush` writes what is kept without the
// library: for a process that ends before.

import type { Writable } from 'node:stream';

import type { Logger as PinoLogger } from 'pino';

import { escapeControls, escapeControlsInLines } from './config/escape.ts';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

export type LogFields = Readonly<Record<string, unknown>>;

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: 'json' | 'pretty';
  /** Where lines go, usually standard output. */
  readonly destination: Writable;
  /** Clock time in milliseconds. */
  readonly now: () => number;
}

const levels: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/** Lines kept before `open`; a start that logs more than this has lost its head, and the newest are dropped. */
const keptLinesMax = 1000;

interface KeptLine {
  readonly time: number;
  readonly level: LogLevel;
  readonly fields: LogFields;
  readonly message: string;
}

export class Logger {
  readonly #options: LogOptions;
  readonly #threshold: number;
  #kept: KeptLine[] = [];
  #pino: PinoLogger | undefined;
  /** Time of the line being written, which for a kept line is not now. */
  #lineTime = 0;

  constructor(options: LogOptions) {
    this.#options = options;
    this.#threshold = levels.indexOf(options.level);
  }

  trace(fields: LogFields, message: string): void {
    this.#write('trace', fields, message);
  }
  debug(fields: LogFields, message: string): void {
    this.#write('debug', fields, message);
  }
  info(fields: LogFields, message: string): void {
    this.#write('info', fields, message);
  }
  warn(fields: LogFields, message: string): void {
    this.#write('warn', fields, message);
  }
  error(fields: LogFields, message: string): void {
    this.#write('error', fields, message);
  }
  fatal(fields: LogFields, message: string): void {
    this.#write('fatal', fields, message);
  }
  /** Lets callers skip collecting fields for a line that would not be written. */
  isOn(level: LogLevel): boolean {
    return levels.indexOf(level) >= this.#threshold;
  }

  /** Loads the library and writes what was kept. */
  async open(): Promise<void> {
    const { level, format, destination } = this.#options;
    const { pino } = await import('pino');
    const target =
      format === 'pretty'
        ? (await import('pino-pretty')).default({
            destination,
            colorize: isTerminal(destination),
            ignore: 'pid,hostname',
          })
        : destination;
    this.#pino = pino(
      {
        level,
        base: null,
        formatters: { level: (label) => ({ level: label }) },
        timestamp: () => `,"time":"${new Date(this.#lineTime).toISOString()}"`,
      },
      target,
    );
    const kept = this.#kept;
    this.#kept = [];
    for (const line of kept) this.#hand(line);
  }

  /** Writes kept lines as JSON at once; nothing to do after `open`. */
  flush(): void {
    const kept = this.#kept;
    this.#kept = [];
    for (const { level, time, fields, message } of kept) {
      const line = { level, time: new Date(time).toISOString(), ...fields, msg: message };
      this.#options.destination.write(`${JSON.stringify(line, plainValue)}\n`);
    }
  }

  #write(level: LogLevel, fields: LogFields, message: string): void {
    if (!this.isOn(level)) return;
    const line = { time: this.#options.now(), level, fields, message };
    if (this.#pino !== undefined) this.#hand(line);
    else if (this.#kept.length < keptLinesMax) this.#kept.push(line);
  }

  #hand(line: KeptLine): void {
    this.#lineTime = line.time;
    // JSON escapes what clients send; the pretty form prints it as it is, so it is escaped before.
    if (this.#options.format === 'json') this.#pino?.[line.level](line.fields, line.message);
    else this.#pino?.[line.level](printable(line.fields), escapeControls(line.message));
  }
}

const isTerminal = (stream: Writable): boolean => 'isTTY' in stream && stream.isTTY === true;

function plainValue(_: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) return { type: value.name, message: value.message, stack: value.stack };
  return value;
}

function printable(fields: LogFields): LogFields {
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, printableValue(value)]));
}

function printableValue(value: unknown): unknown {
  if (typeof value === 'string') return escapeControls(value);
  if (!(value instanceof Error)) return value;
  const { name, message, stack = '' } = value;
  return { type: name, message: escapeControls(message), stack: escapeControlsInLines(stack) };
}
