import { describe, expect, it } from 'vitest';

import { fakeFacts } from './testing/fake-facts.ts';
import { answerFourLetterWord, argumentBytesOf, matchFourLetterWord } from './four-letter.ts';
import type { FourLetterWord } from './four-letter.ts';
import { javaDate } from './four-letter-text.ts';
import type { ServerFacts } from './facts.ts';

const here = '127.0.0.1:53852';
const elsewhere = '192.0.2.9:40000';

const ask = (
  word: FourLetterWord,
  facts: ServerFacts = fakeFacts(),
  callerAddress = here,
  argument?: Uint8Array,
): string =>
  [...answerFourLetterWord(word, facts, argument === undefined ? { callerAddress } : { callerAddress, argument })].join(
    '',
  );

const statistics =
  'Latency min/avg/max: \\d+/\\d+(\\.\\d+)?/\\d+\\nReceived: \\d+\\nSent: \\d+\\nConnections: \\d+\\n' +
  'Outstanding: \\d+\\nZxid: 0x[0-9a-f]+\\nMode: (standalone|leader|follower|observer)\\nNode count: \\d+\\n';
const brief = ' /\\S+\\[\\w+\\]\\(queued=\\d+,recved=\\d+,sent=\\d+';
const session =
  ',sid=0x[0-9a-f]+,lop=\\w+,est=\\d+,to=\\d+(,lcxid=0x[0-9a-f]+)?,lzxid=0x[0-9a-f]+,lresp=\\d+,llat=\\d+,' +
  'minlat=\\d+,avglat=\\d+,maxlat=\\d+';

/** What recorded servers answered. */
const recorded: Partial<Record<FourLetterWord, string>> = {
  ruok: 'imok$',
  isro: 'rw$',
  gtmk: '\\d+$',
  crst: 'Connection stats reset\\.\\n$',
  srvr: `Zookeeper version: [^\\n]+\\n${statistics}`,
  stat: `Zookeeper version: [^\\n]+\\nClients:\\n(${brief}\\)\\n)+\\n${statistics}`,
  cons: `(${brief}(${session})?\\)\\n)+\\n$`,
  conf:
    'clientPort=\\d+\\nsecureClientPort=-?\\d+\\ndataDir=[^\\n]*\\ndataDirSize=\\d+\\ndataLogDir=[^\\n]*\\n' +
    'dataLogSize=\\d+\\ntickTime=\\d+\\nmaxClientCnxns=\\d+\\nminSessionTimeout=\\d+\\nmaxSessionTimeout=\\d+\\n' +
    'clientPortListenBacklog=-?\\d+\\nserverId=\\d+\\n',
  dirs: 'datadir_size: \\d+\\nlogdir_size: \\d+\\n$',
  wchs: '1 connections watching 1 paths\\nTotal watches:1\\n$',
  wchp: '/v47\\n\\t0x[0-9a-f]+\\n\\n$',
  wchc: '0x[0-9a-f]+\\n\\t/v47\\n\\n$',
  dump:
    'SessionTracker dump:\\nSession Sets \\(\\d+\\)/\\(\\d+\\):\\n[\\s\\S]*ephemeral nodes dump:\\n' +
    'Sessions with Ephemerals \\(\\d+\\):\\n[\\s\\S]*0x[0-9a-f]+:\\n\\t/v47/e\\n[\\s\\S]*Connections dump:\\n',
  envi: 'Environment:\\nzookeeper\\.version=[^\\n]+\\nhost\\.name=[^\\n]+\\n',
  mntr: 'zk_version\\t[^\\n]+\\nzk_server_state\\t\\w+\\n([^\\n]+\\n)*zk_znode_count\\t\\d+\\n',
  hash: '([0-9a-f]+: -?\\d+\\n)*$',
  srst: 'Server stats reset\\.\\n$',
};

describe('the words of ZooKeeper', () => {
  for (const [word, pattern] of Object.entries(recorded)) {
    it(`answer ${word} in the form recorded from Apache`, () => {
      expect(ask(word as FourLetterWord)).toMatch(new RegExp(`^${pattern}`));
    });
  }

  it('print cons, dump and conf exactly so', () => {
    expect(ask('cons')).toBe(
      ' /127.0.0.1:53852[1](queued=0,recved=2,sent=2,sid=0x100001b484f0003,lop=EXIS,est=1795377991062,to=5000,' +
        'lcxid=0x1,lzxid=0x47,lresp=1790971,llat=1,minlat=0,avglat=1,maxlat=1)\n' +
        ' /192.0.2.9:40000[1](queued=0,recved=2,sent=2)\n\n',
    );
    expect(ask('dump')).toContain(
      'Session Sets (2)/(2):\n0 expire at Sun Nov 22 20:06:35 UTC 2026:\n2 expire at Sun Nov 22 20:06:36 UTC 2026:\n' +
        '\t0x100001b484f0003\n\t0xfffffffffffffffe\nephemeral nodes dump:\n',
    );
    expect(ask('conf')).toContain('dataDir=/srv/data/version-2\ndataDirSize=67109337\n');
    expect(ask('hash')).toBe('80: 5472917460123456789\n');
  });

  it('print dates as Java does', () => {
    expect(javaDate(Date.UTC(2026, 0, 2, 3, 4, 5))).toBe('Fri Jan 02 03:04:05 UTC 2026');
  });

  it('count the average latency with one to four decimals', () => {
    expect(ask('srvr')).toContain('Latency min/avg/max: 0/0.2667/0\n');
    expect(ask('mntr')).toContain('zk_avg_latency\t0.2667\n');
    expect(ask('mntr')).toContain('zk_avg_readlatency\t0.0\n');
  });

  it('set the trace mask from the eight bytes that follow, and answer nothing without them', () => {
    const facts = fakeFacts();
    const mask = new Uint8Array([9, 0, 0, 0, 0, 0, 0, 1, 0xf2]).subarray(1);
    expect(argumentBytesOf('stmk')).toBe(8);
    expect(ask('stmk', facts, here, mask)).toBe('498');
    expect(ask('gtmk', facts)).toBe('498');
    expect(ask('stmk', facts)).toBe('');
  });

  it('reset counters and summaries with srst', () => {
    const facts = fakeFacts();
    facts.metrics.counter('commit_count').add(3);
    facts.metrics.summary('fsynctime').record(7);
    expect(ask('mntr', facts)).toContain('zk_max_fsynctime\t7\n');
    ask('srst', facts);
    expect(facts.calls).toEqual(['resetServerStats']);
    expect(ask('mntr', facts)).toContain('zk_commit_count\t0\n');
    expect(ask('mntr', facts)).toContain('zk_max_fsynctime\t0\n');
  });

  it('say read-only where a server is', () => {
    const facts = fakeFacts([], { mode: () => 'read-only' });
    expect(ask('isro', facts)).toBe('ro');
    expect(ask('srvr', facts)).toMatch(/^Zookeeper version: .*\nREAD-ONLY mode; serving only read-only clients\n/);
  });
});

