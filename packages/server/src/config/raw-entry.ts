// One line of a configuration, wherever it stands: a name, a value, and the place to name in messages.

/** How an entry names its setting: by a key of a file, by a system property, or by the row itself. */
export type Naming = 'cfg' | 'property' | 'row';

export interface RawEntry {
  readonly naming: Naming;
  /** A key, a property name, or the name of a row. */
  readonly key: string;
  readonly value: string;
  /** For messages: `zoo.cfg:7`, `-Djute.maxbuffer`, `--client-port`, `ZOO_TICK_TIME`. */
  readonly where: string;
}
