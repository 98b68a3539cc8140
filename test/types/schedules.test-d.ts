import { DataLoader, optim, schedules, TensorDataset, zeros } from 'gradlet';
import { describe, expectTypeOf, test } from 'vitest';

type Schedule = schedules.Schedule;
const decay = schedules.step(30);

test('every schedule is a plain function', () => {
  expectTypeOf(decay).toEqualTypeOf<Schedule>();
  expectTypeOf(decay(3, 0.1)).toEqualTypeOf<number>();
  expectTypeOf(decay(3, 0.1, [{ step: 2, value: 0.5 }])).toEqualTypeOf<number>();
  expectTypeOf(optim.schedules.step).toEqualTypeOf<typeof schedules.step>();
  expectTypeOf((step: number, base: number) => base / step).toExtend<Schedule>();
  expectTypeOf(() => 0.1).toExtend<Schedule>();
  expectTypeOf((step: number, base: string) => `${step}${base}`).not.toExtend<Schedule>();
  // @ts-expect-error the base is missing
  decay(3);
});

describe('options', () => {
  test('have their names and values', () => {
    schedules.constant({ factor: 0.5, totalIters: 2 });
    schedules.linear({ startFactor: undefined });
    schedules.oneCycle(100, { anneal: 'linear', peak: 1, start: 0.1, end: 0, threePhase: true });
    schedules.cyclic({ max: 1, scale: (x) => 1 / x, scaleMode: 'iterations' });
    schedules.reduceOnPlateau({ mode: 'max', thresholdMode: 'abs' });
    schedules.warmupCosine(100, { warmupSteps: 10 });
  });

  test('misspelt or of the wrong kind do not compile', () => {
    // @ts-expect-error misspelt
    schedules.linear({ start: 0.1 });
    // @ts-expect-error misspelt
    schedules.step(30, { gama: 0.5 });
    // @ts-expect-error no number
    schedules.polynomial({ power: '2' });
    // @ts-expect-error PyTorch's word
    schedules.oneCycle(100, { anneal: 'cos' });
    // @ts-expect-error PyTorch's word
    schedules.cyclic({ max: 1, mode: 'exp_range' });
    // @ts-expect-error no such mode
    schedules.reduceOnPlateau({ mode: 'minimum' });
    // @ts-expect-error no function of a number
    schedules.cyclic({ max: 1, scale: (x: string) => x.length });
    // @ts-expect-error an option by position
    schedules.cosineAnnealing(100, 0.01);
  });

  test('that are needed must be given', () => {
    // @ts-expect-error the top is missing
    schedules.cyclic({ stepSizeUp: 10 });
    // @ts-expect-error the length of the warm-up is missing
    schedules.warmupCosine(100, { etaMin: 0.1 });
    // @ts-expect-error the length is missing
    schedules.cosineAnnealing();
  });
});

test('schedules are put together', () => {
  const both = schedules.sequential([decay, schedules.exponential(0.9)], [10] as const);
  expectTypeOf(schedules.chained(both, (step, base) => base / (1 + step))).toEqualTypeOf<Schedule>();
  const loader = new DataLoader(new TensorDataset(zeros([9])), { batchSize: 2 });
  expectTypeOf(schedules.perEpoch(both, loader.length)).toEqualTypeOf<Schedule>();
  expectTypeOf(schedules.preview(both, 30, { base: 0.1 })).toEqualTypeOf<number[]>();
  // @ts-expect-error not called
  schedules.chained(decay, schedules.cosineAnnealing);
  // @ts-expect-error no list
  schedules.sequential(decay, []);
  // @ts-expect-error an epoch is no schedule
  schedules.perEpoch(10, both);
  // @ts-expect-error observations say at which step
  schedules.preview(both, 30, { observations: [0.5] });
});
