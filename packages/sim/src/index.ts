// The simulator: the ensemble on a simulated network, simulated disks and clocks, under checkers that see everything.

// Runs, by seed.
export { parseArguments, reproduction, runSeed, runSim, seedLine, simUsage } from './cli.ts';
export type { SimArguments } from './cli.ts';
export { randomRun } from './random-run.ts';
export type { RunOptions, RunReport } from './random-run.ts';
