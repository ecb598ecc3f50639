import { Writable } from 'node:stream';

import { expect, it } from 'vitest';

import { Secret } from './config/kinds.ts';
import { Logger } from './log.ts';
import type { LogLevel } from './log.ts';

function capture(format: 'json' | 'pretty', level: LogLevel = 'info') {
  let text = '';
  const destination = new Writable({
    write(chunk: Buffer, _, done) {
      text += chunk.toString();
      done();
    },
  });
  let clock = 1000;
  const logger = new Logger({ level, format, destination, now: () => clock++ });
  return { logger, text: () => text };
}

const hostile = 'a\nforged line\u001b[2J\u2028b';

it('lines before the library is loaded are kept with their times', async () => {
  const { logger, text } = capture('json');
  logger.info({ port: 2181 }, 'listening');
  logger.debug({}, 'not written');
  expect(text()).toBe('');
  await logger.open();
  logger.warn({ session: 5n, key: new Secret('SENTINEL') }, 'later');
  const lines = text().trimEnd().split('\n');
  expect(lines[0]).toBe('{"level":"info","time":"1970-01-01T00:00:01.000Z","port":2181,"msg":"listening"}');
  expect(lines[1]).toContain('"time":"1970-01-01T00:00:01.001Z"');
  expect(lines).toHaveLength(2);
  expect(text()).not.toContain('SENTINEL');
});

it('a start that fails writes its lines without the library', () => {
  const { logger, text } = capture('json');
  logger.fatal({ error: new Error('no disk'), id: 7n }, hostile);
  logger.flush();
  expect(text().trimEnd().split('\n')).toHaveLength(1);
  expect(JSON.parse(text())).toMatchObject({ level: 'fatal', msg: hostile, id: '7', error: { message: 'no disk' } });
});

it('clients cannot forge lines or move the cursor, in either form', async () => {
  for (const format of ['json', 'pretty'] as const) {
    const { logger, text } = capture(format);
    await logger.open();
    const error = new Error(hostile);
    logger.error({ path: hostile, error, nested: { deep: hostile } }, hostile);
    await new Promise((resolve) => setImmediate(resolve));
    expect(text()).not.toContain('\u001b');
    expect(text()).not.toMatch(/^forged line/m);
    expect(text()).toContain('forged line');
  }
});
