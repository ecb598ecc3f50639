// The page docs/reference/cli.md, from the commands themselves.

import type { Command } from 'commander';
import type { Context } from './context.ts';
import { explanations } from './explanations.ts';
import { makeProgram } from './run.ts';

const nowhere: Context = {
  env: {},
  stdout: { write: () => true },
  stderr: { write: () => true },
  stdin: (async function* nothing() {
    // No command is run.
  })(),
  readFile: () => Promise.reject(new Error('no command is run')),
  interrupted: () => new AbortController().signal,
};

const exitCodeRows = [
  ['0', 'done'],
  ['1', 'refused, or problems found'],
  ['2', 'the command line makes no sense, or an answer is missing'],
  ['3', 'no server could be reached, or the link broke'],
  ['4', 'not allowed, or the identity was refused'],
  ['5', 'the node does not exist'],
  ['6', 'it exists already, has another version, or has children'],
  ['124', 'no answer, or not our turn, in time'],
  ['other', 'of the command that `lock`, `elect`, `semaphore`, `barrier enter` or `queue take` ran'],
] as const;

export async function cliReference(): Promise<string> {
  const program = await makeProgram([], nowhere);
  const commands = program
    .createHelp()
    .visibleCommands(program)
    .filter((command) => command.name() !== 'help');
  const groups = new Map<string, Command[]>();
  for (const command of commands) {
    const name = command.helpGroup();
    groups.set(name, [...(groups.get(name) ?? []), command]);
  }
  const sections = [...groups].flatMap(([name, members]) => [
    `## ${name.replace(/:$/, '')}`,
    '',
    ...members.flatMap((command) => sectionOf(command, `corral ${command.name()}`)),
  ]);
  return [
    '<!-- Written by `npm run docs` from packages/cli/src/commands. Do not edit. -->',
    '',
    '# The command corral',
    '',
    'Every command has `--help` with examples. `corral cli` has options of its own: see the guide to it.',
    '',
    '## Options of every command',
    '',
    ...optionTable(program),
    '## Exit codes',
    '',
    ...table(['code', 'meaning'], exitCodeRows),
    ...sections,
    '## What to do about errors',
    '',
    ...table(
      ['error', 'meaning', 'advice'],
      Object.entries(explanations).map(([name, { meaning, advice }]) => [`\`${name}\``, meaning, advice]),
    ),
  ].join('\n');
}

function sectionOf(command: Command, name: string): string[] {
  const help = command.createHelp();
  const parts = help.visibleCommands(command).filter((part) => part.name() !== 'help');
  const usage = parts.length > 0 ? '' : command.registeredArguments.map((one) => ` ${argumentText(one)}`).join('');
  const words = help
    .visibleArguments(command)
    .filter(({ description }) => description !== '')
    .map((one) => [`\`${one.name()}\``, one.description]);
  return [
    `### ${name}`,
    '',
    sentence(command.description()),
    '',
    ...(parts.length > 0 ? [] : ['```text', `${name}${usage}`, '```', '']),
    ...(words.length === 0 ? [] : table(['argument', 'meaning'], words)),
    ...optionTable(command),
    ...parts.flatMap((part) => sectionOf(part, `${name} ${part.name()}`)),
  ];
}

const argumentText = (one: { name(): string; required: boolean; variadic: boolean }): string => {
  const name = `${one.name()}${one.variadic ? '...' : ''}`;
  return one.required ? `<${name}>` : `[${name}]`;
};

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function optionTable(command: Command): string[] {
  const rows = command
    .createHelp()
    .visibleOptions(command)
    .filter(({ long }) => long !== '--help')
    .map(({ flags, description, argChoices, defaultValueDescription, defaultValue }) => {
      const choices = argChoices === undefined ? '' : `; one of ${argChoices.map((one) => `\`${one}\``).join(', ')}`;
      const shown: unknown = defaultValueDescription ?? defaultValue;
      const usual = typeof shown === 'string' && shown !== '' ? `; default: ${shown}` : '';
      return [`\`${flags}\``, `${description}${choices}${usual}`];
    });
  return rows.length === 0 ? [] : table(['option', 'meaning'], rows);
}

function table(head: readonly string[], body: readonly (readonly string[])[]): string[] {
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return [row(head), row(head.map(() => '---')), ...body.map(row), ''];
}
