import { show, ValueError } from '../core/errors.ts';

/** The numbers that are allowed, as in mathematics: `'[0, 1)'` holds 0 and not 1. */
export type NumberInterval = `${'[' | '('}${number | '-∞'}, ${number | '∞'}${']' | ')'}`;

/** What a hyperparameter may be: a number or a whole number of an interval, one of several words, or one word only. */
export type HyperparameterRange =
  | NumberInterval
  | `whole ${NumberInterval}`
  | `${string} | ${string}`
  | 'false'
  | 'true'
  | 'coupled'
  | 'decoupled';

type Words<R> = R extends `${infer First} | ${infer Rest}` ? First | Words<Rest> : R;

/** The type of the values that a range allows. */
export type HyperparameterValue<R> = R extends NumberInterval | `whole ${NumberInterval}`
  ? number
  : R extends 'false | true'
    ? boolean
    : Words<R>;

/**
 * The hyperparameters of the built-in optimizers, each with the values it may take. One name means one thing everywhere;
 * an optimizer says which ones it has, and their defaults.
 */
export class Hyperparameters {
  /** Learning rate: how far to go along the direction `delta`. */
  readonly lr = '[0, ∞)';
  /** Weight of the past in the first moment `m`, the running mean of gradients. PyTorch's `betas[0]`. */
  readonly beta1 = '[0, 1)';
  /** Weight of the past in the second moment `v`, the running mean of squared gradients. PyTorch's `betas[1]`. */
  readonly beta2 = '[0, 1)';
  /** Weight of the past in a third running mean: of Adan's squared gradients, and of AdEMAMix's slow momentum. */
  readonly beta3 = '[0, 1)';
  /** Weight of the past in the running mean of squared gradients of Adadelta and RMSprop. PyTorch's RMSprop says `alpha`. */
  readonly rho = '[0, 1)';
  /** Added *outside* the square root of a denominator: `√v + eps`. */
  readonly eps = '[0, ∞)';
  /** Added *inside* the square root of a denominator: `√(v + epsRoot)`. */
  readonly epsRoot = '[0, ∞)';
  /** Weight of the past in the velocity. It differs from the `momentum` of BatchNorm, which is the weight of the *new* batch. */
  readonly momentum = '[0, 1)';
  /** How much of each new gradient is kept out of the velocity, which takes up `(1 − dampening) · g`. */
  readonly dampening = '[0, 1]';
  /** Steps along `g + momentum · m` instead of `m`. */
  readonly nesterov = 'false | true';
  /** Divides by the largest second moment so far instead of the current one. */
  readonly amsgrad = 'false | true';
  /** Divides by the standard deviation of the gradient instead of its root mean square. */
  readonly centered = 'false | true';
  /** Divides the learning rate by `1 + (t − 1) · lrDecay` at step t. */
  readonly lrDecay = '[0, ∞)';
  /** What the sum of squared gradients starts from. */
  readonly initialAccumulatorValue = '[0, ∞)';
  /** How fast NAdam's momentum grows from `beta1 / 2` to `beta1`. */
  readonly momentumDecay = '[0, ∞)';
  /** Weight of the slow momentum in AdEMAMix. */
  readonly alpha = '[0, ∞)';
  /** ASGD's decay of parameters, and of its learning rate `lr / (1 + lambd · lr · (t − 1))^lrPower`. */
  readonly lambd = '[0, ∞)';
  /** How steeply ASGD's learning rate falls. PyTorch's ASGD says `alpha`. */
  readonly lrPower = '[0, ∞)';
  /** How many steps ASGD takes before its average begins. */
  readonly t0 = '[0, ∞)';
  /** What Rprop multiplies a step by where the gradient turned. */
  readonly etaMinus = '(0, 1)';
  /** What Rprop multiplies a step by where the gradient kept its sign. */
  readonly etaPlus = '(1, ∞)';
  /** Rprop's smallest step. */
  readonly stepMin = '[0, ∞)';
  /** Rprop's largest step. */
  readonly stepMax = '[0, ∞]';
  /** How far LARS lets a layer go in one step, as a share of its norm. */
  readonly trustCoefficient = '[0, ∞)';
  /** Over how many steps the learning rate grows from `lr / warmupSteps` to `lr`; 0 for none. */
  readonly warmupSteps = 'whole [0, ∞)';
  /** The power of the learning rate by which a step weighs in the schedule-free average. */
  readonly weightLrPower = '[0, ∞)';
  /** How many Newton–Schulz iterations orthogonalize the direction. */
  readonly nsSteps = 'whole [0, ∞)';
  /** First coefficient of the Newton–Schulz iteration, of X. */
  readonly nsA = '(-∞, ∞)';
  /** Second coefficient of the Newton–Schulz iteration, of (X Xᵀ) X. */
  readonly nsB = '(-∞, ∞)';
  /** Third coefficient of the Newton–Schulz iteration, of (X Xᵀ)² X. */
  readonly nsC = '(-∞, ∞)';
  /** What the norm of a direction counts at least before it is orthogonalized. */
  readonly nsEps = '(0, ∞)';
  /** How Muon's steps follow from the shape of a matrix. */
  readonly adjustLr = 'original | matchRmsAdamw';
  /** Muon's learning rate for parameters that are not matrices, as a multiple of `lr`. */
  readonly adamScale = '[0, ∞)';
  /** The power of t by which the newest squared gradient weighs in Adafactor's second moment. */
  readonly beta2Decay = '(-∞, 0]';
  /** Keeps Adafactor's second moment from below, squared. */
  readonly eps1 = '[0, ∞)';
  /** The smallest size that Adafactor takes a parameter to have. */
  readonly eps2 = '[0, ∞)';
  /** The root mean square above which Adafactor scales its step down. */
  readonly clipThreshold = '(0, ∞)';
  /** How many directions a step of a search takes at most. */
  readonly maxIter = 'whole [1, ∞)';
  /** How often a step of a search looks at the loss at most; 0 for 5/4 of `maxIter`. */
  readonly maxEval = 'whole [0, ∞)';
  /** A search ends where no element of the gradient is larger. */
  readonly toleranceGrad = '[0, ∞)';
  /** A search ends once neither the loss nor any parameter changes more. */
  readonly toleranceChange = '[0, ∞)';
  /** How many of the last directions L-BFGS keeps. */
  readonly historySize = 'whole [1, ∞)';
  /** How far a search follows a direction: `lr`, or as far as the strong Wolfe conditions ask. */
  readonly lineSearch = 'none | strongWolfe';
  /** Pulls every parameter towards 0 in proportion to its size; `decay` says how. Default 0. */
  readonly weightDecay = '[0, ∞)';
  /** Pulls every parameter towards 0 with the same force, `l1 · sign(p)`; `decay` and `proximal` say how. Default 0. */
  readonly l1 = '[0, ∞)';
  /**
   * `'coupled'` adds `weightDecay · p + l1 · sign(p)` to the gradient, so that the moments see it (L2 and L1 regularization).
   * `'decoupled'` takes `lr` times the same from the parameter itself, past the moments (AdamW). Default `'coupled'`.
   */
  readonly decay = 'coupled | decoupled';
  /**
   * Applies `l1` after the step by soft thresholding, `p ← sign(p) · max(|p| − lr · l1, 0)`, which gives exact zeros, instead of
   * by its slope `l1 · sign(p)`. Default false.
   */
  readonly proximal = 'false | true';
  /**
   * Lets `weightDecay` and `l1` pull towards the value that the parameter had at its first step with this option, instead
   * of 0: for fine-tuning. Default false.
   */
  readonly towardInit = 'false | true';
  /** Climbs instead of descending. Default false. */
  readonly maximize = 'false | true';
}

