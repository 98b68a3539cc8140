import type { Line as AnyLine } from '../formula/program.ts';
import type { Tensor } from '../tensor/index.ts';
import type {
  HyperparameterRange,
  OptimizerDefaults,
  OptimizerSettings,
  SharedHyperparameter,
} from './hyperparameters.ts';

/** The numbers that `perStep` hands to the lines. */
export type StepScalars = Readonly<Record<string, number | boolean>>;

/**
 * One line of an update rule: a scalar function of the numbers at one place of a parameter (`p`, `g` and the lines) and
 * of what is the same everywhere (hyperparameters, the scalars of `perStep` and norms).
 */
export type UpdateLine<E extends string, S> = (
  element: Readonly<Record<E, number>>,
  scalars: Readonly<S>,
) => number;

/** The elements that every line may read besides the lines of its rule. */
export type SharedElement = 'p' | 'g' | 'pull' | 'next';

/** What all kinds of rules say. */
export interface RuleHead<N extends string, H extends OptimizerDefaults, C extends StepScalars> {
  /** What `createOptimizer` calls it. */
  readonly name: N;
  /** Where the rule was published, a URL. */
  readonly paper: string;
  /** The hyperparameters with their defaults. */
  readonly defaults: H;
  /**
   * The allowed values of hyperparameters that are not among {@link Hyperparameters}, or that are allowed less here: a
   * range of one word, as in `decay: 'coupled'`, leaves no choice.
   */
  readonly ranges?: { readonly [K in keyof H | SharedHyperparameter]?: HyperparameterRange };
  /**
   * Scalars that depend on the step `t` = 1, 2, … and not on the element, such as bias corrections; computed in doubles.
   * `t` counts the steps of one parameter. `previous` holds what the step before returned, nothing at first.
   */
  readonly perStep?: (
    t: number,
    hyperparameters: Readonly<OptimizerSettings<H>>,
    previous: Readonly<Record<string, number>>,
  ) => C;
}

/**
 * An optimizer as the moments it keeps and the step it takes, each a line of plain TypeScript.
 */
export interface UpdateRule<
  N extends string = string,
  H extends OptimizerDefaults = OptimizerDefaults,
  C extends StepScalars = StepScalars,
  L extends string = string,
  M extends string = string,
> extends RuleHead<N, H, C> {
  /** What a line that is kept from step to step starts from; 0 for those left out. */
  readonly initial?: { readonly [K in NoInfer<L>]?: UpdateLine<'p', OptimizerSettings<H>> };
  /** Scalars that are the 2-norm of `p`, `g` or a line over all elements of one parameter, for layer-wise rules. */
  readonly norms?: { readonly [K in M]: NoInfer<L> | 'p' | 'g' };
  /**
   * The lines, which run in the order written, at every element. A line that is read at or above its own place has its
   * number of the step before there, and is kept in an array per parameter; the others are temporaries.
   *
   * `delta` is the direction of the step, `p ← p − lr · delta`. A rule with the learning rate inside writes `step`
   * instead: `p ← p − step`. Lines behind that one may read `next`, the new parameter. A rule that reads `pull`, the
   * slope of decoupled decay, takes it into its step itself; otherwise it acts on the parameter.
   */
  readonly lines: {
    readonly [K in L]: UpdateLine<
      NoInfer<L> | SharedElement,
      OptimizerSettings<H> & NoInfer<C> & Readonly<Record<NoInfer<M>, number>>
    >;
  };
  /** The average over the course of the parameter that the rule keeps, for {@link Averaging.withAverages}. */
  readonly average?: UpdateLine<NoInfer<L> | 'p', OptimizerSettings<H>>;
  /**
   * The parts of a step that {@link Optimizer.explainStep} tells apart beyond gradient and momentum, in order: for each, what
   * stands in for lines and scalars when it is left out. Default: lines called `v`, `vMax` and the like are the
   * `secondMoment`, and 1 without it; scalars called `bias…` are the `biasCorrection`, and 1 without it.
   */
  readonly parts?: {
    readonly [part: string]: {
      readonly [name: string]:
        | number
        | UpdateLine<NoInfer<L> | SharedElement, OptimizerSettings<H> & NoInfer<C>>;
    };
  };
}

