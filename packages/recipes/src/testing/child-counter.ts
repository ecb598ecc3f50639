// Sets the counter from which a node numbers its sequential children: two thousand million creations would take a while.

import type { TestServer } from '@corral/testing';

interface Insides {
  readonly pipeline: {
    readonly ctx: {
      readonly tree: { find(path: string): number; readonly nodes: { readonly cversion: Int32Array } };
    };
  };
}

/** The next sequential child of the node gets this number. */
export function setChildCounter(server: TestServer, path: string, next: number): void {
  const { tree } = (server as unknown as Insides).pipeline.ctx;
  tree.nodes.cversion[tree.find(path)] = next;
}
