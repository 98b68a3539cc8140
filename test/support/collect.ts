import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Runs the garbage collector until everything that nothing refers to is gone, as far as one can tell. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // a WeakRef keeps its target alive until the current job ends
  for (let i = 0; i < 3; i++) {
    await setTimeout(1);
    collect();
  }
}
