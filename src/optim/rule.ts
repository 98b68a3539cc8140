import { show, suggest, ValueError } from '../core/errors.ts';
import { type Line as AnyLine, LineList, type Uniforms } from '../formula/program.ts';
import {
  checkValue,
  type Domain,
  domainOf,
  type HyperparameterRange,
  Hyperparameters,
  type OptimizerDefaults,
  type OptimizerSettings,
  sharedDefaults,
} from './hyperparameters.ts';

/** The numbers that `perStep` hands to the lines. */
export type StepScalars = Readonly<Record<string, number | boolean>>;

/**
 * One line of an update rule: a scalar function of the numbers at one place of a parameter (`p`, `g` and the lines) and
 * of what is the same everywhere (hyperparameters and the scalars of `perStep`).
 */
export type UpdateLine<E extends string, S> = (
  element: Readonly<Record<E, number>>,
  scalars: Readonly<S>,
) => number;

/**
 * An optimizer as the moments it keeps and the step it takes, each a line of plain TypeScript.
 */
export interface UpdateRule<
  N extends string = string,
  H extends OptimizerDefaults = OptimizerDefaults,
  C extends StepScalars = StepScalars,
  L extends string = string,
> {
  /** What `createOptimizer` calls it. */
  readonly name: N;
  /** Where the rule was published, a URL. */
  readonly paper: string;
  /** The hyperparameters with their defaults. */
  readonly defaults: H;
  /** The allowed values of hyperparameters that are not among {@link Hyperparameters}, or that are allowed less here. */
  readonly ranges?: { readonly [K in keyof H]?: HyperparameterRange };
  /**
   * Scalars that depend on the step `t` = 1, 2, … and not on the element, such as bias corrections; computed in doubles.
   * `t` counts the steps of one parameter. `previous` holds what the step before returned, nothing at first.
   */
  readonly perStep?: (
    t: number,
    hyperparameters: Readonly<OptimizerSettings<H>>,
    previous: Readonly<Record<string, number>>,
  ) => C;
  /** What a line that is kept from step to step starts from; 0 for those left out. */
  readonly initial?: { readonly [K in NoInfer<L>]?: UpdateLine<'p', OptimizerSettings<H>> };
  /**
   * The lines, which run in the order written, at every element. A line that is read at or above its own place has its
   * number of the step before there, and is kept in an array per parameter; the others are temporaries.
   * `delta` is the direction of the step, `p ← p − lr · delta`. A rule with the learning rate inside writes `step`
   * instead: `p ← p − step`.
   */
  readonly lines: { readonly [K in L]: UpdateLine<L | 'p' | 'g', OptimizerSettings<H> & C> };
}

/** Any {@link UpdateRule}, whatever its hyperparameters and lines. */
export interface AnyUpdateRule {
  /** What `createOptimizer` calls it. */
  readonly name: string;
  /** Where the rule was published, a URL. */
  readonly paper: string;
  /** The hyperparameters with their defaults. */
  readonly defaults: OptimizerDefaults;
  /** The allowed values of hyperparameters that are not among {@link Hyperparameters}. */
  readonly ranges?: Readonly<Record<string, HyperparameterRange | undefined>>;
  /** Scalars that depend on the step and not on the element. */
  readonly perStep?: (
    t: number,
    hyperparameters: never,
    previous: Readonly<Record<string, number>>,
  ) => StepScalars;
  /** What lines that are kept start from. */
  readonly initial?: Readonly<Record<string, AnyLine | undefined>>;
  /** The lines, in the order in which they run. */
  readonly lines: Readonly<Record<string, AnyLine>>;
}

/** What the shared lines read besides elements. */
interface Shared extends OptimizerSettings<{ lr: number }> {
  /** `decay === 'decoupled'`. */
  readonly decoupled: boolean;
  /** What clipping by norm multiplies every gradient by; 1 leaves it. */
  readonly clipScale: number;
  /** The largest |gradient| of an element. */
  readonly clipValue: number;
}

/** From the gradient that `backward` left to the one that a rule sees. */
const g: UpdateLine<'p' | 'grad', Shared> = (
  { p, grad },
  { maximize, clipScale, clipValue, decoupled, weightDecay, l1 },
) => {
  const downhill = maximize ? -grad : grad;
  const scaled = clipScale === 1 ? downhill : clipScale * downhill;
  const clipped = clipValue === Infinity ? scaled : Math.min(Math.max(scaled, -clipValue), clipValue);
  const decayed = decoupled || weightDecay === 0 ? clipped : clipped + weightDecay * p;
  return decoupled || l1 === 0 ? decayed : decayed + l1 * Math.sign(p);
};

