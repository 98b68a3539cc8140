import type { DType, TypedArray } from '../core/dtype.ts';
import { checkKeys, GradletError, show } from '../core/errors.ts';
import { indexOf } from '../core/shape.ts';
import type { GpuMode } from '../kernels/gpu-modes.ts';
import { CompiledRule } from '../optim/compiled.ts';
import type { AnyOptimizerClass } from '../optim/define.ts';
import { everyKind } from '../optim/kinds.ts';
import type { Optimizer } from '../optim/optimizer.ts';
import { createOptimizer, type OptimizerName, optimizerClass } from '../optim/registry.ts';
import { contiguousData, type Tensor, tensor } from '../tensor/index.ts';
import { literalCourse } from './literal.ts';
import type { RowOptions } from './reference.ts';

/** Options of {@link optimizerContract}. */
export interface ContractOptions {
  /** Hyperparameters to check with. Default: the optimizer's own. */
  readonly options?: RowOptions;
  /** The backend of gpu.js to compare the loop with; `null` leaves it out. Default `'webasm'`, which runs everywhere. */
  readonly gpu?: GpuMode | null;
}

/** One thing that every optimizer must do. */
export interface ContractCheck {
  /** What it must do. */
  readonly name: string;
  /** Checks it; throws a {@link ContractError} that says where it does not. */
  readonly run: () => void | Promise<void>;
}

/** An optimizer does not do what every optimizer must. */
export class ContractError extends GradletError {}

type Create = (params: unknown, more?: object) => Optimizer;

const STEPS = 8;
const SHAPES = [[3, 2], [4]] as const;

/** Numbers that look like none in particular. */
const wave = (size: number, seed: number): number[] =>
  Array.from({ length: size }, (_, i) => 1.5 * Math.sin(1.7 * i + seed * seed + 0.4));

const start = (dtype: DType = 'float64'): Tensor[] =>
  SHAPES.map((shape, k) => {
    const size = shape.reduce((a, b) => a * b, 1);
    return tensor(tensor(wave(size, k), { dtype }).reshape(shape), { requiresGrad: true });
  });

/** A loss to be made small, with other weights at every step: Σ weight / 2 · (p − 0.3)². */
function lossAt(params: readonly Tensor[], t: number, scale = 1): () => number {
  return () => {
    let loss = 0;
    for (const [k, p] of params.entries()) {
      const weights = wave(p.size, k + t).map((x) => scale * (1.6 + x));
      const away = Array.from(contiguousData(p), (x) => x - 0.3);
      loss += away.reduce((sum, d, i) => sum + (weights[i]! / 2) * d * d, 0);
      p.grad = tensor(
        away.map((d, i) => weights[i]! * d),
        { dtype: p.dtype },
      ).reshape(p.shape);
    }
    return loss;
  };
}

function train(optimizer: Optimizer, params: readonly Tensor[], from = 1, to = STEPS): void {
  for (let t = from; t <= to; t++) optimizer.step(lossAt(params, t));
}

/** Compares parameter by parameter, number by number. */
class Comparison {
  readonly #where: string;
  readonly #tolerance: number;

  constructor(where: string, tolerance = 0) {
    this.#where = where;
    this.#tolerance = tolerance;
  }

