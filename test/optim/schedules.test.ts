import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import * as gradlet from 'gradlet';
import { describe, expect, it } from 'vitest';
import { schedules } from '../../src/optim/index.ts';
import { expectClose } from '../support/close.ts';

type Schedule = schedules.Schedule;
type Observation = schedules.Observation;

interface Call {
  readonly name: string;
  readonly args: readonly unknown[];
}

interface Row extends Call {
  readonly base?: number;
  readonly of?: 'momentum';
  readonly metrics?: string;
  readonly every?: number;
  readonly values: readonly number[];
}

/** What PyTorch and optax compute, written and explained by test/reference/schedules.py. */
const reference = JSON.parse(
  readFileSync(join(import.meta.dirname, '../reference/schedules.json'), 'utf8'),
) as {
  readonly generated: string;
  readonly metrics: Record<string, (number | string)[]>;
  readonly rows: readonly Row[];
};

/** A schedule left out does not compile. `null` where nobody else has it. */
const makers = {
  chained: schedules.chained,
  constant: schedules.constant,
  cosineAnnealing: schedules.cosineAnnealing,
  cosineAnnealingWarmRestarts: schedules.cosineAnnealingWarmRestarts,
  cyclic: schedules.cyclic,
  exponential: schedules.exponential,
  lambda: schedules.lambda,
  linear: schedules.linear,
  multiStep: schedules.multiStep,
  oneCycle: schedules.oneCycle,
  perEpoch: schedules.perEpoch,
  polynomial: schedules.polynomial,
  preview: null,
  reduceOnPlateau: schedules.reduceOnPlateau,
  sequential: schedules.sequential,
  step: schedules.step,
  warmupCosine: schedules.warmupCosine,
} satisfies Record<keyof typeof schedules, ((...args: never[]) => Schedule) | null>;

/** An argument as it stands in the file: a call of a schedule, a function as a formula in x, or plain JSON. */
function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive);
  if (value === null || typeof value !== 'object') return value;
  if ('fn' in value) return new Function('x', `return ${value.fn}`);
  if ('name' in value) return build(value as Call);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revive(inner)]));
}

function build({ name, args }: Call): Schedule {
  const make = makers[name as keyof typeof makers] as (...args: unknown[]) => Schedule;
  return make(...args.map(revive));
}

const observe = (values: readonly number[], every = 1): Observation[] =>
  values.map((value, i) => ({ step: (i + 1) * every, value }));

describe(reference.generated, () => {
  it('has cases for every schedule', () => {
    const known = Object.entries(makers).flatMap(([name, make]) => (make ? [name] : []));
    expect([...new Set(reference.rows.map(({ name }) => name))].sort()).toEqual(known);
  });

  const title = ({ name, args, base = 1, of, metrics = '' }: Row): string =>
    `${name}(${args.map((arg) => JSON.stringify(arg)).join(', ')}) from ${base} ${of ?? metrics}`;
  it.each(reference.rows.map((row) => [title(row), row] as const))('%s', (_, row) => {
    const metrics = row.metrics ? reference.metrics[row.metrics]!.map(Number) : [];
    const { base = 1 } = row;
    const observations = observe(metrics, row.every);
    const values = schedules.preview(build(row), row.values.length, { base, observations });
    expectClose(values, row.values, { atol: 0 });
  });
});

const plateau = schedules.reduceOnPlateau({ patience: 1, factor: 0.5, cooldown: 1 });

