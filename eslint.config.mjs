// Lint rules. What TypeScript's compiler settings forbid already (enums, parameter properties, unused names) is not
// repeated here; which package may import which is in .dependency-cruiser.cjs.

import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

const tests = [
  '**/*.test.ts',
  'packages/*/test/**/*.ts',
  '**/src/**/testing/**/*.ts',
  'docs/**/*.ts',
  'examples/**/*.ts',
];

/** Names that make the result of a step depend on more than its inputs. */
const impureGlobals = [
  ['Date', 'time is an input: every step is told `now` and `wall`'],
  ['performance', 'time is an input: every step is told `now`'],
  ['process', 'settings are handed in; only the host knows the process'],
  ['globalThis', 'no state outside of objects: one process can hold many replicas'],
  ['setTimeout', 'ask the host for a wake-up instead'],
  ['setInterval', 'ask the host for a wake-up instead'],
  ['setImmediate', 'ask the host for a turn instead'],
  ['queueMicrotask', 'ask the host for a turn instead'],
  ['Buffer', 'use Uint8Array: this package runs in browsers too'],
  ['crypto', 'randomness is a seeded argument'],
  ['fetch', 'effects are carried out by the host'],
  ['console', 'tell the host with a note'],
].map(([name, message]) => ({ name, message }));

const nodeOnly = ['Buffer', 'process', 'global'].map((name) => ({ name, message: 'this file runs in browsers, too' }));

const noRandom = { object: 'Math', property: 'random', message: 'randomness is a seeded argument' };

const environmentRules = [
  { object: 'process', property: 'env', message: 'only main.ts files read the environment; hand the value in' },
  { object: 'process', property: 'exit', message: 'only main.ts files end the process; return an exit code' },
];

const noNodeModules = {
  patterns: [{ regex: '^node:', message: 'this package runs anywhere: no platform modules' }],
};

const synchronousOnly = [
  { selector: ':function[async=true]', message: 'the core is synchronous: what takes time is an effect' },
  { selector: 'AwaitExpression', message: 'the core is synchronous: what takes time is an effect' },
  { selector: "Identifier[name='Promise']", message: 'the core is synchronous: what takes time is an effect' },
];

const nodeGlobals = (
  'process console Buffer URL URLSearchParams TextEncoder TextDecoder AbortController AbortSignal performance fetch ' +
  'setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate queueMicrotask structuredClone ' +
  'module require'
).split(' ');

export default defineConfig(
  globalIgnores(['**/dist/', '**/node_modules/', '**/test-data/', '.interop/', 'coverage/', 'data/']),
  {
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'max-lines': ['error', 500],
      'max-lines-per-function': ['error', { max: 60, IIFEs: true }],
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'object-shorthand': 'error',
    },
  },

  // TypeScript, with types.
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.check.json', './examples/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      // A handler of an event may be async when it deals with its own failures.
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { inheritedMethods: false } }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }],
      // Typed arrays and slots that were just checked: `!` says so more shortly than a guard that cannot fail.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Indexed access is not `| undefined` for the compiler, so that loops over bytes stay plain; a check that
      // looks unnecessary to this rule may be the one that holds.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // `() => stop()` for a function without a value is how callbacks are passed on here.
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // The form `interface` is for shapes that are implemented; `type` for the rest. Both are used.
      '@typescript-eslint/consistent-type-definitions': 'off',
      // Type parameters that appear once name the thing at the call.
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      // Async methods without await implement an interface that others need time for.
      '@typescript-eslint/require-await': 'off',
      // `a || b` where an empty string should fall through too.
      '@typescript-eslint/prefer-nullish-coalescing': 'off',
      // The reason of an AbortSignal and the cause of a failure are `unknown`, and are passed on as they came.
      '@typescript-eslint/prefer-promise-reject-errors': [
        'error',
        { allowThrowingAny: true, allowThrowingUnknown: true },
      ],
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingAny: true, allowThrowingUnknown: true }],
      '@typescript-eslint/dot-notation': ['error', { allowIndexSignaturePropertyAccess: true }],
      '@typescript-eslint/consistent-indexed-object-style': 'off',
      // `deferred<void>()` and `void (await work())` say that a value is not wanted.
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-meaningless-void-operator': 'off',
    },
  },
  {
    files: tests,
    rules: {
      'max-lines-per-function': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },

  // The pure packages: the same inputs always lead to the same outputs, in every process and in a browser.
  {
    files: ['packages/{protocol,core,sim}/src/**/*.ts'],
    ignores: tests,
    rules: {
      'no-restricted-globals': ['error', ...impureGlobals],
      'no-restricted-properties': ['error', noRandom],
      'no-restricted-imports': ['error', noNodeModules],
    },
  },
  {
    files: ['packages/{protocol,core}/src/**/*.ts'],
    ignores: tests,
    rules: { 'no-restricted-syntax': ['error', ...synchronousOnly] },
  },
  {
    files: ['packages/{server,client,recipes,testing,cli}/src/**/*.ts', 'bench/src/**/*.ts'],
    ignores: ['**/main.ts', ...tests],
    rules: { 'no-restricted-properties': ['error', ...environmentRules] },
  },

  // An engine finds the callers of a promise that was awaited, not of one that was handed on: the stack of an error
  // would not lead to the application.
  {
    files: ['packages/{client,recipes}/src/**/*.ts'],
    ignores: tests,
    rules: { '@typescript-eslint/return-await': ['error', 'always'] },
  },

  // The client runs anywhere; these files are what Node adds to it.
  {
    files: ['packages/client/src/**/*.ts'],
    ignores: ['packages/client/src/{index,node,tcp,diagnostics,opentelemetry}.ts', ...tests],
    rules: {
      'no-restricted-imports': ['error', noNodeModules],
      'no-restricted-globals': ['error', ...nodeOnly],
    },
  },

  // Scripts: plain JavaScript for Node, run as they are.
  {
    files: ['**/*.{js,mjs,cjs}'],
    extends: [tseslint.configs.recommended],
    languageOptions: { globals: Object.fromEntries(nodeGlobals.map((name) => [name, 'readonly'])) },
    rules: {
      'no-undef': 'error',
      '@typescript-eslint/no-require-imports': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }],
    },
  },
);