/** How far a rule that says only where to wants to go. */
const step: UpdateLine<'delta', Shared> = ({ delta }, { lr }) => lr * delta;

/** From the old parameter to the new one. */
const p: UpdateLine<'p' | 'step', Shared> = ({ p, step }, { lr, decoupled, weightDecay, l1 }) => {
  const decayed = decoupled && weightDecay !== 0 ? p * (1 - lr * weightDecay) : p;
  const shrunk = decoupled && l1 !== 0 ? decayed - lr * l1 * Math.sign(p) : decayed;
  return shrunk - step;
};

/** The names of the scalars that come from the optimizer rather than from a rule. */
const SHARED_SCALARS = ['decoupled', 'clipScale', 'clipValue'];

/** A rule with the shared lines around its own, checked, and ready to run. */
export class CompiledRule {
  readonly rule: AnyUpdateRule;
  readonly list: LineList;
  /** Every option of a parameter group with its default. */
  readonly defaults: Uniforms;
  /** The names of the scalars that `perStep` returns. */
  readonly perStepNames: readonly string[];
  readonly #domains: ReadonlyMap<string, Domain>;

  constructor(rule: AnyUpdateRule) {
    const where = `defineOptimizer(${show(rule.name)})`;
    this.rule = rule;
    this.defaults = { ...sharedDefaults, ...rule.defaults };
    const ranges: Readonly<Record<string, HyperparameterRange | undefined>> = {
      ...new Hyperparameters(),
      ...rule.ranges,
    };
    this.#domains = new Map(
      Object.entries(this.defaults).map(([name, value]) => [name, domainOf(ranges[name], value)]),
    );
    this.check(where, this.defaults);
    if (!('step' in rule.lines) && !('delta' in rule.lines)) {
      throw new ValueError(where, 'a rule must have a line "delta" or "step"', show(rule.lines));
    }
    for (const name of ['g', 'p', 'grad'].filter((name) => name in rule.lines)) {
      throw new ValueError(
        where,
        `a line cannot be called "${name}", which every rule can read`,
        `a line "${name}"`,
      );
    }
    const lines = { g, ...rule.lines, ...('step' in rule.lines ? {} : { step }), p };
    const perStep = this.scalarsAt(1, this.defaults, {});
    this.perStepNames = Object.keys(perStep);
    this.list = new LineList(where, lines as AnyUpdateRule['lines'], ['grad'], this.perStepNames);
    this.#checkNames(where, perStep);
  }

  /** The scalars of step `t` of one parameter. */
  scalarsAt(t: number, settings: Uniforms, previous: StepScalars): StepScalars {
    return this.rule.perStep?.(t, settings as never, previous as Readonly<Record<string, number>>) ?? {};
  }

  /** Throws unless every setting lies in its range. */
  check(where: string, settings: object): void {
    for (const [name, domain] of this.#domains) checkValue(where, name, (settings as Uniforms)[name], domain);
  }

  /** Every name has one meaning, and a line reads only names that exist: what TypeScript checks, for JavaScript too. */
  #checkNames(where: string, perStep: StepScalars): void {
    const elements = new Set([...this.list.lines.keys(), 'grad']);
    const scalars = new Set([...Object.keys(this.defaults), ...SHARED_SCALARS]);
    for (const [name, value] of Object.entries(perStep)) {
      if (Number.isNaN(Number(value))) {
        throw new ValueError(where, `perStep must return numbers or booleans, also for ${name}`, show(value));
      }
      if (scalars.has(name)) throw new ValueError(where, 'perStep cannot replace an option', `"${name}"`);
      scalars.add(name);
    }
    for (const name of elements) {
      if (scalars.has(name))
        throw new ValueError(where, 'a line cannot have the name of an option or scalar', `"${name}"`);
    }
    for (const name of Object.keys(this.rule.initial ?? {})) {
      if (elements.has(name)) continue;
      throw new ValueError(
        where,
        'initial must name a line',
        `"${name}"`,
        suggest(name, Object.keys(this.rule.lines)),
      );
    }
    for (const [name, line] of this.list.lines) {
      const only = (known: ReadonlySet<string>, which: string): never =>
        probe((read) => {
          if (known.has(read)) return;
          throw new ValueError(
            where,
            `line ${name} may take ${which} only`,
            show(read),
            suggest(read, known),
          );
        }) as never;
      line(
        only(elements, 'elements from its first parameter'),
        only(scalars, 'scalars from its second parameter'),
      );
    }
  }
}

/** An object with every property, each 1, that tells which ones are read. */
function probe(onRead: (name: string) => void): object {
  const get = (_: object, name: string | symbol): number => {
    onRead(String(name));
    return 1;
  };
  return new Proxy({}, { get });
}
