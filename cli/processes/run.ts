import type { Component } from '../../common/model/well-known.js';
import { runComponent } from '../../common/runtime/component-process.js';
import { loadMain } from './components.js';

/** Runs one component in this process until a signal; resolves when it has ended cleanly. */
export const runComponentNamed = async (name: Component, file: string): Promise<void> => {
  await runComponent(await loadMain(name), file);
};
