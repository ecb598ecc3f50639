// The scenario language: what it understands, what it says of what it does not understand, and that a script can fail.

import { expect, test } from 'vitest';
import { runScenario } from '@corral/sim';

const run = (...lines: string[]) => runScenario(['# A story.', ...lines].join('\n'));

test.each([
  [['boot A B C', 'elekt C'], /line 3: there is no command "elekt"; there are boot, .*elect/],
  [['boot A B C', 'cut A-B'], /line 3: "cut A-B" is not understood; write\n {2}cut A\|BC/],
  [['boot A B C', 'hold A->B PROPOSL'], /line 3: .*there is no packet PROPOSL; there are .*PROPOSAL/],
  [['boot A B C', 'crash A after 1 renam'], /line 3: .*the disk has no operation renam; there are .*rename/],
  [['boot B A'], /line 2: .*servers are named A, B, C/],
  [['boot A B C with ticks=3'], /line 2: there is no setting ticks; there are .*tickMs/],
  [['for k in 1..3', 'boot A B C'], /line 2: "for k in 1..3" has no "end"/],
  [['end'], /line 2: "end" without a "for"/],
  [['boot A B C', 'run $ms'], /line 3: "\$ms" stands in no loop over ms/],
  [['elect C'], /line 2: "elect C" before "boot"/],
])('a script with a mistake is refused with its line and what is allowed: %j', (lines, message) => {
  expect(() => run(...lines)).toThrow(message);
});

test('a script without a story is refused', () => {
  expect(() => runScenario('boot A B C')).toThrow('line 1: a scenario begins with a comment (#) that tells its story');
});

test('what does not come as expected is told with its line and the state of the servers', () => {
  const { failure, transcript } = run('boot A B C', 'elect C', 'settle', 'expect B leading');
  expect(failure).toMatch(/^line 5: it is not so: A following, .*C leading/);
  expect(transcript).toContain('FAILED');
});

test('a loop tells of each turn in one line, and a turn that fails is named', () => {
  const { failure, transcript } = run(
    'for server in A B',
    'boot A B C',
    'elect C',
    'settle',
    'expect no x in $server',
    'end',
  );
  expect(failure).toBeUndefined();
  expect(transcript.split('\n').filter((line) => line.startsWith('server='))).toHaveLength(2);
  const broken = run('for server in A C', 'boot A B C', 'elect C', 'settle', 'expect $server following', 'end');
  expect(broken.failure).toMatch(/^line 6: server=C: /);
});

test('two runs of a script give the same transcript', () => {
  const script = ['boot A B C with seed=5', 'elect C', 'puts 5 @C', 'power B', 'start B', 'settle'];
  expect(run(...script).transcript).toBe(run(...script).transcript);
});

test('a script that expects a broken rule fails when none is broken', () => {
  expect(run('expect violation', 'boot A B C', 'elect C').failure).toMatch(/no rule was broken/);
});
