import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { epochMax, zxidOf, zxidZero } from '../zxid.ts';
import { formatEnsembleConfig, parseEnsembleConfig, sameMembers } from './ensemble-config.ts';
import type { EnsembleConfig } from './ensemble-config.ts';
import { EnsembleConfigError, formatMember, parseMember } from './member.ts';
import type { Member, MemberAddress } from './member.ts';

const canonical = (text: string): string => formatEnsembleConfig(parseEnsembleConfig(text));

const host = fc.oneof(
  fc.constantFrom('127.0.0.1', '2001:db8::1', '::1', 'fe80::1%eth0', 'zoo_1.example'),
  fc.stringMatching(/^[a-z][a-z0-9.-]{0,12}$/),
);
const port = fc.integer({ min: 1, max: 65535 });
const address: fc.Arbitrary<MemberAddress> = fc
  .record({ host, quorumPort: port, electionPort: port })
  .filter(({ quorumPort, electionPort }) => quorumPort !== electionPort);
const byHost = (a: MemberAddress, b: MemberAddress): number => (a.host < b.host ? -1 : a.host > b.host ? 1 : 0);
const member = (sid: number): fc.Arbitrary<Member> =>
  fc.record(
    {
      sid: fc.constant(sid),
      addresses: fc.array(address, { minLength: 1, maxLength: 3 }).map((all) => all.sort(byHost)),
      role: fc.constantFrom('participant' as const, 'observer' as const),
      client: fc.record({ host, port }),
    },
    { requiredKeys: ['sid', 'addresses', 'role'] },
  );
const flatConfig: fc.Arbitrary<EnsembleConfig> = fc
  .record({
    version: fc.tuple(fc.nat({ max: epochMax }), fc.nat({ max: 0xffffffff })).map(([e, c]) => zxidOf(e, c)),
    members: fc
      .uniqueArray(fc.oneof(fc.nat({ max: 255 }), fc.maxSafeNat()), { minLength: 1, maxLength: 6 })
      .chain((sids) => fc.tuple(...sids.map(member)))
      .filter((all) => all.some(({ role }) => role === 'participant'))
      .map((all) => new Map(all.map((one) => [one.sid, one]))),
  })
  .map((config) => config);
const groupedConfig = flatConfig.chain((config): fc.Arbitrary<EnsembleConfig> => {
  const sids = [...config.members.values()].filter(({ role }) => role === 'participant').map(({ sid }) => sid);
  sids.sort((a, b) => a - b);
  return fc.tuple(...sids.map(() => fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 5 })))).map((choices) => {
    const groups = new Map<number, number[]>();
    choices.forEach(([group], i) => groups.set(group, [...(groups.get(group) ?? []), sids[i]]));
    return { ...config, groups, weights: new Map(choices.map(([, weight], i) => [sids[i], weight])) };
  });
});
const config = fc.oneof(flatConfig, groupedConfig);

