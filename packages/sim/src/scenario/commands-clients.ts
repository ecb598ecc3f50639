// Commands of clients: sessions, and what they ask for.

import type { ClientOp, Done, SimClient } from '../clients.ts';
import { changeMembers, replaceMembers } from '../reconfigurations.ts';
import { sidOfName } from '../places.ts';
import { exactly, msOf, pathOf, server, time } from './command.ts';
import type { Command, Words } from './command.ts';
import { Unmet } from './stage.ts';
import type { Asked, Stage } from './stage.ts';

const key = '[a-z/][a-zA-Z0-9/]*';
/** Whom an operation goes through: a session by its name, or any client of one server, or of all. */
const who = `( (?<who>@[A-I]|by [a-z][a-z0-9]*))?`;

/** An operation, without who asks for it. */
const operations =
  `(?<op>put (?<key>${key})=(?<value>[a-zA-Z0-9]+)|create (?<made>${key})(?<ephemeral> ephemeral)?|` +
  `delete (?<deleted>${key})|get (?<got>${key})|` +
  `reconfig (?<change>add|remove|to|observe) (?<servers>[A-I]+)|sync|close)`;

function opOf(stage: Stage, words: Words): ClientOp {
  const { op, value, made, ephemeral, deleted, got, change } = words;
  if (words.key !== undefined) {
    const path = pathOf(words.key);
    const kind = stage.made.has(path) ? 'set' : 'create';
    stage.made.add(path);
    return { kind, path, value: value! };
  }
  if (made !== undefined) {
    return { kind: 'create', path: pathOf(made), value: '', ...(ephemeral !== undefined && { ephemeral: true }) };
  }
  if (deleted !== undefined) return { kind: 'delete', path: pathOf(deleted) };
  if (got !== undefined) return { kind: 'get', path: pathOf(got) };
  if (change !== undefined) return reconfigOf(change, words.servers!);
  return { kind: op === 'sync' ? 'sync' : 'close', path: '/' };
}

/** Servers that join as voters or as observers, servers that leave, or a whole list of voters. */
function reconfigOf(how: string, names: string): ClientOp {
  const sids = (names.match(/[A-I]/g) ?? []).map((name) => sidOfName(name));
  const role = how === 'observe' ? 'observer' : 'participant';
  const roles = sids.map((sid) => [sid, role] as const);
  if (how === 'remove') return changeMembers([], sids);
  return how === 'to' ? replaceMembers(roles) : changeMembers(roles, []);
}

function clientOf(stage: Stage, { who: whoever }: Words): SimClient {
  return stage.client(whoever?.replace(/^by /, ''));
}

function ask(stage: Stage, words: Words): Asked {
  const client = clientOf(stage, words);
  const op = opOf(stage, words);
  return stage.ask(words.op!, client, op, words.key !== undefined);
}

function told(stage: Stage, { op, outcome, error, value }: Done): void {
  if (outcome !== 'ok') stage.story.tell(outcome === 'unknown' ? 'no answer' : `refused (${error})`);
  else if (op.kind === 'get') stage.story.tell(`answer: ${value === '' ? 'empty' : value}`);
}

