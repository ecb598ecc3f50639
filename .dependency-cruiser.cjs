// Who may import whom. The table of packages is the one in ARCHITECTURE.md; a rule that fails here is a change of the
// architecture and needs a decision, not an exception.

/** What each package may import, itself and its own tests' tools aside. */
const packages = {
  protocol: [],
  core: ['protocol'],
  sim: ['core', 'protocol'],
  server: ['core', 'protocol'],
  client: ['protocol'],
  recipes: ['client'],
  testing: ['server', 'sim', 'client', 'core', 'protocol'],
  cli: ['protocol', 'core', 'sim', 'server', 'client', 'recipes', 'testing'],
  console: ['sim', 'core', 'protocol'],
};

const source = (name) => `^packages/${name}/src/`;
const test = '\\.test\\.ts$|(?<!^packages)/testing/';

const packageRules = Object.entries(packages).map(([name, allowed]) => ({
  name: `package-${name}`,
  comment: `${name} may import ${allowed.length === 0 ? 'no other package' : allowed.join(', ')}`,
  severity: 'error',
  from: { path: source(name), pathNot: test },
  to: { path: '^(packages|bench|scripts|interop)/', pathNot: `^packages/(${[name, ...allowed].join('|')})/` },
}));

/** Folders of core that know nothing of each other. */
const core = (path) => `^packages/core/src/${path}`;
const coreRule = (folder, comment, allowed) => ({
  name: `core-${folder}`,
  comment,
  severity: 'error',
  from: { path: core(`${folder}/`), pathNot: test },
  to: { path: core(''), pathNot: core(`(${[`${folder}/`, ...allowed].join('|')})`) },
});

const logVocabulary = ['log/txn\\.ts$', 'log/snapshot-node\\.ts$'];

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'files that import each other in a ring cannot be understood one at a time; types count too',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'a file that nobody imports is either a start (add it here) or left over',
      severity: 'error',
      from: { orphan: true, pathNot: ['\\.test\\.ts$', '\\.d\\.ts$', '/(index|main)\\.ts$', '/bin/'] },
      to: {},
    },
    {
      name: 'nothing-unresolved',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared-in-package-json',
      comment: 'npm hoists: what is imported must stand in the package.json of the same package',
      severity: 'error',
      from: { path: '^(packages|bench)/', pathNot: test },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'npm-dev'], pathNot: '^packages/' },
    },
    {
      name: 'no-test-code-in-sources',
      severity: 'error',
      from: { path: '^(packages|bench)/[^/]+/src/|^bench/src/', pathNot: test },
      to: { path: test },
    },
    {
      name: 'front-doors-only',
      comment: 'other packages are used through what their index exports',
      severity: 'error',
      from: { path: '^packages/([^/]+)/src/' },
      to: {
        path: '^packages/[^/]+/src/',
        pathNot: ['^packages/$1/', '^packages/[^/]+/src/index\\.ts$', '(?<!^packages)/testing/'],
      },
    },
    {
      name: 'pure-packages',
      comment: 'protocol, core and sim run in browsers and in the simulator: no platform modules, no libraries',
      severity: 'error',
      from: { path: '^packages/(protocol|core|sim)/src/', pathNot: test },
      to: { dependencyTypes: ['core', 'npm'], pathNot: '^packages/' },
    },
    {
      name: 'client-without-libraries',
      comment: 'the client has no run-time dependencies; its bridge to OpenTelemetry is for those who have that',
      severity: 'error',
      from: { path: '^packages/(client|recipes)/src/', pathNot: [test, '/client/src/opentelemetry\\.ts$'] },
      to: { dependencyTypes: ['npm'], pathNot: '^packages/' },
    },
    {
      name: 'client-core-anywhere',
      comment: 'what the entry `core` of the client leads to runs in browsers, too',
      severity: 'error',
      from: { path: '^packages/client/src/core\\.ts$' },
      to: { path: ['^(node:|net$|tls$|dns)', '^packages/client/src/(tcp|node|diagnostics)\\.ts$'], reachable: true },
    },
    ...packageRules,
    coreRule('zab', 'to zab a transaction is bytes with a zxid: it knows the effects and nothing else', [
      'effects\\.ts$',
    ]),
    coreRule(
      'tree',
      'the tree knows the words of the log (transactions, snapshot nodes) and nothing else',
      logVocabulary,
    ),
    coreRule('sessions', 'sessions know nothing of the rest', []),
    coreRule('watches', 'watches know nothing of the rest', []),
    coreRule('acl', 'access control knows nothing of the rest', []),
    coreRule('log', 'the codecs of log and snapshot know nothing of the rest', []),
    {
      name: 'core-only-replica-joins',
      comment: 'only replica.ts and member.ts join the pipeline with the broadcast',
      severity: 'error',
      from: { path: core(''), pathNot: [core('(zab/|replica\\.ts$|member\\.ts$|index\\.ts$)'), test] },
      to: { path: core('zab/') },
    },
    {
      name: 'core-pipeline-is-the-top',
      comment: 'only pipeline itself, what fills it at the start, replica.ts and member.ts see inside the pipeline',
      severity: 'error',
      from: {
        path: core(''),
        pathNot: [core('(pipeline/|replica\\.ts$|member\\.ts$|restored-state\\.ts$|index\\.ts$)'), test],
      },
      to: { path: core('pipeline/') },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    doNotFollow: { path: '(^|/)node_modules/' },
    exclude: { path: '(^|/)(dist|test-data)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['corral-source', 'import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.mjs', '.d.ts', '.json'],
      mainFields: ['module', 'main', 'types'],
    },
    tsConfig: { fileName: 'tsconfig.check.json' },
  },
};
