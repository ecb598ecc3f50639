// What the stages of the pipeline share. Each field has one owner, named here; the stages are functions over it.

import type { JuteWriter } from '@corral/protocol';
import type { DataTree } from '../tree/data-tree.ts';
import type { WatchTable } from '../watches/watch-table.ts';
import type { Session, SessionTable } from '../sessions/session-table.ts';
import type { SessionIds } from '../sessions/session-id.ts';
import type { Permissions } from '../acl/permissions.ts';
import type { SchemeTable } from '../acl/schemes.ts';
import type { Host } from '../effects.ts';
import type { ReplicaOptions } from '../options.ts';
import type { Arena } from './arena.ts';
import type { Connection } from './connection.ts';
import type { Outstanding } from './outstanding.ts';
import type { ReplicaStats } from '../stats.ts';
import type { ClientMemory } from './memory.ts';
import type { Work } from './work.ts';

export interface Context {
  readonly options: ReplicaOptions;
  readonly host: Host;
  readonly tree: DataTree;
  readonly outstanding: Outstanding;
  readonly sessions: SessionTable;
  /** Sessions of this server alone. */
  readonly locals: SessionTable;
  /** Survives the pipeline: no id is given out twice. */
  readonly sessionIds: SessionIds;
  readonly watches: WatchTable;
  readonly permissions: Permissions;
  readonly schemes: SchemeTable;
  readonly connections: ReadonlyMap<number, Connection>;
  /** Connections whose requests are not taken for the time being. */
  readonly stalled: Set<Connection>;
  readonly stats: ReplicaStats;
  /** What clients make this server hold. */
  readonly memory: ClientMemory;
  /** How much was done since the last turn. */
  readonly work: Work;
  /** No leader: clients may only read. */
  readonly isReadOnly: boolean;
  /** The client of a session was heard. */
  heard(session: Session): void;
  /** Where the data of writes in flight is kept. */
  readonly arena: Arena;
  /** For results that are assembled before they are sent. */
  readonly scratch: JuteWriter;
  /** Moment of the input that is being handled. */
  now: number;
  wall: number;
  /** The connection's output was written to and has to be flushed at the end of the step. */
  markDirty(connection: Connection): void;
  /** Ends a connection after what is written; its session lives on. */
  readonly hangUp: (connection: Connection) => void;
}