export const clientCommands: readonly Command[] = [
  {
    usage: 'connect @A: the client of that server has a session | connect s @A [timeout 4s]: a session with a name',
    pattern: exactly(`connect( (?<name>[a-z][a-z0-9]*))? @(?<at>${server})( timeout (?<ms>${time}))?`),
    act: (stage, { name, at, ms }) => {
      const { sid } = stage.node(at!);
      const timeoutMs = ms === undefined ? 100 * stage.cluster.knobs.tickMs : msOf(ms);
      const key = name ?? `@${at}`;
      if (stage.clients.has(key)) throw new Unmet(`there is a session ${key} already`);
      const client = stage.connect(key, [sid], timeoutMs);
      stage.until(
        () => client.isConnected,
        () => `${key} has no session`,
      );
    },
  },
  {
    usage: 'move s @B: the session goes on at another server',
    pattern: exactly(`move (?<name>[a-z][a-z0-9]*) @(?<to>${server})`),
    act: (stage, { name, to }) => {
      const client = stage.client(name);
      client.servers = [stage.node(to!).sid];
      client.reconnect();
    },
  },
  {
    usage: 'twin t of s @B: a second client that knows the session of s and its password, at another server',
    pattern: exactly(`twin (?<name>[a-z][a-z0-9]*) of (?<other>[a-z][a-z0-9]*) @(?<at>${server})`),
    act: (stage, { name, other, at }) => {
      const client = stage.connect(name!, [stage.node(at!).sid], 100 * stage.cluster.knobs.tickMs, stage.client(other));
      stage.until(
        () => client.isConnected,
        () => `${name} has no session`,
      );
    },
  },
  {
    usage: 'again s @B: a client that was stopped comes back with its session',
    pattern: exactly(`again (?<name>[a-z][a-z0-9]*) @(?<at>${server})`),
    act: (stage, { name, at }) => stage.client(name).comeBack([stage.node(at!).sid]),
  },
  {
    usage: 'stop s: the client is gone without a word',
    pattern: exactly(`stop (?<name>[a-z][a-z0-9]*)`),
    act: (stage, { name }) => stage.client(name).stop(),
  },
  {
    usage:
      'put x=1 | create /e [ephemeral] | delete x | get x | sync | reconfig add|observe|remove|to DE | close [@A | by s]: waits for the answer',
    pattern: exactly(`${operations}${who}`),
    act: (stage, words) => {
      const done = stage.wait(ask(stage, words));
      told(stage, done);
      if (done.outcome === 'unknown') throw new Unmet(`"${words.op}": the connection broke before the answer`);
      if (done.outcome === 'refused') throw new Unmet(`"${words.op}" was refused with error ${done.error}`);
    },
  },
  {
    usage: 'try OPERATION: waits for whatever becomes of it',
    pattern: exactly(`try ${operations}${who}`),
    act: (stage, words) => told(stage, stage.wait(ask(stage, words))),
  },
  {
    usage: 'ask OPERATION: does not wait',
    pattern: exactly(`ask ${operations}${who}`),
    act: (stage, words) => void ask(stage, words),
  },
  {
    usage: 'puts 20 [of 500 bytes] [@A]: so many writes of keys k1, k2, ...; one without an answer is repeated',
    pattern: exactly(`puts (?<count>[1-9][0-9]*)( of (?<bytes>[0-9]+) bytes)?${who}`),
    act: (stage, words) => {
      for (let i = 1; i <= Number(words.count); i++) {
        const value = `v${i}`.padEnd(Number(words.bytes ?? 0), '.');
        putAgain(stage, { ...words, op: `put k${i}=v${i}`, key: `k${i}`, value });
      }
    },
  },
  {
    usage: 'creates 10 of 300 bytes ephemeral by s: nodes with names of that length',
    pattern: exactly(`creates (?<count>[1-9][0-9]*) of (?<bytes>[0-9]+) bytes(?<ephemeral> ephemeral)?${who}`),
    act: (stage, words) => {
      for (let i = 1; i <= Number(words.count); i++) {
        const isEphemeral = words.ephemeral !== undefined;
        const path = longName(i, Number(words.bytes));
        const op: ClientOp = { kind: 'create', path, value: '', ...(isEphemeral && { ephemeral: true }) };
        const done = stage.wait(stage.ask(`create ${i}`, clientOf(stage, words), op));
        if (done.outcome !== 'ok') throw new Unmet(`create ${i}: ${done.outcome} (${done.error})`);
      }
    },
  },
];

/** A name of so many characters, unlike all others of its length. */
const longName = (number: number, bytes: number): string => `/${String(number).padEnd(Math.max(bytes - 1, 8), 'n')}`;

function putAgain(stage: Stage, words: Words): void {
  const done = stage.wait(ask(stage, words));
  if (done.outcome === 'unknown') return putAgain(stage, words);
  if (done.outcome === 'refused') throw new Unmet(`"${words.op}" was refused with error ${done.error}`);
}

export const operationPattern = operations;