  same(mustHold: string, found: readonly Tensor[], expected: readonly Tensor[], whatToDo?: string): void {
    for (const [k, p] of found.entries()) {
      const [x, y] = [contiguousData(p), contiguousData(expected[k]!)];
      const at = x.findIndex((one, i) => !this.#close(one, y[i]!));
      if (at < 0) continue;
      const place = `[${indexOf(at, p.shape).join(', ')}] of parameter ${k}`;
      throw new ContractError(this.#where, mustHold, `${x[at]} instead of ${y[at]} at ${place}`, whatToDo);
    }
  }

  #close(x: number, y: number): boolean {
    return Object.is(x, y) || Math.abs(x - y) <= this.#tolerance * Math.max(1, Math.abs(y));
  }
}

function expectFinite(where: string, mustHold: string, params: readonly Tensor[]): void {
  for (const [k, p] of params.entries()) {
    const bad = contiguousData(p).find((x) => !Number.isFinite(x));
    if (bad !== undefined) throw new ContractError(where, mustHold, `${bad} in parameter ${k}`);
  }
}

/**
 * What every optimizer must do, as a list of checks for any test runner: to publish an optimizer of your own with the same
 * care as the built-in ones, which pass all of them.
 *
 * The same course gives the same numbers; saving and going on is the same as going through; one group is the same as two
 * halves; parameters without a gradient and frozen ones stay; zero gradients do no harm; the parts of
 * {@link Optimizer.explainStep} add up. Of rules that consist of lines, also: the compiled loop computes what the lines say, and
 * gpu.js the same within 2e-5.
 *
 * @param optimizer - its name, or a class that {@link defineOptimizer} made
 * @throws {@link ValueError} for an unknown optimizer or option
 * @example
 * In a test runner, `for (const { name, run } of optimizerContract(Mine)) it(name, run)`; without one:
 * ```ts
 * import { defineOptimizer } from 'gradlet';
 * import { optimizerContract } from 'gradlet/testing';
 * const Mine = defineOptimizer({
 *   name: 'mine',
 *   paper: 'https://example.org/mine',
 *   defaults: { lr: 0.1 },
 *   lines: { m: ({ g, m }) => 0.5 * m + g, delta: ({ m }) => m },
 * });
 * const checks = optimizerContract(Mine);
 * for (const { run } of checks) await run();
 * checks[0]!.name; // → gives the same numbers every time
 * ```
 */
export function optimizerContract(
  optimizer: OptimizerName | AnyOptimizerClass,
  { options = {}, gpu = 'webasm', ...rest }: ContractOptions = {},
): ContractCheck[] {
  checkKeys('optimizerContract', rest, ['options', 'gpu']);
  const Class = optimizerClass('optimizerContract', optimizer);
  const create: Create = (params, more = {}) =>
    createOptimizer(Class, params as never, { gpu: 'off', ...options, ...more } as never);
  create(start());
  const { rule } = Class;
  const where = rule.name;
  const exact = new Comparison(where);
  const checks: ContractCheck[] = [
    {
      name: 'gives the same numbers every time',
      run: () => {
        const [once, again] = [start(), start()];
        const [first, second] = [create(once), create(again)];
        // taking turns, so that what they share by mistake shows
        for (let t = 1; t <= STEPS; t++) {
          train(first, once, t, t);
          train(second, again, t, t);
        }
        const advice = 'Keep all state in lines, `initial` or `perStep`, and draw no random numbers.';
        exact.same('two optimizers on the same course must give the same numbers', again, once, advice);
      },
    },
    {
      name: 'goes on from what was saved as if it had gone through',
      run: () => {
        const [through, halves] = [start(), start()];
        train(create(through), through);
        const first = create(halves);
        train(first, halves, 1, STEPS / 2);
        const second = create(halves, { lr: 0.123 });
        second.loadStateDict(JSON.parse(JSON.stringify(first.stateDict())));
        train(second, halves, STEPS / 2 + 1, STEPS);
        const advice = 'Keep all state in lines, `initial` or `perStep`.';
        exact.same('saving and going on must be the same as going through', halves, through, advice);
      },
    },
    {
      name: 'makes no difference between one group and two halves',
      run: () => {
        const [together, apart] = [start(), start()];
        train(create(together), together);
        train(create(apart.map((p) => ({ params: [p] }))), apart);
        exact.same('two halves must go as one group', apart, together);
      },
    },
    {
      name: 'leaves parameters without a gradient, and frozen ones',
      run: () => {
        const [moving, alone] = [start(), start()[0]!];
        const [first, still] = moving as [Tensor, Tensor];
        const frozen = start()[1]!;
        frozen.requiresGrad = false;
        const optimizer = create([first, still, frozen]);
        const reference = create([alone]);
        for (let t = 1; t <= STEPS; t++) {
          optimizer.step(lossAt([first], t));
          reference.step(lossAt([alone], t));
        }
        const begin = start()[1]!;
        exact.same('what has no gradient must stay', [still, frozen], [begin, begin]);
        exact.same('the others must go as if they were alone', [first], [alone]);
      },
    },
    {
      name: 'bears gradients of zero, first and later',
      run: () => {
        for (const zeroAt of [1, 3]) {
          const params = start();
          const optimizer = create(params);
          for (let t = 1; t <= 5; t++) {
            optimizer.step(lossAt(params, t, t === zeroAt ? 0 : 1));
            const mustHold = `parameters must stay finite when all gradients are 0 in step ${zeroAt}`;
            expectFinite(where, mustHold, params);
          }
        }
      },
    },
    {
      name: 'explains every change by parts that add up',
      run: () => {
        const params = start();
        const optimizer = create(params, { weightDecay: 0.1, explain: true });
        for (let t = 1; t <= 3; t++) {
          train(optimizer, params, t, t);
          for (const p of params) {
            for (let i = 0; i < p.size; i++) {
              const { parts, change } = optimizer.explainStep(p, indexOf(i, p.shape));
              const list = Object.values(parts);
              const sum = list.reduce((a, b) => a + b, 0);
              const largest = Math.max(1, ...list.map(Math.abs));
              if (Math.abs(sum - change) <= 1e-12 * largest) continue;
              throw new ContractError(where, `the parts of a step must add up to ${change}`, show(parts));
            }
          }
        }
      },
    },
  ];
  if (!new CompiledRule(rule, everyKind).lines) return checks;
  checks.push({
    name: 'computes in the compiled loop what the lines say',
    run: () => {
      for (const dtype of ['float64', 'float32'] as const) {
        const p = start(dtype)[1]!;
        const begin = contiguousData(p).slice();
        const gradients = Array.from({ length: STEPS }, (_, t) => tensor(wave(p.size, t), { dtype }));
        const literal = literalCourse(rule, options, begin, gradients.map(contiguousData)) as TypedArray[];
        const optimizer = create([p]);
        for (const [t, grad] of gradients.entries()) {
          p.grad = grad;
          optimizer.step();
          const advice = 'Please report it.';
          exact.same(
            `step ${t + 1} in ${dtype} must be what the lines say`,
            [p],
            [tensor(literal[t]!)],
            advice,
          );
        }
      }
    },
  });
  if (gpu !== null) {
    checks.push({
      name: `computes the same with gpu.js on ${gpu}, within 2e-5`,
      run: async () => {
        const [p, reference] = [start('float32')[1]!, start('float32')[1]!];
        const [optimizer, loop] = [create([p], { gpu: { mode: gpu } }), create([reference])];
        for (let t = 1; t <= STEPS / 2; t++) {
          p.grad = tensor(wave(p.size, t));
          reference.grad = p.grad;
          await optimizer.stepAsync();
          loop.step();
          const mustHold = `step ${t} with gpu.js must be near the loop's`;
          const advice = 'Numbers there have 24 bits: keep intermediate ones between 1e-37 and 1e38.';
          new Comparison(where, 2e-5).same(mustHold, [p], [reference], advice);
        }
        await optimizer.sync();
      },
    });
  }
  return checks;
}