/** One of each kind, for what all have in common. */
const samples = {
  chained: schedules.chained(schedules.linear({ endFactor: 0.2 }), plateau),
  constant: schedules.constant(),
  cosineAnnealing: schedules.cosineAnnealing(9, { etaMin: 0.1 }),
  cosineAnnealingWarmRestarts: schedules.cosineAnnealingWarmRestarts(3, { tMult: 2 }),
  cyclic: schedules.cyclic({ max: 3, stepSizeUp: 4, mode: 'triangular2' }),
  exponential: schedules.exponential(0.9),
  lambda: schedules.lambda((step) => 1 / (1 + step)),
  linear: schedules.linear(),
  multiStep: schedules.multiStep([2, 5]),
  oneCycle: schedules.oneCycle(20),
  perEpoch: schedules.perEpoch(schedules.sequential([schedules.exponential(0.5), plateau], [2]), 3),
  polynomial: schedules.polynomial({ totalIters: 12, power: 3 }),
  reduceOnPlateau: plateau,
  sequential: schedules.sequential([schedules.linear(), plateau, schedules.step(2)], [4, 15]),
  step: schedules.step(6),
  warmupCosine: schedules.warmupCosine(20, { warmupSteps: 5 }),
} satisfies Record<Exclude<keyof typeof schedules, 'preview'>, Schedule>;

const number = fc.oneof(fc.constant(0), fc.double({ min: 1e-3, max: 10, noNaN: true }));
const count = fc.integer({ min: 1, max: 40 });
const metrics = fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), number, fc.constant(Number.NaN)), {
  maxLength: 40,
});

describe.each(Object.entries(samples))('%s', (_, schedule) => {
  it('is previewed as it is called, with what was reported up to each step', () => {
    fc.assert(
      fc.property(number, metrics, count, (base, values, every) => {
        const observations = observe(values, every);
        const called = Array.from({ length: 30 }, (_, t) =>
          schedule(t, base, observations.slice(0, Math.floor(t / every))),
        );
        expect(schedules.preview(schedule, 30, { base, observations })).toEqual(called);
      }),
    );
  });

  it('remembers nothing that would disturb another use', () => {
    const use = fc.record({ base: number, observations: metrics.map((values) => observe(values)) });
    fc.assert(
      fc.property(fc.array(use, { minLength: 2, maxLength: 2 }), (uses) => {
        const seen = uses.map((): Observation[] => []);
        const together = Array.from({ length: 30 }, (_, t) =>
          uses.map(({ base, observations }, k) => {
            if (t > 0) seen[k]!.push(...observations.slice(t - 1, t));
            return schedule(t, base, seen[k]);
          }),
        );
        for (const [k, options] of uses.entries())
          expect(together.map((values) => values[k])).toEqual(schedules.preview(schedule, 30, options));
      }),
    );
  });

  it('is the same in a sequence of one, chained with a neutral one, and in epochs of one step', () => {
    const neutral = schedules.constant({ factor: 1 });
    const same = [
      schedules.sequential([schedule], []),
      schedules.chained(schedule),
      schedules.chained(schedule, neutral),
      schedules.chained(neutral, schedule),
      schedules.perEpoch(schedule, 1),
    ];
    fc.assert(
      fc.property(number, metrics, (base, values) => {
        const options = { base, observations: observe(values) };
        for (const other of same)
          expect(schedules.preview(other, 30, options)).toEqual(schedules.preview(schedule, 30, options));
      }),
    );
  });

  it('starts anew at its milestone', () => {
    const before = schedules.exponential(0.5);
    fc.assert(
      fc.property(number, metrics, count, (base, values, start) => {
        const observations = observe(values);
        const later = observations.map(({ step, value }) => ({ step: step + start, value }));
        const options = { base, observations: [{ step: 0, value: -1 }, ...later] };
        expect(
          schedules.preview(schedules.sequential([before, schedule], [start]), start + 20, options),
        ).toEqual([
          ...schedules.preview(before, start, { base }),
          ...schedules.preview(schedule, 20, { base, observations }),
        ]);
      }),
    );
  });
});

/** Expects every value between the lowest and the highest bound, up to rounding. */
function expectBetween(values: readonly number[], ...bounds: number[]): void {
  const [low, high] = [Math.min(...bounds) * (1 - 1e-12), Math.max(...bounds) * (1 + 1e-12)];
  expect(values.filter((value) => !(value >= low && value <= high))).toEqual([]);
}

