import { parseEnsembleConfig } from '@corral/protocol';
import { describe, expect, it } from 'vitest';
import { parseLeaving, parseMembersFile, preview, previewText } from './change.ts';
import type { Change } from './change.ts';

const three = parseEnsembleConfig(
  [1, 2, 3].map((id) => `server.${id}=h${id}:2888:3888:participant;0.0.0.0:2181`).join('\n') + '\nversion=100000000',
);
const incremental = (joining: readonly string[], leaving: readonly number[] = []): Change => ({
  kind: 'incremental',
  joining,
  leaving,
});

describe('a change of the members', () => {
  it('is shown with the quorum before and after', () => {
    const text = previewText(preview(three, incremental(['server.4=h4:2888:3888;2181', 'server.5=h5:2888:3888;2181'])));
    expect(text).toContain('voters     1, 2, 3             1, 2, 3, 4, 5\n');
    expect(text).toContain('quorum     2 of 3 voters       3 of 5 voters\n');
    expect(text).toContain('survives 1 failure  survives 2 failures\n');
    expect(text).toContain('server 4 joins as participant: h4:2888:3888:participant;0.0.0.0:2181\n');
  });

  it('that lowers the tolerance says so', () => {
    const shown = preview(three, incremental([], [2]));
    expect(shown).toMatchObject({ lowersTolerance: true, steps: [expect.stringContaining('server 2 leaves')] });
    expect(shown.warnings.join()).toContain('0 instead of 1');
    expect(preview(three, incremental(['server.4=h4:2888:3888:observer;2181'])).lowersTolerance).toBe(false);
  });

  it('names who changes role, who moves, and when nothing changes', () => {
    expect(preview(three, incremental(['server.3=h3:2888:3888:observer;2181'])).steps).toEqual([
      'server 3 changes from participant to observer',
    ]);
    expect(preview(three, incremental(['server.3=h9:2888:3888;2181'])).steps[0]).toContain('server 3 moves');
    expect(preview(three, incremental(['server.3=h3:2888:3888;2181'])).changesNothing).toBe(true);
  });

  it('lets servers leave before others join, as the leader does', () => {
    expect(preview(three, incremental(['server.4=h3:2888:3888;2181'], [3])).steps).toHaveLength(2);
  });

  it('warns of an even number, and of more new voters than old ones', () => {
    expect(preview(three, incremental(['server.4=h4:2888:3888;2181'])).warnings.join()).toContain('odd numbers');
    const members = [3, 7, 8].map((id) => `server.${id}=h${id}:2888:3888;2181`);
    expect(preview(three, { kind: 'bulk', members }).warnings.join()).toContain('one server at a time');
  });

  it.each([
    [incremental([], [9]), /no server 9: 1, 2, 3/],
    [incremental([], [1, 2, 3]), /nobody would vote/],
    [incremental(['server.4=h4:2888:3888']), /client port/],
    [incremental(['server.4=h3:2888:3888;2182']), /servers 3 and 4 would share h3:2888/],
    [incremental(['server.4=h4:2888:3888;2888']), /server 4 would use h4:2888 twice/],
    [incremental(['4=h4:2888:3888;2181']), /write server\.N=/],
  ])('is refused before anybody is asked: %j', (change, message) => {
    expect(() => preview(three, change)).toThrow(message);
  });

  it('of an ensemble with groups needs the whole list', () => {
    const grouped = parseEnsembleConfig('server.1=a:1:2\nserver.2=b:1:2\ngroup.1=1:2');
    expect(() => preview(grouped, incremental([], [1]))).toThrow(/--members/);
  });

  it('takes ids and files as people write them', () => {
    expect(parseLeaving(['2,3', 'server.4'])).toEqual([2, 3, 4]);
    expect(() => parseLeaving(['two'])).toThrow(/not the id/);
    expect(parseMembersFile('# mine\nserver.1=a:1:2;2181\n\nversion=5\n')).toEqual(['server.1=a:1:2;2181']);
    expect(() => parseMembersFile('tickTime=2000')).toThrow(/tickTime/);
  });
});
