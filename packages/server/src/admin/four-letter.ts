// Four-letter words: four ASCII bytes in place of the first frame, answered with text, then the connection is closed.
// The server shell asks matchFourLetterWord about the first bytes of every connection, and writes what
// answerFourLetterWord yields. How a word looks is in four-letter-text.ts.
//
// Who is answered: with `4lw.commands.whitelist`, exactly whom Apache answers. Without, everyone gets the words that
// only look, cost little and show no client; words that show clients, cost more or change something are for callers
// on this machine. `stat` is in between: other machines see no connections but their own.

import type { ServerFacts } from './facts.ts';
import * as text from './four-letter-text.ts';

export interface Call {
  /** As in ConnectionFacts, with the port. */
  readonly callerAddress: string;
  /** The eight bytes after stmk, if they came. */
  readonly argument?: Uint8Array;
}

interface Word {
  readonly audience: 'everyone' | 'local';
  /** Whether it works while the server does not serve. */
  readonly always: boolean;
  readonly render: (facts: ServerFacts, call: Call, mayShowClients: boolean) => Iterable<string>;
}

const everyone = (render: Word['render']): Word => ({ audience: 'everyone', always: false, render });
const local = (render: Word['render']): Word => ({ audience: 'local', always: false, render });
const always = (word: Word): Word => ({ ...word, always: true });

const words = {
  conf: everyone(text.conf),
  cons: local(text.cons),
  crst: local((facts) => {
    facts.resetConnectionStats();
    return ['Connection stats reset.\n'];
  }),
  dirs: everyone(text.dirs),
  dump: local(text.dump),
  envi: always(everyone(text.envi)),
  gtmk: always(local((facts) => [String(facts.traceMask())])),
  hash: everyone(text.hash),
  isro: always(everyone((facts) => [!facts.serving().serving ? 'null' : facts.mode() === 'read-only' ? 'ro' : 'rw'])),
  mntr: everyone(text.mntr),
  ruok: always(everyone(() => ['imok'])),
  srst: local((facts) => {
    facts.resetServerStats();
    facts.metrics.reset();
    return ['Server stats reset.\n'];
  }),
  srvr: everyone(text.srvr),
  stat: everyone((facts, call, mayShowClients) => text.stat(facts, mayShowClients ? undefined : call.callerAddress)),
  stmk: always(local(setTraceMask)),
  wchc: local(text.wchc),
  wchp: local(text.wchp),
  wchs: everyone(text.wchs),
  /** What telnet sends when it is interrupted; the connection is closed without a byte. */
  telnetClose: always(everyone(() => [])),
} satisfies Record<string, Word>;

export type FourLetterWord = keyof typeof words;

/** Every word that can be typed. */
export const wordNames: readonly string[] = Object.keys(words).filter((name) => name !== 'telnetClose');

const telnetClose = 0xfff4fffd;

const codeOf = (name: string): number =>
  ((name.charCodeAt(0) << 24) | (name.charCodeAt(1) << 16) | (name.charCodeAt(2) << 8) | name.charCodeAt(3)) >>> 0;

const wordsByCode: ReadonlyMap<number, FourLetterWord> = new Map(
  (Object.keys(words) as FourLetterWord[]).map((name) => [name === 'telnetClose' ? telnetClose : codeOf(name), name]),
);

/** The word that the four bytes from `start` on are. Anything else is the length of a frame. */
export function matchFourLetterWord(bytes: Uint8Array, start: number): FourLetterWord | undefined {
  if (bytes.length - start < 4) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = bytes.subarray(start, start + 4);
  return wordsByCode.get(((a << 24) | (b << 16) | (c << 8) | d) >>> 0);
}

/** Bytes to wait for after the word before it is answered. */
export const argumentBytesOf = (word: FourLetterWord): number => (word === 'stmk' ? 8 : 0);

const notServing = 'This ZooKeeper instance is not currently serving requests\n';

/**
 * The answer, in pieces of a size that suits a socket; the host may write them as the socket drains. An empty answer
 * means: close without a byte.
 */
export function* answerFourLetterWord(word: FourLetterWord, facts: ServerFacts, call: Call): Generator<string> {
  const row: Word = words[word];
  const whitelist = facts.config.fourLetterWhitelist;
  const isLocal = isLoopbackAddress(hostOf(call.callerAddress));
  if (!isEnabled(word, facts, isLocal)) {
    yield `${word} is not executed because it is not in the whitelist.\n`;
    return;
  }
  if (!row.always && !facts.serving().serving) {
    yield notServing;
    return;
  }
  yield* inPieces(row.render(facts, call, isLocal || whitelist !== undefined));
}

function isEnabled(word: FourLetterWord, facts: ServerFacts, isLocal: boolean): boolean {
  const { fourLetterWhitelist, readOnlyModeEnabled } = facts.config;
  if (word === 'telnetClose' || word === 'srvr') return true;
  if (fourLetterWhitelist === undefined) return words[word].audience === 'everyone' || isLocal;
  if (word === 'isro' && readOnlyModeEnabled) return true;
  return fourLetterWhitelist.includes('*') || fourLetterWhitelist.includes(word);
}

function setTraceMask(facts: ServerFacts, call: Call): string[] {
  if (call.argument === undefined || call.argument.length < 8) return [];
  const view = new DataView(call.argument.buffer, call.argument.byteOffset, 8);
  facts.setTraceMask(view.getBigInt64(0));
  return [String(facts.traceMask())];
}

const pieceLength = 16384;

function* inPieces(lines: Iterable<string>): Generator<string> {
  let piece = '';
  for (const line of lines) {
    piece += line;
    if (piece.length < pieceLength) continue;
    yield piece;
    piece = '';
  }
  if (piece !== '') yield piece;
}

/** `127.0.0.1:53852` or `[::1]:53852` without the port. */
export const hostOf = (address: string): string => address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');

/** Whether an address can only belong to this machine. */
export function isLoopbackAddress(host: string): boolean {
  const bare = host.toLowerCase().replace(/^::ffff:/, '');
  return bare === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(bare);
}