/** An optimizer as a function of whole tensors, for what no element can know by itself. */
export interface TensorRule<
  N extends string = string,
  H extends OptimizerDefaults = OptimizerDefaults,
  C extends StepScalars = StepScalars,
  S extends string = string,
> extends RuleHead<N, H, C> {
  /** What is kept from step to step, and what it starts from. */
  readonly initial?: {
    readonly [K in S]: (p: Tensor, hyperparameters: Readonly<OptimizerSettings<H>>) => Tensor;
  };
  /**
   * From the parameter, its gradient and what was kept to what is to be kept and the direction `delta` of the step,
   * `p ← p − lr · delta`; or `step` for a rule with the learning rate inside, `p ← p − step`. Nothing is recorded, and
   * the tensors given must not be written into. `parts` may give what {@link Optimizer.explainStep} tells apart: directions
   * (or steps) as far as each part goes, in order, of which the last is the whole.
   */
  readonly update: (
    tensors: Readonly<Record<NoInfer<S> | 'p' | 'g', Tensor>>,
    scalars: Readonly<OptimizerSettings<H> & NoInfer<C>>,
  ) => Readonly<Record<NoInfer<S>, Tensor>> & TensorStep;
  /** What the update does in the words of a formula, line by line; for the documentation. */
  readonly formula: Readonly<Record<string, string>>;
  /** Which parameters the update is for; the `otherwise` is for the others. */
  readonly takes?: (p: Tensor) => boolean;
  /** The lines for parameters that the update does not take. */
  readonly otherwise?: RuleLines;
}

/** Where a {@link TensorRule} goes: along a direction, times the learning rate, or by a step. */
export type TensorStep = {
  /** Directions or steps as far as each part goes; called where a step is to be explained. */
  readonly parts?: () => Readonly<Record<string, Tensor>>;
} & (
  | {
      /** The direction. */
      readonly delta: Tensor;
    }
  | {
      /** The step. */
      readonly step: Tensor;
    }
);

/** A point that a search has seen. All parameters stand in one vector, one after the other. */
export interface SearchPoint {
  /** The parameters. */
  readonly x: Float64Array;
  /** The loss there, with what weight decay adds; what is to become small. */
  readonly loss: number;
  /** Its gradient. */
  readonly g: Float64Array;
}

/** What a search keeps from step to step: numbers, and lists of vectors as long as all parameters together. */
export type SearchMemory<M> = {
  readonly [K in keyof M]: M[K] extends number ? number : readonly Float64Array[];
};

/** Where a search ends. */
export interface SearchEnd<M> {
  /** The new parameters. */
  readonly x: Float64Array;
  /** What is to be kept. */
  readonly memory: SearchMemory<M>;
}

/** An optimizer as a search over all parameters together, which sees the loss at as many points as it likes. */
export interface SearchRule<
  N extends string = string,
  H extends OptimizerDefaults = OptimizerDefaults,
  M extends Readonly<Record<string, unknown>> = Readonly<Record<string, unknown>>,