describe('values stay between their bounds', () => {
  it('cosines', () => {
    fc.assert(
      fc.property(number, number, count, count, number, (base, etaMin, length, warmupSteps, startFactor) => {
        const show = (schedule: Schedule): number[] => schedules.preview(schedule, 100, { base });
        expectBetween(show(schedules.cosineAnnealing(length, { etaMin })), base, etaMin);
        expectBetween(
          show(schedules.cosineAnnealingWarmRestarts(length, { etaMin, tMult: warmupSteps })),
          base,
          etaMin,
        );
        const warm = show(schedules.warmupCosine(warmupSteps + length, { warmupSteps, startFactor, etaMin }));
        expectBetween(warm, base, etaMin, base * startFactor);
        expect([warm[0], warm[warmupSteps]]).toEqual([base * startFactor, base]);
        expect(new Set(warm.slice(warmupSteps + length))).toEqual(new Set([etaMin]));
      }),
    );
  });

  it('lines and powers', () => {
    fc.assert(
      fc.property(number, number, number, count, (base, startFactor, endFactor, totalIters) => {
        const show = (schedule: Schedule): number[] => schedules.preview(schedule, 50, { base });
        const line = show(schedules.linear({ startFactor, endFactor, totalIters }));
        expectBetween(line, base * startFactor, base * endFactor);
        expect(line[0]).toBe(base * startFactor);
        expect(new Set(line.slice(totalIters))).toEqual(new Set([base * endFactor]));
        const power = show(schedules.polynomial({ totalIters, power: startFactor + 1e-3 }));
        expectBetween(power, base, 0);
        expect(new Set(power.slice(totalIters))).toEqual(new Set([0]));
        expectBetween(
          show(schedules.constant({ factor: startFactor, totalIters })),
          base,
          base * startFactor,
        );
      }),
    );
  });

  it('cycles', () => {
    const options = fc.record({
      peak: number,
      start: number,
      end: number,
      pctStart: fc.double({ min: 0, max: 0.5, noNaN: true }),
      anneal: fc.constantFrom('cosine', 'linear'),
      threePhase: fc.boolean(),
    });
    fc.assert(
      fc.property(options, count, (options, totalSteps) => {
        const { peak, start, end } = options;
        const course = schedules.preview(schedules.oneCycle(totalSteps, options), totalSteps + 9);
        expectBetween(course, peak, start, end);
        expect(new Set(course.slice(totalSteps - 1))).toEqual(new Set([end]));
        const cycles = schedules.cyclic({ max: peak, stepSizeUp: totalSteps, stepSizeDown: 3 });
        expectBetween(schedules.preview(cycles, 99, { base: start }), peak, start);
      }),
    );
  });

  it('plateaus', () => {
    const factor = fc.double({ min: 0, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(number, number, factor, metrics, (base, min, factor, values) => {
        const schedule = schedules.reduceOnPlateau({ min, factor, patience: 0 });
        const course = schedules.preview(schedule, 41, { base, observations: observe(values) });
        expectBetween(course, base, Math.min(base, min));
        expect(course).toEqual(course.toSorted((a, b) => b - a));
      }),
    );
  });
});

describe('oneCycle, where PyTorch gives nothing', () => {
  it('stays at the last value when the training goes on', () => {
    const course = schedules.preview(schedules.oneCycle(10, { end: 0.5 }), 14);
    expect(course.slice(9)).toEqual([0.5, 0.5, 0.5, 0.5, 0.5]);
    expect(schedules.oneCycle(4, { pctStart: 1 })(100, 3)).toBe(3);
  });

  it('is at its peak at once when the way there has no length', () => {
    expect(
      schedules.preview(schedules.oneCycle(10, { pctStart: 0.1, anneal: 'linear', end: 0 }), 10)[0],
    ).toBe(1);
    const three = schedules.preview(schedules.oneCycle(10, { pctStart: 0.1, threePhase: true }), 10);
    expect(three.every(Number.isFinite)).toBe(true);
    expect([three[0], three[9]]).toEqual([1, 0.04 / 1e4]);
  });
});

describe('long lists of observations', () => {
  /** A list that counts how often its elements are read. */
  function counting(list: Observation[]): { list: Observation[]; reads: () => number } {
    let reads = 0;
    const get = (target: Observation[], key: string | symbol): unknown => {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads++;
      return Reflect.get(target, key);
    };
    return { list: new Proxy(list, { get }), reads: () => reads };
  }

  it.each([
    ['reduceOnPlateau', plateau],
    ['sequential', samples.sequential],
    ['perEpoch', samples.perEpoch],
  ])('%s reads only what is new', (_, schedule) => {
    const seen: Observation[] = [];
    const { list, reads } = counting(seen);
    for (let t = 0; t < 1000; t++) {
      if (t > 0) seen.push({ step: t, value: Math.cos(t) });
      schedule(t, 1, list);
    }
    expect(reads()).toBeLessThan(5000);
  });

  it('the parts of sequential and perEpoch get one list that grows', () => {
    const lists = new Set<unknown>();
    const sizes: number[] = [];
    const spy: Schedule = (_, base, observations) => {
      lists.add(observations);
      sizes.push(observations!.length);
      return base;
    };
    const nested = schedules.perEpoch(schedules.sequential([schedules.constant(), spy], [2]), 2);
    schedules.preview(nested, 9, { observations: observe([5, 6, 7, 8], 2) });
    expect(lists.size).toBe(1);
    expect(sizes).toEqual([1, 1, 2, 2, 3]);
  });

  it('parts see steps counted from their milestone, and whole epochs', () => {
    const seen: unknown[] = [];
    const spy: Schedule = (step, base, observations) => {
      seen.push([step, observations?.map((o) => `${o.value} at ${o.step}`).join(', ')]);
      return base;
    };
    const observations = observe([10, 20, 30, 40], 2);
    schedules.sequential([spy, spy], [5])(8, 1, observations);
    schedules.perEpoch(spy, 3)(8, 1, observations);
    schedules.sequential([spy, spy], [5])(8, 1);
    schedules.perEpoch(spy, 3)(8, 1);
    expect(seen).toEqual([
      [3, '30 at 1, 40 at 3'],
      [2, '10 at 0, 20 at 1, 30 at 2, 40 at 2'],
      [3, undefined],
      [2, undefined],
    ]);
  });

  it('are read anew when they are cut short, also when they are filled up again', () => {
    const change = fc.record({ list: fc.nat(1), keep: fc.nat(6), push: fc.nat(5) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
        const lists: Observation[][] = [[], []];
        for (const [t, { list: k, keep, push }] of changes.entries()) {
          const list = lists[k]!;
          if (keep < list.length) list.length = keep;
          list.push({ step: t, value: push });
          expect(plateau(t, 1, list)).toBe(plateau(t, 1, [...list]));
        }
      }),
    );
  });
});

describe('lists that were given', () => {
  it('may be changed afterwards', () => {
    const [milestones, parts, starts] = [[2], [schedules.constant(), schedules.step(3)], [2]];
    const made = [schedules.multiStep(milestones), schedules.sequential(parts, starts)];
    const before = made.map((schedule) => schedules.preview(schedule, 8));
    milestones.push(3);
    starts[0] = 4;
    parts.reverse();
    expect(made.map((schedule) => schedules.preview(schedule, 8))).toEqual(before);
  });
});

it('an option that is undefined counts as left out', () => {
  const course = (schedule: Schedule): number[] => schedules.preview(schedule, 20);
  expect(course(schedules.linear({ startFactor: undefined }))).toEqual(course(schedules.linear()));
  const options = { peak: undefined, anneal: undefined, end: undefined };
  expect(course(schedules.oneCycle(20, options))).toEqual(course(schedules.oneCycle(20)));
});

it('gradlet exports them under one name', () => {
  expect(gradlet.schedules).toBe(schedules);
});
