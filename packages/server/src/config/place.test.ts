import { parseEnsembleConfig } from '@corral/protocol';
import type { EnsembleConfig, Zxid } from '@corral/protocol';
import { describe, expect, it } from 'vitest';
import { ConfigError, loadConfig } from './load.ts';
import { canDecideApart, checkMembers, decidePlace, placeTable } from './place.ts';
import type { PlaceFacts } from './place.ts';

const line = (sid: number): string => `server.${sid}=h${sid}:1:2;2181\n`;
const lines = (...sids: number[]): string => sids.map(line).join('');
const list = (...sids: number[]): EnsembleConfig => parseEnsembleConfig(lines(...sids));
const at = (version: number, ...sids: number[]): EnsembleConfig => ({ ...list(...sids), version: version as Zxid });

/** How the server starts with these files; the text of the refusal, if it does not. */
function startWith(files: Record<string, string>, cfg: string): string {
  const all: Record<string, string> = { '/srv/zoo.cfg': `dataDir=/data\nclientPort=2181\n${cfg}`, ...files };
  try {
    const { ensemble } = loadConfig({
      argv: ['zoo.cfg'],
      env: {},
      cwd: '/srv',
      readFile: (path) => all[path],
      listDir: (dir) =>
        Object.keys(all)
          .filter((path) => path.startsWith(`${dir}/`))
          .map((path) => path.slice(dir.length + 1)),
    });
    return ensemble === undefined ? 'standalone' : `member ${ensemble.sid} of ${ensemble.config.members.size}`;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

const id = { '/data/myid': '1' };
const epochs = { '/data/version-2/currentEpoch': '3', '/data/version-2/acceptedEpoch': '3' };
const file = '/srv/zoo.cfg.dynamic.100000003';
const named = 'dynamicConfigFile=zoo.cfg.dynamic.100000003\n';
const notAlone = 'standaloneEnabled=false\n';
const next = { '/srv/zoo.cfg.dynamic.next': `${lines(1, 2, 3)}version=200000001` };

/** What the files are, and how a server starts on them. */
const starts: readonly (readonly [string, Record<string, string>, string, string | RegExp])[] = [
  ['nothing about members', {}, '', 'standalone'],
  ['a number alone, as images write it', id, '', 'standalone'],
  ['the data of a member, taken out of its ensemble by hand', { ...id, ...epochs }, '', 'standalone'],
  ['no members, but not alone', id, notAlone, /zoo.cfg: standaloneEnabled=false, but no server.N line/],
  ['an empty list', { ...id, [file]: '' }, named, /dynamic.100000003: no server.N line/],
  ['an empty list, not alone', { ...id, [file]: '' }, notAlone + named, /dynamic.100000003: no server.N line/],
  ['a list of nothing but blanks', { ...id, [file]: '\n \n# x\n' }, named, /no server.N line/],
  ['a list with a version only', { ...id, [file]: 'version=100000003\n' }, named, /no server.N line/],
  ['a list that is missing', id, named, /dynamic.100000003: there is no such file/],
  ['a list that is garbage', { ...id, [file]: '\0\0\0\0' }, named, /dynamic.100000003:1: .*expected only server.N/],
  ['a list cut inside its first line', { ...id, [file]: 'server.1=h1:2' }, named, /dynamic.100000003:1/],
  ['a list cut inside a later line', { ...id, [file]: `${line(1)}server.2=` }, named, /dynamic.100000003:2/],
  [
    'a list of observers',
    { ...id, [file]: 'server.1=a:1:2:observer' },
    named,
    /no server.N line has the role participant/,
  ],
  ['a list of itself', { ...id, [file]: line(1) }, named, 'standalone'],
  ['a list of itself, with epochs', { ...id, ...epochs, [file]: line(1) }, named, /was written by a member/],
  ['a list of itself, with more proposed', { ...id, ...next, [file]: line(1) }, named, /dynamic.next lists others/],
  ['a list of itself, not alone', { ...id, ...epochs, [file]: line(1) }, notAlone + named, 'member 1 of 1'],
  ['a list of another', { ...id, [file]: line(2) }, named, /myid: 1: there is no line server.1, only server.2/],
  ['a list without itself', { ...id, [file]: lines(2, 3, 4) }, named, /myid: 1: there is no line server.1/],
  [
    'a list without itself, which may join',
    { ...id, [file]: lines(2, 3, 4) },
    `reconfigEnabled=true\n${named}`,
    'member 1 of 3',
  ],
  ['a list without a number', { [file]: lines(1, 2, 3) }, named, /myid: missing/],
  ['a whole list', { ...id, ...epochs, [file]: lines(1, 2, 3) }, named, 'member 1 of 3'],
  [
    'zoo.cfg without its last line',
    { ...id, [file]: lines(1, 2, 3) },
    '',
    /zoo.cfg.dynamic.100000003: lists the members/,
  ],
  ['zoo.cfg without its last line, and a proposal', { ...id, ...next }, '', /zoo.cfg.dynamic.next: lists the members/],
  ['one line in zoo.cfg', { ...id, ...epochs }, line(1), 'standalone'],
  ['one line of another in zoo.cfg', { ...id, ...epochs }, line(2), /myid: 1: there is no line server.1/],
  ['one line in zoo.cfg, not alone', { ...id, ...epochs }, notAlone + line(1), 'member 1 of 1'],
  ['lines in zoo.cfg', { ...id, ...epochs }, lines(1, 2, 3), 'member 1 of 3'],
  ['lines in zoo.cfg and an old list beside it', { ...id, [file]: lines(1, 2) }, lines(1, 2, 3), 'member 1 of 3'],
];

describe('a server starts', () => {
  for (const [what, files, cfg, how] of starts) {
    it(`with ${what}: ${typeof how === 'string' ? how : 'not at all'}`, () => {
      expect(startWith(files, cfg)).toMatch(how);
    });
  }

  it('alone on no combination of files of which one speaks of an ensemble that may be larger', () => {
    const each = <T>(...values: T[]): readonly T[] => values;
    const seen = new Set<string>();
    for (const standaloneEnabled of each(true, false))
      for (const reconfigEnabled of each(true, false))
        for (const dynamicFile of each(undefined, '/d'))
          for (const config of each(undefined, list(1), list(2), list(1, 2, 3), list(2, 3, 4)))
            for (const proposed of config === undefined ? [undefined] : each(undefined, at(9, 1, 2, 3)))
              for (const stray of each(undefined, '/stray'))
                for (const myId of each(undefined, 1))
                  for (const epochFile of each(undefined, '/e')) {
                    const facts: PlaceFacts = {
                      standaloneEnabled,
                      reconfigEnabled,
                      configFile: '/srv/zoo.cfg',
                      dynamicFile,
                      config,
                      next: proposed,
                      strayList: stray,
                      myId,
                      myIdFile: '/data/myid',
                      epochFile,
                    };
                    seen.add(placeTable.find((row) => row.applies(facts))!.name);
                    const place = decidePlace(facts);
                    if (place.kind === 'refused') expect(place.problem).toMatch(/^\S+: .{20}/);
                    const speaksOfMore =
                      !standaloneEnabled ||
                      (config === undefined && (dynamicFile ?? stray) !== undefined) ||
                      (config !== undefined && (config.members.size > 1 || proposed !== undefined)) ||
                      (dynamicFile !== undefined &&
                        (epochFile !== undefined || (myId === 1 && !config!.members.has(1))));
                    if (place.kind === 'standalone') expect(speaksOfMore, JSON.stringify(facts)).toBe(false);
                    if (place.kind === 'member') expect(myId).toBe(1);
                  }
    expect([...seen].sort()).toEqual(
      placeTable
        .map(({ name }) => name)
        .filter((name) => name !== 'observers without voters')
        .sort(),
    );
  });
});

describe('the members in the files and those in the data', () => {
  const check = (
    config: EnsembleConfig,
    logged: EnsembleConfig | undefined,
    more: { reconfigEnabled?: boolean; dynamicFile?: string; next?: EnsembleConfig } = {},
  ): string => {
    const { reconfigEnabled = true, dynamicFile, next: proposed } = more;
    const found = checkMembers({ config, next: proposed, reconfigEnabled, dynamicFile }, logged);
    if (found.kind === 'refused') return found.problem;
    const also = found.next === undefined ? '' : ` and ${[...found.next.members.keys()].join()}`;
    return `fine${also}${found.notice === undefined ? '' : `, but ${found.notice}`}`;
  };
  const inFile = { dynamicFile: '/d' };

  it('agree', () => {
    expect(check(at(0, 1, 2, 3), undefined)).toBe('fine');
    expect(check(at(5, 1, 2, 3), at(5, 1, 2, 3), inFile)).toBe('fine');
    expect(check(at(9, 1, 2, 3), at(5, 1, 2), inFile)).toBe('fine');
  });

  it('contradict each other when the list of one version has other members', () => {
    expect(check(at(5, 1), at(5, 1, 2, 3), inFile)).toBe(
      'it lists server 1, but the data of this server was written in an ensemble of servers 1, 2, 3',
    );
    expect(check(at(5, 1, 2), at(5, 1, 2, 3), inFile)).toMatch('it lists servers 1, 2');
  });

  it('count both when the data has a later list, as if that were proposed', () => {
    expect(check(at(0, 1), at(5, 1, 2, 3), inFile)).toBe('fine and 1,2,3');
    expect(check(at(2, 1), at(5, 1, 2, 3))).toBe('fine and 1,2,3');
    expect(check(at(2, 1), at(5, 1, 2, 3), { next: at(7, 1, 2) })).toBe('fine and 1,2');
    expect(check(at(2, 1), at(5, 1, 2, 3), { next: at(4, 1, 2) })).toBe('fine and 1,2,3');
  });

  it('without versions contradict each other only where both could decide on their own', () => {
    const fixed = { reconfigEnabled: false };
    expect(check(at(0, 1), at(0, 1, 2, 3), { ...fixed, ...inFile })).toMatch('it lists server 1, but');
    expect(check(at(0, 1, 2), at(0, 1, 2, 3), { ...fixed, ...inFile })).toBe('fine');
    expect(check(at(0, 1, 2, 3, 4), at(0, 1, 2, 3), { ...fixed, ...inFile })).toBe('fine');
    expect(check(at(0, 1, 2, 3, 4, 5), at(0, 1, 2, 3), { ...fixed, ...inFile })).toMatch(/^fine, but/);
  });

  it('in zoo.cfg are what the operator wants, who is told of the danger', () => {
    const fixed = { reconfigEnabled: false };
    expect(check(at(0, 1), at(0, 1, 2, 3), fixed)).toMatch(
      /^fine, but the members are server 1 now, they were servers 1, 2, 3/,
    );
    expect(check(at(0, 4, 5, 6), at(7, 1, 2, 3), fixed)).toMatch(/^fine, but/);
  });

  it('can decide apart exactly when two majorities need not meet', () => {
    const bits = (set: number): number[] => [1, 2, 3, 4, 5].filter((sid) => (set >> (sid - 1)) & 1);
    const majorities = (set: number): number[] =>
      [...Array(32).keys()].filter((part) => (part & ~set) === 0 && bits(part).length * 2 > bits(set).length);
    for (let a = 1; a < 32; a++)
      for (let b = 1; b < 32; b++) {
        const theirs = majorities(b);
        const apart = majorities(a).some((one) => theirs.some((other) => (one & other) === 0));
        expect(canDecideApart(list(...bits(a)), list(...bits(b)))).toBe(apart);
      }
    expect(canDecideApart(list(1, 2, 3), list(1, 2, 3))).toBe(false);
    expect(canDecideApart(list(1, 2, 3), list(3, 4, 5))).toBe(true);
    expect(canDecideApart(list(1, 2, 3), list(1, 2, 3, 4))).toBe(false);
    expect(canDecideApart(list(1, 2, 3), list(1, 2, 3, 4, 5))).toBe(true);
  });
});
