// Makes a failing sequence small: fewer steps first, then simpler arguments, for as long as it still fails.

/** `fails(steps)` plays the steps in a fresh folder and tells whether servers still differ. */
export async function shrink(steps, fails, { tries = 250 } = {}) {
  const budget = { left: tries };
  const still = async (candidate) => budget.left-- > 0 && (await fails(candidate));
  let best = steps;
  for (;;) {
    const before = JSON.stringify(best);
    best = await fewer(best, still);
    best = await simpler(best, still);
    if (JSON.stringify(best) === before || budget.left <= 0) return best;
  }
}

async function fewer(list, still) {
  let best = list;
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length;) {
      const candidate = [...best.slice(0, at), ...best.slice(at + size)];
      if (await still(candidate)) best = candidate;
      else at += size;
    }
  }
  return best;
}

async function simpler(steps, still) {
  let best = steps;
  for (let at = 0; at < best.length; at += 1) {
    const put = (step) => best.map((old, index) => (index === at ? step : old));
    for (const key of ['parts', 'steps']) {
      if (!best[at][key]) continue;
      const list = await fewer(best[at][key], (candidate) => still(put({ ...best[at], [key]: candidate })));
      best = put({ ...best[at], [key]: list });
    }
    for (const change of changes) {
      const step = change(best[at]);
      if (step && JSON.stringify(step) !== JSON.stringify(best[at]) && (await still(put(step)))) best = put(step);
    }
  }
  return best;
}

const open = [[31, 'world', 'anyone']];
const set = (key, value) => (step) => (step[key] === undefined ? null : { ...step, [key]: value });
const without = (key) => (step) => {
  const { [key]: gone, ...rest } = step;
  return gone === undefined ? null : rest;
};

const changes = [
  (step) => (step.steps?.length === 1 ? { s: step.s, ...step.steps[0] } : null),
  without('tail'),
  without('cut'),
  without('patch'),
  set('s', 0),
  set('watch', false),
  set('data', 'x'),
  set('acl', open),
  set('version', -1),
  set('flags', 0),
  set('since', 'zero'),
  ...['dataPaths', 'existPaths', 'childPaths', 'persistent', 'recursive'].map((key) => set(key, [])),
];