/** What every optimizer has besides its own hyperparameters. */
export const sharedDefaults = {
  weightDecay: 0,
  l1: 0,
  decay: 'coupled',
  proximal: false,
  towardInit: false,
  maximize: false,
} as const;

/** The names of the options that every optimizer shares. */
export type SharedHyperparameter = keyof typeof sharedDefaults;

/** What the hyperparameters of any optimizer have in common. */
export type WithLr = {
  /** Every optimizer has a learning rate. */
  readonly lr: number;
};

/** The defaults of an optimizer: its hyperparameters, and those shared ones that start from something else. */
export type OptimizerDefaults = Readonly<Record<string, number | boolean | string>> &
  WithLr & {
    /** How weight decay acts unless an option says otherwise. */
    readonly decay?: HyperparameterValue<Hyperparameters['decay']>;
  };

type Widened<T> = T extends boolean ? boolean : T extends number ? number : string;

/** All options of a parameter group under these defaults, each with its value. */
export type OptimizerSettings<H> = {
  -readonly [K in keyof Pick<
    Hyperparameters,
    Extract<keyof H | SharedHyperparameter, keyof Hyperparameters>
  >]: HyperparameterValue<Hyperparameters[K]>;
} & { -readonly [K in Exclude<keyof H, keyof Hyperparameters>]: Widened<H[K]> };

/** A check made from a {@link HyperparameterRange}, and how an error message names it. */
export interface Domain {
  readonly text: string;
  readonly accepts: (value: unknown) => boolean;
}

const INTERVAL = /^(whole )?([[(])(\S+), (\S+)([\])])$/;
const WORDS: Readonly<Record<string, boolean>> = { false: false, true: true };

/** The check of a range; without one, of being the same kind of thing as the default. */
export function domainOf(range: HyperparameterRange | undefined, defaultValue: unknown): Domain {
  if (!range && typeof defaultValue === 'number') {
    return { text: 'a number', accepts: (value) => typeof value === 'number' && !Number.isNaN(value) };
  }
  if (!range && typeof defaultValue === 'string') {
    return { text: 'a word of the range that `ranges` must give', accepts: () => false };
  }
  const given = range ?? 'false | true';
  const interval = INTERVAL.exec(given);
  if (!interval) {
    const words: unknown[] = given.split(' | ').map((word) => WORDS[word] ?? word);
    const listed = words.length > 1 ? `one of ${words.map(show).join(', ')}` : show(words[0]);
    const text = words.includes(true) && words.includes(false) ? 'true or false' : listed;
    return { text, accepts: (value) => words.includes(value) };
  }
  const [, whole, left, from, to, right] = interval as unknown as string[];
  const [low, high] = [from!, to!].map((bound) => Number(bound.replace('∞', 'Infinity'))) as [number, number];
  const accepts = (x: unknown): boolean =>
    typeof x === 'number' &&
    (!whole || Number.isSafeInteger(x)) &&
    (x > low || (left === '[' && x === low)) &&
    (x < high || (right === ']' && x === high));
  const upward = whole && left === '[' && high === Infinity;
  const text = upward
    ? `a whole number ≥ ${low}`
    : `${whole ? 'a whole number ' : ''}in ${given.slice(whole?.length)}`;
  return { text, accepts };
}

/** Throws unless the value lies in its domain. */
export function checkValue(where: string, name: string, value: unknown, domain: Domain): void {
  if (!domain.accepts(value)) throw new ValueError(where, `${name} must be ${domain.text}`, show(value));
}
