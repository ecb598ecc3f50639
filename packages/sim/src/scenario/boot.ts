// The statements that stand before everything else: what ensemble is booted, and what is wrong with it on purpose.

import { parseKnobs } from '../knobs.ts';
import type { Knobs } from '../knobs.ts';
import type { MemberSettings } from '../member-machine.ts';
import { ScenarioError } from './script.ts';

export interface Boot {
  readonly knobs: Knobs;
  readonly settings: MemberSettings;
  readonly seed: number;
  readonly isStarted: boolean;
}

const bootUsage =
  'boot A B C [observers D] [joiners E] [with seed=1 tickMs=200 counterMax=8 readOnly=1 ...]; "cluster" starts nobody';

/** Reads `boot ...` and `cluster ...`; undefined for any other statement. */
export function readBoot(text: string, line: number, base: Knobs): Boot | undefined {
  if (!/^(boot|cluster)\b/.test(text)) return undefined;
  const match =
    /^(boot|cluster) ((?:[A-I] ?)+)(?: ?observers ((?:[A-I] ?)+))?(?: ?joiners ((?:[A-I] ?)+))?(?: ?with (.+))?$/.exec(
      text,
    );
  if (match === null) throw new ScenarioError(line, `"${text}": write ${bootUsage}`);
  const [, verb, voterNames, observerNames = '', joinerNames = '', settingsText = ''] = match;
  const voters = voterNames.replace(/ /g, '');
  const observers = observerNames.replace(/ /g, '');
  const joiners = joinerNames.replace(/ /g, '');
  const all = voters + observers + joiners;
  if (!'ABCDEFGHI'.startsWith(all))
    throw new ScenarioError(
      line,
      `"${text}": servers are named A, B, C, ... in this order, observers behind voters, joiners last`,
    );
  const { knobs, settings, seed } = readSettings(settingsText, line, base);
  return {
    knobs: { ...knobs, voters: voters.length, observers: observers.length, joiners: joiners.length },
    settings: joiners === '' ? settings : { reconfigEnabled: true, ...settings },
    seed,
    isStarted: verb === 'boot',
  };
}

function readSettings(text: string, line: number, base: Knobs): Pick<Boot, 'knobs' | 'settings' | 'seed'> {
  let seed = 1;
  let settings: MemberSettings = {};
  const others: string[] = [];
  for (const word of text.split(' ').filter((part) => part !== '')) {
    const [name, value] = word.split('=');
    if (!/^\d+$/.test(value ?? '')) throw new ScenarioError(line, `"${word}": a setting is NAME=NUMBER`);
    if (name === 'seed') seed = Number(value);
    else if (name === 'readOnly') settings = { ...settings, readOnlyEnabled: value === '1' };
    else if (name === 'reconfig') settings = { ...settings, reconfigEnabled: value === '1' };
    else if (name === 'forceSnapshotSync') settings = { ...settings, forceSnapshotSync: value === '1' };
    else if (name in base) others.push(word);
    else {
      const known = ['seed', 'readOnly', 'reconfig', 'forceSnapshotSync', ...Object.keys(base)].join(', ');
      throw new ScenarioError(line, `there is no setting ${name}; there are ${known}`);
    }
  }
  return { knobs: parseKnobs(others.join(','), base), settings, seed };
}

/** `defect A14` and `expect violation [8]`, which hold for a whole file. */
export function readFileLine(
  text: string,
):
  | { readonly defect: string; readonly violation?: undefined }
  | { readonly defect?: undefined; readonly violation: number | 'any' }
  | undefined {
  const defect = /^defect ([A-Z][A-Za-z0-9-]*)$/.exec(text);
  if (defect !== null) return { defect: defect[1] };
  const violation = /^expect violation( \d+)?$/.exec(text);
  if (violation === null) return undefined;
  return { violation: violation[1] === undefined ? 'any' : Number(violation[1]) };
}
