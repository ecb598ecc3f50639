// The server package: a Corral server for Node.

/** Runs `corral server` until it ends. */
export { runServer } from './run.ts';
/** What a server makes of its command line. */
export { ConfigError, loadConfig } from './config/load.ts';
export type { Config, LoadedConfig } from './config/load.ts';
export { reviewConfig } from './config/review.ts';
export { dataDirHolder } from './data-lock.ts';
export type { DataDirHolder } from './data-lock.ts';
/** Starts a server inside this process. */
export { startServer } from './start-server.ts';
export type { RunningServer } from './start-server.ts';
export type { HeldPorts } from './net/peer-network.ts';
/** What settings mean for a core that somebody else drives. */
export { coreOptions } from './embedded.ts';
export type { FlatSettings } from './embedded.ts';
/** Tools for data directories. */
export { NodeFiles } from './storage/node-files.ts';
export { describeDiagnosis, diagnose } from './storage/doctor.ts';
export type { DataDirectories, Diagnosis, Finding } from './storage/doctor.ts';
export { repair, tidyUp } from './storage/doctor-repair.ts';
export type { Repair } from './storage/doctor-repair.ts';
export { isUnused, planImport, runImport } from './storage/import.ts';
export { Purger } from './storage/purge.ts';
export { describeLogEnd, inspectLog, inspectSnapshot, isSoundEnd, logScanner } from './storage/inspect.ts';
export type { LogFacts, SnapshotFacts } from './storage/inspect.ts';
