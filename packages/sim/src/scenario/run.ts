// Runs a scenario: statement after statement on the virtual clock, under all checkers, to the same transcript every time.

import type { Defect } from '@corral/core';
import { parseDefect } from '../defects.ts';
import { plainKnobs } from '../knobs.ts';
import { Violation } from '../checkers/violation.ts';
import { commandOf } from './commands.ts';
import { endScene } from './ending.ts';
import { ScenarioError, readScript, withValues } from './script.ts';
import type { Block, Loop, Statement } from './script.ts';
import { Stage, Unmet } from './stage.ts';
import { readBoot, readFileLine } from './boot.ts';

export interface ScenarioReport {
  readonly story: string;
  readonly transcript: string;
  /** What did not come as the script says; undefined when all did. */
  readonly failure: string | undefined;
  /** Simulated time, of all ensembles that were booted. */
  readonly simulatedMs: number;
  readonly events: number;
}

/** More crash points than any operation has. */
const crashPointsMax = 300;

/** Runs the text of a scenario. Throws ScenarioError when it cannot be read. */
export function runScenario(text: string): ScenarioReport {
  const script = readScript(text);
  const run = new ScenarioRun();
  run.checkAll(script.blocks, new Map());
  const failure = run.play(script.blocks);
  return {
    story: script.story,
    transcript: `${run.lines.join('\n')}\n`,
    failure,
    simulatedMs: run.simulatedMs,
    events: run.events,
  };
}

class ScenarioRun {
  readonly lines: string[] = [];
  simulatedMs = 0;
  events = 0;
  #stage: Stage | undefined;
  #defects = new Set<Defect>();
  /** The rule that this scenario shall see broken, because a defect was put in. */
  #expected: number | 'any' | undefined;
  #line = 0;

  // Reading.

  /** Every statement is understood before the first runs. */
  checkAll(blocks: readonly Block[], values: ReadonlyMap<string, string>): void {
    for (const block of blocks) {
      if (block.kind === 'loop') {
        const first = block.values === 'crash points' ? '1' : block.values[0];
        this.checkAll(block.body, new Map([...values, [block.variable, first]]));
        continue;
      }
      const { line, text } = withValues(block, values);
      if (readFileLine(text) === undefined && readBoot(text, line, plainKnobs) === undefined) commandOf(text, line);
    }
  }

  // Running.

  /** Returns what went wrong, with its line. */
  play(blocks: readonly Block[]): string | undefined {
    try {
      this.#blocks(blocks, new Map());
      this.#end();
      if (this.#expected !== undefined) return `line ${this.#line}: no rule was broken, although a defect was put in`;
      return undefined;
    } catch (error) {
      if (error instanceof ScenarioError) throw error;
      if (!(error instanceof Unmet) && !(error instanceof Violation)) throw error;
      this.#close();
      if (error instanceof Violation && this.#isExpected(error)) return undefined;
      this.lines.push(`    FAILED: ${error.message}`);
      return `line ${this.#line}: ${error.message}`;
    }
  }

  #isExpected({ invariant, title }: Violation): boolean {
    if (this.#expected !== 'any' && this.#expected !== invariant) return false;
    this.lines.push(`    caught: invariant ${invariant} (${title})`);
    return true;
  }

  #blocks(blocks: readonly Block[], values: ReadonlyMap<string, string>): void {
    for (const block of blocks) {
      if (block.kind === 'loop') this.#loop(block, values);
      else this.#statement(withValues(block, values));
    }
  }

  #loop(loop: Loop, values: ReadonlyMap<string, string>): void {
    const { variable, body } = loop;
    if (loop.values !== 'crash points') {
      for (const value of loop.values) this.#turn(body, values, variable, value);
      return;
    }
    for (let k = 1; ; k++) {
      if (k > crashPointsMax) throw new ScenarioError(loop.line, `more than ${crashPointsMax} crash points`);
      if (this.#turn(body, values, variable, String(k)) === 0) return;
    }
  }

  /** One turn of a loop, which is an ensemble of its own; told in one line. Returns how many crash points have struck. */
  #turn(body: readonly Block[], values: ReadonlyMap<string, string>, variable: string, value: string): number {
    const before = this.lines.splice(0);
    try {
      this.#blocks(body, new Map([...values, [variable, value]]));
      const crashes = this.#stage?.crashes ?? 0;
      this.#end();
      const told = this.lines.splice(0).filter(isNotable);
      before.push(`${variable}=${value}: ${told.map((line) => line.replace(/^> .*|^\s+/, '')).join('; ')}`);
      return crashes;
    } catch (error) {
      if (error instanceof Unmet) error.message = `${variable}=${value}: ${error.message}`;
      throw error;
    } finally {
      this.lines.unshift(...before);
    }
  }

  #statement({ line, text }: Statement): void {
    this.#line = line;
    const setting = readFileLine(text);
    if (setting !== undefined) {
      if (setting.defect !== undefined) this.#defects.add(parseDefect(setting.defect));
      else this.#expected = setting.violation;
      return;
    }
    const boot = readBoot(text, line, plainKnobs);
    if (boot !== undefined) {
      this.#end();
      this.#stage = new Stage({ ...boot, defects: this.#defects });
      this.#stage.story.statement(text);
      if (!boot.isStarted) return;
      const { cluster } = this.#stage;
      for (const sid of cluster.config.members.keys()) this.#stage.start(cluster.node(sid));
      return;
    }
    if (this.#stage === undefined) throw new ScenarioError(line, `"${text}" before "boot"`);
    this.#stage.story.statement(text);
    const { command, words } = commandOf(text, line);
    command.act(this.#stage, words);
  }

  /** The end of one ensemble's play. */
  #end(): void {
    const stage = this.#stage;
    if (stage === undefined) return;
    stage.story.statement('end');
    endScene(stage);
    this.#close();
  }

  #close(): void {
    const stage = this.#stage;
    if (stage === undefined) return;
    this.lines.push(...stage.story.lines);
    this.simulatedMs += stage.cluster.queue.now;
    this.events += stage.cluster.queue.count;
    this.#stage = undefined;
  }
}

/** What is told of a turn of a loop: crashes, starts that came to nothing, how servers were synchronised, the end. */
const isNotable = (line: string): boolean =>
  /loses power behind|halts|refuses|DIFF (?!0\.0)|TRUNC|SNAP| leads epoch \d+, all hold|FAILED/.test(line) &&
  !line.startsWith('>');
