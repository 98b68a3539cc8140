import { type DType, isFloat, promote } from '../core/dtype.ts';
import { broadcastShapes, type Shape } from '../core/shape.ts';
import { derive, scaled } from '../formula/derive.ts';
import { type Expr, isNumber, namesIn, substitute, variable } from '../formula/expr.ts';
import type { SpecialFunctions } from '../formula/functions.ts';
import { parseFormula, type Source } from '../formula/parse.ts';
import { MapKernel } from '../kernels/map.ts';
import { type Derivative, identity, isGradEnabled, recordAll } from './graph.ts';
import { empty, expectTensor, type Tensor, zeroed } from './tensor.ts';

/** What element-wise operations take: tensors, and plain numbers, which fit any dtype. */
export type Operand = Tensor | number;

/** From the inputs' dtype to the result's: the same, at least a floating one, or bool. */
type Result = 'same' | 'float' | 'bool';

/** Stand for the gradient and for the value among the {@link Partial.places}. */
const G = -1;
const Y = -2;

/** One input's share of the gradient: `op` applied to inputs, the gradient and the value. */
interface Partial {
  readonly op: ElementwiseOp;
  /** What each parameter of `op` is: the number of an input, {@link G} or {@link Y}. */
  readonly places: readonly number[];
}

/**
 * An element-wise operation: a scalar formula, its derivatives, and from both everything that runs.
 * Its expression is over its parameters; derivatives may also read `y`, the operation's own value.
 */
export class ElementwiseOp {
  readonly name: string;
  readonly params: readonly string[];
  readonly result: Result;
  readonly #value: () => Expr;
  readonly #given: (k: number) => Expr | undefined;
  readonly #partials: (Partial | 'none' | 'zero' | 'identity')[] = [];
  #kernel: MapKernel | null = null;

  /**
   * @param value - the formula, asked for when it is first needed: most programs use few operations
   * @param given - the derivative by each input, where it does not follow from the formula
   */
  constructor(
    name: string,
    params: readonly string[],
    value: () => Expr,
    given: (k: number) => Expr | undefined,
    result: Result,
  ) {
    this.name = name;
    this.params = params;
    this.#value = value;
    this.#given = given;
    this.result = result;
  }

  get kernel(): MapKernel {
    this.#kernel ??= new MapKernel(this.#value(), this.params);
    return this.#kernel;
  }

  /**
   * g · ∂y/∂(input k), as an operation of its own whose derivatives follow by the rules of differentiation,
   * so that gradients of any order come from fused kernels. It may also be nothing but `g`, or 0: `'none'` where the value
   * does not depend on the input, `'zero'` where it does, by steps, and the definition says so.
   */
  partial(k: number): Partial | 'none' | 'zero' | 'identity' {
    this.#partials[k] ??= this.#derive(k);
    return this.#partials[k];
  }

  #derive(k: number): Partial | 'none' | 'zero' | 'identity' {
    const g = variable('g');
    const given = this.#given(k);
    const expr = scaled(g, given ?? derive(this.kernel.expr, this.params[k]!));
    if (isNumber(expr, 0)) return given ? 'zero' : 'none';
    if (expr === g) return 'identity';
    const reads = namesIn(expr);
    // parameters of their own, so that `g` and `y` mean the next order's when this is differentiated
    const params = reads.map((_, i) => `a${i}`);
    const own = substitute(expr, (name) => variable(params[reads.indexOf(name)]!));
    const places = reads.map((name) => (name === 'g' ? G : name === 'y' ? Y : this.params.indexOf(name)));
    const op = new ElementwiseOp(
      `${this.name} backward`,
      params,
      () => own,
      () => undefined,
      'same',
    );
    return { op, places };
  }
}

function resultDType(op: ElementwiseOp, inputs: readonly Operand[]): DType {
  if (op.result === 'bool') return 'bool';
  let found: DType | null = null;
  let fractional = op.result === 'float';
  for (const x of inputs) {
    if (typeof x === 'number') fractional ||= !Number.isInteger(x);
    else found = found === null ? x.dtype : promote(found, x.dtype);
  }
  return promote(found ?? 'float32', fractional ? 'float32' : 'int32');
}

/** Runs an element-wise operation on inputs that broadcast, and records it. */
export function apply(op: ElementwiseOp, ...inputs: readonly Operand[]): Tensor {
  return applyTo(op, inputs);
}

