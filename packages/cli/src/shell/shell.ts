// The compatible shell: takes a line, runs the command in it, remembers it. What is printed where, and with which code the
// shell ends, is zkCli's.

import type { Context } from '../context.ts';
import { usageText } from './command.ts';
import type { ShellCommand } from './command.ts';
import { commandNamed, helpLines, isShellVerb } from './commands.ts';
import type { ShellVerb } from './commands.ts';
import { Link } from './link.ts';
import type { LinkOptions } from './link.ts';
import { parseOptions } from './options.ts';
import { ShellError } from './shell-error.ts';
import { tokens } from './tokens.ts';

const unknownCommandCode = 127;
const shownHistory = 10;

export class Shell {
  readonly #context: Context;
  readonly #options: LinkOptions;
  readonly #history: string[] = [];
  #link: Link;
  #prints = true;
  #exitCode = 0;
  /** Set by `quit`. */
  ended = false;
  /** Told when something was printed that no command printed: the line being typed must be shown again. */
  onInterruption: () => void = () => undefined;

  constructor(context: Context, options: LinkOptions) {
    this.#context = context;
    this.#options = options;
    this.#out(`Connecting to ${options.server}`);
    this.#link = this.#connect(options.server);
  }

  get link(): Link {
    return this.#link;
  }
  /** Of the last command. */
  get exitCode(): number {
    return this.#exitCode;
  }
  get prompt(): string {
    return `[zk: ${this.#link.server}(${this.#link.word}) ${this.#history.length}] `;
  }

  /** A line as it was typed. */
  async line(text: string): Promise<void> {
    const words = tokens(text);
    if (words.length === 0) return;
    this.#history.push(text);
    await this.command(words);
  }

  /** One command. Never throws what a command may fail with. */
  async command(words: readonly string[]): Promise<void> {
    if (words[0] !== 'quit') this.#exitCode = 0;
    try {
      await this.#run(words);
    } catch (error) {
      // A bad address, or bytes that no server should send: the shell goes on.
      if (!(error instanceof Error)) throw error;
      this.#err(error.message);
      this.#exitCode = error instanceof ShellError ? error.exitCode : 1;
    }
  }

  async close(): Promise<void> {
    this.#prints = false;
    await this.#link.close();
  }

  async #run(words: readonly string[]): Promise<void> {
    const [name, ...args] = words;
    const command = commandNamed(name);
    if (command === undefined) {
      helpLines.forEach((line) => this.#err(line));
      throw new ShellError(`Command not found: Command not found ${name}`, unknownCommandCode);
    }
    const isVerb = isShellVerb(command);
    if (isVerb && command.name !== 'close') await this.#runVerb(command, args);
    if (this.ended) return;
    if (!this.#link.alive) return this.#out('Not connected');
    if (!isVerb) await this.#runCommand(command, args);
    else if (command.name === 'close') await this.#link.close();
  }

  async #runCommand(command: ShellCommand, args: readonly string[]): Promise<void> {
    const given = parseOptions(command.raw === true ? [] : args, command.options ?? {}, command.group);
    const usage = usageText(command);
    if (given.words.length < (command.words ?? 0)) throw new ShellError(usage);
    await command.run({
      link: this.#link,
      given,
      usage,
      out: (line) => this.#out(line),
      data: (bytes) => void this.#context.stdout.write(bytes),
      err: (line) => this.#err(line),
      readFile: (path) => this.#context.readFile(path),
    });
  }

  async #runVerb({ name }: ShellVerb, args: readonly string[]): Promise<void> {
    switch (name) {
      case 'quit':
        await this.#link.close();
        this.ended = true;
        return;
      case 'redo':
        return this.#redo(args[0]);
      case 'history':
        return this.#showHistory();
      case 'printwatches':
        if (args.length === 0) this.#out(`printwatches is ${this.#prints ? 'on' : 'off'}`);
        else this.#prints = args[0] === 'on';
        return;
      case 'connect':
        await this.#link.close();
        this.#link = this.#connect(args[0] ?? this.#link.server);
        return;
      default:
        throw new Error(`${name} is no command of the shell itself`);
    }
  }

  /** The command of that number takes the place of the redo that asked for it. */
  async #redo(number: string | undefined): Promise<void> {
    if (number === undefined) return;
    const line = /^\d+$/.test(number) ? this.#history[Number(number)] : undefined;
    if (line === undefined) throw new ShellError('Command index out of range');
    const words = tokens(line);
    if (words[0] === 'redo') return this.#out('No redoing redos');
    this.#history[this.#history.length - 1] = line;
    await this.command(words);
  }

  #showHistory(): void {
    const last = Math.max(0, this.#history.length - 1);
    for (let at = Math.max(0, last - shownHistory); at <= last; at++) {
      this.#out(`${at} - ${this.#history[at] ?? 'null'}`);
    }
  }

  #connect(server: string): Link {
    return new Link({ ...this.#options, server }, (state, type, path, zxid) => {
      if (!this.#prints) return;
      this.#out(`\nWATCHER::\n\nWatchedEvent state:${state} type:${type} path:${path} zxid: ${zxid}`);
      this.onInterruption();
    });
  }

  #out(line: string): void {
    this.#context.stdout.write(`${line}\n`);
  }
  #err(line: string): void {
    this.#context.stderr.write(`${line}\n`);
  }
}
