// The CLI as a function, for tests and for programs that embed it.

/** Runs a command line; resolves to its exit code. Knows every command but `server`. */
export { run } from './run.ts';
export type { Context } from './context.ts';
/** What the exit codes mean. */
export { exitCodes } from './exit-codes.ts';
export type { ExitCode } from './exit-codes.ts';
