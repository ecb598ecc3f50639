// Who the members of an ensemble are, from the lines of a configuration: server.N, group.N and weight.N in the static file,
// or the dynamic file it names. Read by load.ts.

import { EnsembleConfigError, isSafeZxid, parseEnsembleConfig, zxidZero } from '@corral/protocol';
import type { EnsembleConfig, Zxid } from '@corral/protocol';
import { DynamicConfig } from './dynamic-files.ts';

/** A member's place in its ensemble. */
export interface EnsemblePlace {
  readonly sid: number;
  /** In force. */
  readonly config: EnsembleConfig;
  /** Proposed before the server stopped, newer than `config`. */
  readonly nextConfig: EnsembleConfig | undefined;
  /** The file that lists the members, when it is not the configuration file itself. */
  readonly dynamicFile?: string | undefined;
}

/** Whether a text has the line of a member. */
export const listsMembers = (text: string | undefined): boolean => text !== undefined && /^\s*server\.\d/m.test(text);

export interface MemberLines {
  /** `server.1=...` and its like, with the place each came from. */
  readonly lines: readonly { readonly text: string; readonly where: string }[];
  readonly dynamicFile: string | undefined;
  readonly configFile: string | undefined;
  readonly readFile: (path: string) => string | undefined;
}

/** The configuration of the ensemble, undefined when there is none. Throws EnsembleConfigError, which says what to change. */
export function readMembers({ lines, dynamicFile }: MemberLines): EnsembleConfig | undefined {
  if (lines.length === 0) return undefined;
  const stray = dynamicFile && lines.find(({ where }) => !where.startsWith(`${dynamicFile}:`));
  if (stray)
    throw new EnsembleConfigError(
      `${stray.where}: ${stray.text}: with dynamicConfigFile the members stand in that file only`,
    );
  const config = parseEnsembleConfig(lines.map(({ text }) => text).join('\n'));
  return { ...config, version: dynamicFile === undefined ? zxidZero : versionOf(dynamicFile) };
}

/** What was proposed last, as far as it is newer. A file that cannot be read counts for nothing: it was never in force. */
export function readNextMembers(
  current: EnsembleConfig,
  { dynamicFile, configFile, readFile }: MemberLines,
): EnsembleConfig | undefined {
  if (dynamicFile === undefined || configFile === undefined) return undefined;
  const text = readFile(DynamicConfig.nextFile(configFile));
  if (text === undefined) return undefined;
  try {
    const next = parseEnsembleConfig(text);
    return next.version > current.version ? next : undefined;
  } catch (error) {
    if (!(error instanceof EnsembleConfigError)) throw error;
    return undefined;
  }
}

/** The hexadecimal suffix of the name; 0 when it has none. */
function versionOf(file: string): Zxid {
  const suffix = /\.([0-9a-f]{1,16})$/i.exec(file)?.[1];
  const version = suffix === undefined ? NaN : Number.parseInt(suffix, 16);
  return isSafeZxid(version) ? version : zxidZero;
}