describe('a configuration', () => {
  test('is written as Apache servers write it', () => {
    const text = [
      'server.1=127.0.0.1:22011:22021:participant;127.0.0.1:22001',
      'server.4=127.0.0.1:22014:22024:observer',
      'version=10000000a',
    ].join('\n');
    expect(parseEnsembleConfig(text)).toEqual({
      version: zxidOf(1, 10),
      members: new Map([
        [
          1,
          {
            sid: 1,
            addresses: [{ host: '127.0.0.1', quorumPort: 22011, electionPort: 22021 }],
            role: 'participant',
            client: { host: '127.0.0.1', port: 22001 },
          },
        ],
        [4, { sid: 4, addresses: [{ host: '127.0.0.1', quorumPort: 22014, electionPort: 22024 }], role: 'observer' }],
      ]),
    });
    expect(canonical(text)).toBe(text);
  });

  test('is read as it was written, and written the same again', () => {
    fc.assert(
      fc.property(config, (value) => {
        const text = formatEnsembleConfig(value);
        expect(parseEnsembleConfig(text)).toEqual(value);
        expect(canonical(text)).toBe(text);
      }),
    );
  });

  test('gives its canonical text whatever the order and form of its lines', () => {
    const text =
      '# who we are\r\n version = 1F\r\n\r\nserver.10=c:1:2;9\r\n! more\r\nserver.2 = [::1]:1:2:OBSERVER \r\n';
    expect(canonical(text)).toBe('server.2=[::1]:1:2:observer\nserver.10=c:1:2:participant;0.0.0.0:9\nversion=1f');
  });

  test('has version 0 unless it says otherwise', () => {
    expect(parseEnsembleConfig('server.1=a:1:2').version).toBe(zxidZero);
  });

  test('lists groups, and weights for every participant, the unnamed ones with 1', () => {
    const text =
      'weight.2=3\nserver.3=c:1:2\ngroup.7=3:1\ngroup.2=2\nserver.1=a:1:2\nserver.2=b:1:2\nserver.4=d:1:2:observer';
    expect(canonical(text)).toBe(
      [
        'server.1=a:1:2:participant',
        'server.2=b:1:2:participant',
        'server.3=c:1:2:participant',
        'server.4=d:1:2:observer',
        'group.2=2',
        'group.7=1:3',
        'weight.1=1',
        'weight.2=3',
        'weight.3=1',
        'version=0',
      ].join('\n'),
    );
  });

  const two = 'server.1=a:1:2\nserver.2=b:1:2';
  test.each([
    ['\ufeffserver.1=a:1:2', 'byte order mark'],
    ['', 'no server.N line'],
    ['version=0', 'no server.N line'],
    ['server.1=a:1:2:observer', 'no server.N line has the role participant'],
    ['server.1', 'write key=value'],
    ['server.1=a:1:2\ntickTime=2000', 'only server.N, group.N, weight.N and version'],
    ['server.1=a:1:2\nserver=b:1:2', 'has no place here'],
    ['server.1=a:1:2\npeer.1=b:1:2', 'has no place here'],
    ['server.1=a:1:2\nserver.1=b:1:2', 'there twice'],
    ['server.1=a:1:2\nserver.01=b:1:2', 'there twice'],
    ['server.x=a:1:2', 'whole number'],
    ['server.-1=a:1:2', 'whole number'],
    ['server.9007199254740992=a:1:2', 'whole number'],
    ['server.1=a:1:2\nversion=0x10', 'hexadecimal'],
    ['server.1=a:1:2\nversion=-1', 'hexadecimal'],
    ['server.1=a:1:2\nversion=', 'hexadecimal'],
    ['server.1=a:1:2\nversion=20000000000000', 'hexadecimal'],
    ['server.1=a:1:2\nversion=0\nversion=0', 'there twice'],
    [`${two}\ngroup.1=1`, 'server 2 is in no group'],
    [`${two}\nweight.1=1`, 'server 1 is in no group'],
    [`${two}\ngroup.1=1:2\ngroup.2=2`, 'in group.1 and in group.2'],
    [`${two}\ngroup.1=1:2:1`, 'in group.1 and in group.1'],
    [`${two}\ngroup.1=1:2\ngroup.1=1:2`, 'there twice'],
    [`${two}\ngroup.1=1:2:3`, 'remove 3'],
    [`${two}\nserver.3=c:1:2:observer\ngroup.1=1:2:3`, 'remove 3'],
    [`${two}\ngroup.1=1::2`, 'whole number'],
    [`${two}\ngroup.1=1:2\nweight.3=1`, 'no server.3'],
    [`${two}\ngroup.1=1:2\nweight.2=-1`, 'whole number'],
    [`${two}\ngroup.1=1:2\nweight.2=1\nweight.2=1`, 'there twice'],
  ])('is refused with a sentence that says what to do: %j', (text, sentence) => {
    expect(() => parseEnsembleConfig(text)).toThrow(EnsembleConfigError);
    expect(() => parseEnsembleConfig(text)).toThrow(sentence);
  });

  test('of any text is read or refused, never anything else', () => {
    const word = fc.constantFrom(
      'server.1',
      'group.1',
      'weight.1',
      'version',
      '=',
      'a:1:2',
      ';',
      '|',
      ':',
      '1',
      '\n',
      '[',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(word, { maxLength: 20 }).map((w) => w.join('')),
          fc.string(),
        ),
        (text) => {
          try {
            canonical(text);
          } catch (error) {
            expect(error).toBeInstanceOf(EnsembleConfigError);
            expect((error as Error).message).not.toContain('\n');
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('one member', () => {
  test.each([
    ['a:1:2', 'a:1:2:participant'],
    ['a:1:2:Participant;3', 'a:1:2:participant;0.0.0.0:3'],
    ['a:1:2;b:3', 'a:1:2:participant;b:3'],
    ['a:1:2;[::1]:3', 'a:1:2:participant;[::1]:3'],
    ['[2001:db8::1]:1:2:observer', '[2001:db8::1]:1:2:observer'],
    ['[a]:1:2', 'a:1:2:participant'],
    ['b:1:2|a:3:4', 'a:3:4|b:1:2:participant'],
    ['b:1:2:observer|a:3:4:OBSERVER;5', 'a:3:4|b:1:2:observer;0.0.0.0:5'],
    ['b:1:2:observer|a:3:4', 'a:3:4|b:1:2:observer'],
    [' a:1:2 | b:1:2 ; 3 ', 'a:1:2|b:1:2:participant;0.0.0.0:3'],
  ])('%j has the canonical text %j', (value, text) => {
    expect(formatMember(parseMember(1, value))).toBe(text);
    expect(formatMember(parseMember(1, text))).toBe(text);
  });

  test.each([
    ['', 'no valid host'],
    [':1:2', 'no valid host'],
    ['::1:1:2', 'no valid host'],
    ['[]:1:2', 'no valid host'],
    ['[::1:1:2', 'no valid host'],
    ['[::1]1:2', 'no valid host'],
    ['a b:1:2', 'no valid host'],
    ['a\\:1:2', 'no valid host'],
    ['a', 'with ports from 1 to 65535'],
    ['a:1', 'with ports from 1 to 65535'],
    ['a:0:2', 'with ports from 1 to 65535'],
    ['a:1:65536', 'with ports from 1 to 65535'],
    ['a:1:+2', 'with ports from 1 to 65535'],
    ['a:1:2:observer:x', 'is not of the form'],
    ['a:1:1', 'different numbers'],
    ['a:1:2:leader', 'participant or observer'],
    ['a:1:2:', 'participant or observer'],
    ['a:1:2:observer|b:1:2:participant', 'the same role'],
    ['a:1:2|', 'no valid host'],
    ['a:1:2;', 'behind the semicolon'],
    ['a:1:2;0', 'behind the semicolon'],
    ['a:1:2;b', 'behind the semicolon'],
    ['a:1:2;b:1:2', 'behind the semicolon'],
    ['a:1:2;:3', 'behind the semicolon'],
    ['a:1:2;3;4', 'second semicolon'],
  ])('%j is refused', (value, sentence) => {
    expect(() => parseMember(7, value)).toThrow(EnsembleConfigError);
    expect(() => parseMember(7, value)).toThrow(sentence);
    expect(() => parseMember(7, value)).toThrow('server.7');
  });
});

describe('two configurations', () => {
  const base = 'server.1=a:1:2;3\nserver.2=b:1:2|c:1:2';
  const same = (other: string): boolean => sameMembers(parseEnsembleConfig(base), parseEnsembleConfig(other));

  test('have the same members whatever their versions and the order of lines and addresses', () => {
    expect(same('version=5\nserver.2=c:1:2|b:1:2\nserver.1=a:1:2:participant;0.0.0.0:3')).toBe(true);
  });

  test.each([
    'server.1=a:1:2;3',
    'server.1=a:1:2;3\nserver.2=b:1:2',
    'server.1=a:1:2\nserver.2=b:1:2|c:1:2',
    'server.1=a:1:2;3\nserver.2=b:1:2|c:1:2:observer',
    'server.1=a:1:2;3\nserver.3=b:1:2|c:1:2',
    `${base}\nserver.3=d:1:2:observer`,
    `${base}\ngroup.1=1:2`,
  ])('have different members: %j', (other) => {
    expect(same(other)).toBe(false);
  });
});
