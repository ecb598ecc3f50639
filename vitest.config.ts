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
    ],
    server: { deps: { inline: [/@corral\//] } },
    testTimeout: 20_000,
    maxWorkers: 2,
  },
});