function applyTo(op: ElementwiseOp, inputs: readonly Operand[]): Tensor {
  let shape: Shape | undefined;
  let needed = false;
  for (const x of inputs) {
    if (typeof x === 'number') continue;
    expectTensor(op.name, x, 'every input');
    shape = shape ? broadcastShapes(op.name, shape, x.shape) : x.shape;
    needed ||= x.node !== null;
  }
  const y = empty(shape ?? [], resultDType(op, inputs));
  op.kernel.run(y.storage, y.shape, op.result === 'bool' ? rounded(inputs) : inputs);
  return needed && isGradEnabled() && isFloat(y.dtype)
    ? recordAll(op.name, y, derivatives(op, inputs, y))
    : y;
}

function derivatives(op: ElementwiseOp, inputs: readonly Operand[], y: Tensor): [Tensor, Derivative][] {
  const pairs: [Tensor, Derivative][] = [];
  for (let k = 0; k < inputs.length; k++) {
    const x = inputs[k]!;
    if (typeof x === 'number' || !x.node) continue;
    const partial = op.partial(k);
    if (partial === 'none') continue;
    if (partial === 'zero') pairs.push([x, zero]);
    else if (partial === 'identity') pairs.push([x, identity]);
    else pairs.push([x, through(partial.op, saved(partial.places, inputs, y))]);
  }
  return pairs;
}

/** Numbers as the tensors beside them hold them: 0.1 in float32 is not 0.1 in double, and should equal itself. */
function rounded(inputs: readonly Operand[]): readonly Operand[] {
  const single = inputs.every((x) => typeof x === 'number' || x.dtype === 'float32');
  return single ? inputs.map((x) => (typeof x === 'number' ? Float32Array.of(x)[0]! : x)) : inputs;
}

/** The derivative of steps: PyTorch, too, gives zeros rather than no gradient. */
const zero: Derivative = (g) => zeroed(g.shape, g.dtype);

/** What a derivative reads, with `null` where the gradient goes. */
function saved(places: readonly number[], inputs: readonly Operand[], y: Tensor): (Operand | null)[] {
  const values = new Array<Operand | null>(places.length);
  for (let i = 0; i < places.length; i++) {
    const place = places[i]!;
    values[i] = place === G ? null : place === Y ? y : inputs[place]!;
  }
  return values;
}

/** The derivative that runs `op` on saved values and the gradient; it keeps nothing else alive. */
function through(op: ElementwiseOp, values: readonly (Operand | null)[]): Derivative {
  return (g) => {
    const inputs = new Array<Operand>(values.length);
    for (let i = 0; i < values.length; i++) inputs[i] = values[i] ?? g;
    return applyTo(op, inputs);
  };
}

/**
 * Defines an element-wise operation from formulas in plain TypeScript, which may take special functions such as `erf`
 * from a last parameter `{ erf }`.
 *
 * @param params - one name per input, other than `g` and `y`
 * @param f - the value, from the inputs
 * @param partials - the derivative by each input, from the inputs and then the value; those left out follow from `f`
 */
export function elementwise(
  name: string,
  params: readonly string[],
  f: Source,
  partials: readonly Source[] = [],
  result: Result = 'same',
): ElementwiseOp {
  return new ElementwiseOp(
    name,
    params,
    () => parseFormula(name, f, params),
    (k) => partials[k] && parseFormula(`derivative of ${name}`, partials[k], [...params, 'y']),
    result,
  );
}

/** An element-wise function of one input. */
export type Unary = (x: Operand) => Tensor;

/** An element-wise function of two inputs that broadcast. */
export type Binary = (x: Operand, other: Operand) => Tensor;

/** y = f(x) with dy/dx = df(x, y). The result of whole numbers is float32 unless `result` says `'same'`. */
export function unary(
  name: string,
  f: (x: number, functions: SpecialFunctions) => number,
  df: (x: number, y: number, functions: SpecialFunctions) => number,
  result: Result = 'float',
): Unary {
  const op = elementwise(name, ['x'], f, [df], result);
  return (x) => apply(op, x);
}

/** y = f(a, b) with ∂y/∂a = da(a, b, y) and ∂y/∂b = db(a, b, y). */
export function binary(
  name: string,
  f: (a: number, b: number) => number,
  da: (a: number, b: number, y: number) => number,
  db: (a: number, b: number, y: number) => number,
  result: Result = 'same',
): Binary {
  const op = elementwise(name, ['a', 'b'], f, [da, db], result);
  return (a, b) => apply(op, a, b);
}

/** 1 where f(a, b) holds, else 0. */
export function comparison(name: string, f: (a: number, b: number) => boolean): Binary {
  const op = elementwise(name, ['a', 'b'], f, [], 'bool');
  return (a, b) => apply(op, a, b);
}