> extends Omit<RuleHead<N, H, StepScalars>, 'perStep'> {
  /** What is kept from step to step, and what it starts from: numbers, and `[]` for lists of vectors. */
  readonly initial: M;
  /** How many vectors a list may come to hold, where that is more than one; for the documentation. */
  readonly vectors?: (hyperparameters: Readonly<OptimizerSettings<H>>) => {
    readonly [K in keyof M]?: number;
  };
  /**
   * One step. The search yields every point at which it wants to see the loss, a new vector each time, and is handed the
   * {@link SearchPoint}. Vectors that it is given must not be written into.
   *
   * `along` may be called for every direction taken, with the point it was taken from: {@link Optimizer.explainStep} tells
   * the directions from the gradients there, and how far they were followed.
   */
  readonly search: (
    from: SearchPoint,
    memory: SearchMemory<M>,
    hyperparameters: Readonly<OptimizerSettings<H>>,
    along: (from: SearchPoint, direction: Float64Array) => void,
  ) => Generator<Float64Array, SearchEnd<M>, SearchPoint>;
  /** What a step does in the words of a formula, line by line; for the documentation. */
  readonly formula: Readonly<Record<string, string>>;
}

/** What the lines of an {@link UpdateRule} consist of, whatever their names. */
export interface RuleLines {
  /** Scalars that depend on the step and not on the element. */
  readonly perStep?: (
    t: number,
    hyperparameters: never,
    previous: Readonly<Record<string, number>>,
  ) => StepScalars;
  /** What lines that are kept start from. */
  readonly initial?: Readonly<Record<string, AnyLine | undefined>>;
  /** Scalars that are the 2-norm of a line. */
  readonly norms?: Readonly<Record<string, string>>;
  /** The lines, in the order in which they run. */
  readonly lines: Readonly<Record<string, AnyLine>>;
  /** The average that is kept. */
  readonly average?: AnyLine;
  /** The parts of a step, and what stands in for lines and scalars without them. */
  readonly parts?: Readonly<Record<string, Readonly<Record<string, number | AnyLine | undefined>>>>;
}

/** What all rules have in common, whatever their hyperparameters. */
export interface AnyRuleHead {
  /** What `createOptimizer` calls it. */
  readonly name: string;
  /** Where the rule was published, a URL. */
  readonly paper: string;
  /** The hyperparameters with their defaults. */
  readonly defaults: OptimizerDefaults;
  /** The allowed values of hyperparameters, where they are not those of {@link Hyperparameters}. */
  readonly ranges?: Readonly<Record<string, HyperparameterRange | undefined>>;
}

/** Any {@link UpdateRule}, whatever its hyperparameters and lines. */
export interface AnyUpdateRule extends AnyRuleHead, RuleLines {}

/** Any {@link TensorRule}, whatever its hyperparameters and state. */
export interface AnyTensorRule extends AnyRuleHead {
  /** Scalars that depend on the step. */
  readonly perStep?: RuleLines['perStep'];
  /** What is kept from step to step, and what it starts from. */
  readonly initial?: Readonly<Record<string, (p: Tensor, hyperparameters: never) => Tensor>>;
  /** From the parameter, its gradient and what was kept to what is to be kept and the step. */
  readonly update: (
    tensors: Readonly<Record<string, Tensor>>,
    scalars: never,
  ) => Readonly<Record<string, unknown>>;
  /** What the update does, for the documentation. */
  readonly formula: Readonly<Record<string, string>>;
  /** Which parameters the update is for. */
  readonly takes?: (p: Tensor) => boolean;
  /** The lines for the other parameters. */
  readonly otherwise?: RuleLines;
}

/** Any {@link SearchRule}, whatever its hyperparameters and memory. */
export interface AnySearchRule extends AnyRuleHead {
  /** What is kept from step to step, and what it starts from. */
  readonly initial: Readonly<Record<string, unknown>>;
  /** How many vectors a list may hold. */
  readonly vectors?: (hyperparameters: never) => object;
  /** One step. */
  readonly search: (
    from: SearchPoint,
    memory: never,
    hyperparameters: never,
    along: (from: SearchPoint, direction: Float64Array) => void,
  ) => Generator<Float64Array, SearchEnd<object>, SearchPoint>;
  /** What a step does, for the documentation. */
  readonly formula: Readonly<Record<string, string>>;
}

/** Any rule. */
export type AnyRule = AnyUpdateRule | AnyTensorRule | AnySearchRule;
