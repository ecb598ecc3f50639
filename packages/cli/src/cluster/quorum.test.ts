import { parseEnsembleConfig } from '@corral/protocol';
import { describe, expect, it } from 'vitest';
import { isQuorum, quorumFacts } from './quorum.ts';

const ensemble = (voters: number, extra = '') =>
  parseEnsembleConfig(
    Array.from({ length: voters }, (_, i) => `server.${i + 1}=h${i + 1}:2888:3888`).join('\n') + `\n${extra}`,
  );

describe('the quorum', () => {
  it.each([
    [1, 1, 0],
    [2, 2, 0],
    [3, 2, 1],
    [4, 3, 1],
    [5, 3, 2],
    [7, 4, 3],
  ])('of %i voters takes %i and survives %i failures', (voters, size, survives) => {
    expect(quorumFacts(ensemble(voters))).toMatchObject({ size, survives });
  });

  it('leaves observers out', () => {
    expect(quorumFacts(ensemble(3, 'server.9=h9:2888:3888:observer'))).toMatchObject({ voters: [1, 2, 3], size: 2 });
  });

  it('survives less while voters are down, and says when it is gone', () => {
    expect(quorumFacts(ensemble(5), [1, 2, 3, 4]).survives).toBe(1);
    expect(quorumFacts(ensemble(5), [1, 2, 3]).survives).toBe(0);
    expect(quorumFacts(ensemble(5), [1, 2]).survives).toBe(-1);
  });

  it('of groups is judged by its worst case', () => {
    const grouped = ensemble(9, 'group.1=1:2:3\ngroup.2=4:5:6\ngroup.3=7:8:9');
    expect(isQuorum(grouped, new Set([1, 2, 4, 5]))).toBe(true);
    expect(isQuorum(grouped, new Set([1, 2, 3, 4, 7]))).toBe(false);
    // Two failures in each of two groups take it away, wherever the other servers are.
    expect(quorumFacts(grouped)).toMatchObject({ size: 4, survives: 3 });
  });

  it('counts weights, and servers without weight not at all', () => {
    const weighted = ensemble(3, 'group.1=1:2:3\nweight.1=3\nweight.2=1\nweight.3=0');
    expect(isQuorum(weighted, new Set([1]))).toBe(true);
    expect(isQuorum(weighted, new Set([2, 3]))).toBe(false);
    expect(quorumFacts(weighted)).toMatchObject({ size: 1, survives: 0 });
  });
});
