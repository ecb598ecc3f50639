// The simulator: the ensemble on a simulated network, simulated disks and clocks, under checkers that see everything.

export { knownDefects } from '@corral/core';

// Runs, by seed.
export { reproduction, runSeed, seedLine } from './seed.ts';
export type { SeedOptions } from './seed.ts';
export type { RunReport } from './random-run.ts';
// Scenarios, by text.
export { runScenario } from './scenario/run.ts';
export type { ScenarioReport } from './scenario/run.ts';
export { ScenarioError } from './scenario/script.ts';
// Time that passes when it is told to.
export { EventQueue } from './events.ts';
export type { SimEvent } from './events.ts';
