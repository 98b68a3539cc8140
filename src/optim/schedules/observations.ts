import type { Observation } from './schedule.ts';

interface Memory<State> {
  readonly state: State;
  read: number;
  last: Observation | undefined;
}

/**
 * What a list of observations comes to, where `add` takes up one after the other. How far each list was read is remembered,
 * so that a list which has grown costs only what is new in it.
 */
export function folding<State>(
  empty: () => State,
  add: (state: State, observation: Observation) => void,
): (list: readonly Observation[]) => State {
  const memories = new WeakMap<readonly Observation[], Memory<State>>();
  return (list) => {
    let memory = memories.get(list);
    // a list that was cut short since, even if it was filled up again, is read anew
    if (!memory || memory.last !== list[memory.read - 1]) {
      memory = { state: empty(), read: 0, last: undefined };
      memories.set(list, memory);
    }
    while (memory.read < list.length) add(memory.state, list[memory.read++]!);
    memory.last = list[memory.read - 1];
    return memory.state;
  };
}

/** The same observations with their steps counted otherwise; those from before step 0 are left out. */
export function recounted(count: (step: number) => number): (list: readonly Observation[]) => Observation[] {
  return folding<Observation[]>(
    () => [],
    (list, { step, value }) => {
      const counted = count(step);
      if (counted >= 0) list.push({ step: counted, value });
    },
  );
}