describe('a server that does not serve', () => {
  const facts = fakeFacts([], { serving: () => ({ serving: false, reason: 'loading' }) });
  it('says so, but answers ruok, envi, gtmk and isro', () => {
    expect(ask('mntr', facts)).toBe('This ZooKeeper instance is not currently serving requests\n');
    expect(ask('ruok', facts)).toBe('imok');
    expect(ask('isro', facts)).toBe('null');
    expect(ask('gtmk', facts)).toBe('306');
    expect(ask('envi', facts)).toMatch(/^Environment:/);
  });
});

describe('the first bytes of a connection', () => {
  const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
  it('are matched at any offset, in lower case only', () => {
    expect(matchFourLetterWord(bytesOf('xxruok\n'), 2)).toBe('ruok');
    expect(matchFourLetterWord(bytesOf('RUOK'), 0)).toBeUndefined();
    expect(matchFourLetterWord(bytesOf('abcd'), 0)).toBeUndefined();
    expect(matchFourLetterWord(bytesOf('ruo'), 0)).toBeUndefined();
    expect(matchFourLetterWord(new Uint8Array([0, 0, 0, 45]), 0)).toBeUndefined();
  });
  it('may be what telnet sends at its end, which is answered by nothing', () => {
    expect(matchFourLetterWord(new Uint8Array([0xff, 0xf4, 0xff, 0xfd]), 0)).toBe('telnetClose');
    expect(ask('telnetClose', fakeFacts(), elsewhere)).toBe('');
  });
});

describe('without a whitelist', () => {
  it('other machines get the words that show no client', () => {
    for (const word of ['conf', 'dirs', 'envi', 'hash', 'isro', 'mntr', 'ruok', 'srvr', 'wchs'] as const) {
      expect(ask(word, fakeFacts(), elsewhere)).not.toContain('whitelist');
    }
    for (const word of ['cons', 'crst', 'dump', 'gtmk', 'srst', 'stmk', 'wchc', 'wchp'] as const) {
      const facts = fakeFacts();
      expect(ask(word, facts, elsewhere)).toBe(`${word} is not executed because it is not in the whitelist.\n`);
      expect(facts.calls).toEqual([]);
    }
  });
  it('other machines see no connection but their own in stat', () => {
    expect(ask('stat', fakeFacts(), elsewhere)).toMatch(/\nClients:\n \/192\.0\.2\.9:40000\[1\]\([^\n]*\)\n\nLatency/);
  });
  it('IPv6 and mapped loopback addresses are this machine, lookalikes are not', () => {
    for (const address of ['[::1]:1', '[::ffff:127.0.0.1]:1', '127.8.9.1:1']) {
      expect(ask('crst', fakeFacts(), address)).toContain('reset');
    }
    for (const address of ['127.0.0.1.example.org:1', '[::ffff:192.0.2.1]:1', '[2001:db8::1]:1']) {
      expect(ask('crst', fakeFacts(), address)).toContain('whitelist');
    }
  });
});

describe('a whitelist', () => {
  const only = (words: string): ServerFacts => fakeFacts([`-Dzookeeper.4lw.commands.whitelist=${words}`]);
  it('is followed to the letter, for callers here and elsewhere', () => {
    expect(ask('cons', only('cons, mntr'), elsewhere)).toContain('sid=');
    expect(ask('stat', only('stat'), elsewhere)).toContain('/127.0.0.1:53852');
    expect(ask('ruok', only('cons'), here)).toContain('whitelist');
    expect(ask('wchp', only('*'), elsewhere)).toContain('/v47');
  });
  it('always has srvr, and isro in read-only mode', () => {
    expect(ask('srvr', only(''), elsewhere)).toContain('Mode: ');
    expect(ask('isro', only('ruok'), elsewhere)).toContain('whitelist');
    const readOnly = fakeFacts(['-D4lw.commands.whitelist=ruok', '-Dreadonlymode.enabled=true']);
    expect(ask('isro', readOnly, elsewhere)).toBe('rw');
  });
});

it('long answers come in pieces', () => {
  const paths = Array.from({ length: 5000 }, (_, at) => [`/watched/path-${at}`, [1n]] as const);
  const facts = fakeFacts([], { watchesByPath: () => paths });
  const pieces = [...answerFourLetterWord('wchp', facts, { callerAddress: here })];
  expect(pieces.length).toBeGreaterThan(5);
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(17000);
});
