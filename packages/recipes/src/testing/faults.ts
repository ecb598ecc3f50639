// The faults of the matrix. Each of them strikes one request of the client, counted from the beginning of the operation; a
// scenario is run again for every request it makes.

import { ZkError } from '@corral/client';
import { LostError } from '../errors.ts';
import type { Stage } from './stage.ts';

export interface MatrixFault {
  readonly name: string;
  /** Prepares the fault for the nth request of the struck client. */
  inject(stage: Stage, nth: number): void;
  /** Whether the operation may fail like this, unless its scenario says otherwise. */
  mayFailWith(error: unknown, stage: Stage): boolean;
}

const isOver = (error: unknown): boolean => error instanceof LostError || ZkError.is(error, 'SessionExpired');
const isAborted = (error: unknown, { signal }: Stage): boolean =>
  signal.aborted && (error === signal.reason || ZkError.is(error, 'Aborted'));

export const whens = ['beforeApply', 'afterApply'] as const;
const suffix = { beforeApply: 'before it is applied', afterApply: 'after it was applied' } as const;

const session = ({ zk }: Stage): bigint => zk.session!.id;

export const faults: readonly MatrixFault[] = whens.flatMap((when): MatrixFault[] => [
  {
    name: `the connection breaks ${suffix[when]}`,
    inject: (stage, nth) => void stage.server.faults.inject({ session: session(stage), nth, when, do: 'disconnect' }),
    mayFailWith: () => false,
  },
  {
    name: `the session expires ${suffix[when]}`,
    inject: (stage, nth) => void stage.server.faults.inject({ session: session(stage), nth, when, do: 'expire' }),
    mayFailWith: isOver,
  },
  {
    name: `the caller gives up ${suffix[when]}`,
    inject: (stage, nth) =>
      void stage.server.faults.inject({
        session: session(stage),
        nth,
        when,
        do: () => stage.controller.abort(new DOMException('enough', 'AbortError')),
      }),
    mayFailWith: isAborted,
  },
]);

/** Both may fail, the work and then the end of what it used. */
function isDenied(error: unknown): boolean {
  if (error instanceof Error && error.name === 'SuppressedError') {
    const both = error as Error & { readonly error: unknown; readonly suppressed: unknown };
    return isDenied(both.error) && isDenied(both.suppressed);
  }
  return ZkError.is(error, 'NoAuth') || isOver(error);
}

export const denied: MatrixFault = {
  name: 'an ACL denies it',
  inject: (stage, nth) => void stage.server.faults.inject({ session: session(stage), nth, do: { error: 'NoAuth' } }),
  mayFailWith: isDenied,
};
