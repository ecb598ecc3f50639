import { defineConfig } from 'vitest/config';

// Tests run on the sources: the private "corral-source" condition of every package leads there.
export default defineConfig({
  resolve: { conditions: ['corral-source'] },
  ssr: { resolve: { conditions: ['corral-source'] } },
  test: {
    include: [
      'packages/*/src/**/*.test.ts',
      'packages/*/test/**/*.test.ts',
      'bench/src/**/*.test.ts',
      'docs/*.test.ts',
      'examples/**/*.test.ts',
      'interop/**/*.test.mjs',
    ],
    server: { deps: { inline: [/@corral\//] } },
    // A hang must end some time; how busy the machine is must not decide. No test sets a limit of its own.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    teardownTimeout: 600_000,
    maxWorkers: 2,
  },
});
