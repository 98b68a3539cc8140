import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as nn from '../../src/nn/index.ts';
import { grad, type Tensor, tensor } from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import type { LayerName, LossName } from './names.ts';

type Written = {
  readonly shape: number[];
  readonly dtype: 'float32' | 'float64' | 'int32';
  readonly values: (number | string)[];
};

interface Step {
  readonly train: boolean;
  readonly input: Written;
  readonly output: Written;
  readonly upstream: Written;
  readonly inputGrad?: Written;
  readonly paramGrads: Record<string, Written>;
  readonly buffers: Record<string, Written>;
}

interface LayerCase {
  readonly args: unknown[];
  readonly dtype: 'float32' | 'float64';
  readonly state: Record<string, Written>;
  readonly steps: Step[];
}

interface LossCase {
  readonly options: Record<string, unknown>;
  readonly input: Written;
  readonly target: Written;
  readonly output: Written;
  readonly upstream: Written;
  readonly inputGrad?: Written;
  readonly targetGrad?: Written;
  readonly direction?: Written;
  readonly inputGrad2?: Written;
}

/** What PyTorch computes, written and explained by test/reference/nn.py. */
const reference = JSON.parse(readFileSync(join(import.meta.dirname, '../reference/nn.json'), 'utf8')) as {
  readonly torch: string;
  readonly layers: Record<string, LayerCase[]>;
  readonly losses: Record<string, LossCase[]>;
};

const build = ({ shape, dtype, values }: Written, requiresGrad = false): Tensor =>
  tensor(tensor(values.map(Number), { dtype }).reshape(shape), { requiresGrad });

const buildAll = (written: Record<string, Written>): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(written).map(([name, w]) => [name, build(w)]));

function compare(what: string, actual: Tensor | null | undefined, expected: Written): void {
  if (!actual) throw new Error(`${what}: nothing instead of a tensor`);
  expect(`${what} ${actual.shape} ${actual.dtype}`).toBe(`${what} ${expected.shape} ${expected.dtype}`);
  const float32 = expected.dtype === 'float32';
  expectClose(actual, build(expected), {
    rtol: float32 ? 1e-5 : 1e-12,
    atol: float32 ? 1e-7 : 1e-14,
    relativeTo: 'largest',
    what,
  });
}

type Args = never[];
const made =
  (Class: new (...args: never[]) => nn.Module) =>
  (args: unknown[]): nn.Layer =>
    new Class(...(args as Args)) as nn.Layer;

/** The last argument with the dtype added: layers with parameters take it among their options. */
function withDType(args: unknown[], dtype: string): unknown[] {
  const last = args.at(-1);
  return typeof last === 'object' && !Array.isArray(last)
    ? [...args.slice(0, -1), { ...last, dtype }]
    : [...args, { dtype }];
}

/** How the layer of a case is made: a layer left out does not compile. `null` where PyTorch has none. */
const layers = {
  AdaptiveAvgPool2d: made(nn.AdaptiveAvgPool2d),
  AvgPool1d: made(nn.AvgPool1d),
  AvgPool2d: made(nn.AvgPool2d),
  BatchNorm: (args, dtype) => made(nn.BatchNorm)(withDType(args, dtype)),
  BatchNorm1d: (args, dtype) => made(nn.BatchNorm1d)(withDType(args, dtype)),
  Conv1d: (args, dtype) => made(nn.Conv1d)(withDType(args, dtype)),
  Conv2d: (args, dtype) => made(nn.Conv2d)(withDType(args, dtype)),
  Dropout: made(nn.Dropout),
  ELU: made(nn.ELU),
  Embedding: (args, dtype) => made(nn.Embedding)(withDType(args, dtype)),
  Flatten: made(nn.Flatten),
  GELU: made(nn.GELU),
  Hardtanh: made(nn.Hardtanh),
  Identity: made(nn.Identity),
  Lambda: null,
  LayerNorm: (args, dtype) => made(nn.LayerNorm)(withDType(args, dtype)),
  LeakyReLU: made(nn.LeakyReLU),
  Linear: (args, dtype) => made(nn.Linear)(withDType(args, dtype)),
  LogSoftmax: made(nn.LogSoftmax),
  MaxPool1d: made(nn.MaxPool1d),
  MaxPool2d: made(nn.MaxPool2d),
  Mish: made(nn.Mish),
  ReLU: made(nn.ReLU),
  SELU: made(nn.SELU),
  Sequential: ([kind], dtype) =>
    kind === 'convolutional'
      ? new nn.Sequential(
          new nn.Conv2d(1, 2, 3, { padding: 1, bias: false, dtype }),
          new nn.BatchNorm(2, { dtype }),
          new nn.ReLU(),
          new nn.MaxPool2d(2),
          new nn.Flatten(),
          new nn.Linear(8, 3, { dtype }),
        )
      : new nn.Sequential(
          new nn.Linear(4, 3, { dtype }),
          new nn.BatchNorm(3, { dtype }),
          new nn.Tanh(),
          new nn.Linear(3, 2, { dtype }),
        ),
  SiLU: made(nn.SiLU),
  Sigmoid: made(nn.Sigmoid),
  Softmax: made(nn.Softmax),
  Softplus: made(nn.Softplus),
  Tanh: made(nn.Tanh),
} satisfies Record<LayerName, ((args: unknown[], dtype: LayerCase['dtype']) => nn.Layer) | null>;

type Loss = (input: Tensor, target: Tensor, options: never) => Tensor;

/** A loss left out does not compile. */
const losses = {
  bceLoss: nn.bceLoss,
  bceWithLogitsLoss: nn.bceWithLogitsLoss,
  crossEntropy: nn.crossEntropy,
  huberLoss: nn.huberLoss,
  klDivLoss: nn.klDivLoss,
  l1Loss: nn.l1Loss,
  mseLoss: nn.mseLoss,
  nllLoss: nn.nllLoss,
  smoothL1Loss: nn.smoothL1Loss,
} satisfies Record<LossName, Loss>;

function replayLayer(name: string, row: LayerCase): void {
  const layer = (layers as Record<string, ((args: unknown[], dtype: string) => nn.Layer) | null>)[name]!(
    row.args,
    row.dtype,
  );
  expect(Object.keys(layer.stateDict())).toEqual(Object.keys(row.state));
  layer.loadStateDict(buildAll(row.state));
  for (const [i, step] of row.steps.entries()) {
    const at = `step ${i}, ${step.train ? 'training' : 'evaluation'}:`;
    layer.train(step.train);
    layer.zeroGrad();
    const x = build(step.input, step.inputGrad !== undefined);
    const y = layer.forward(x);
    compare(`${at} output`, y, step.output);
    y.mul(build(step.upstream)).sum().backward();
    if (step.inputGrad) compare(`${at} input's gradient`, x.grad, step.inputGrad);
    expect(layer.namedParameters().map(([key]) => key)).toEqual(Object.keys(step.paramGrads));
    for (const [key, p] of layer.namedParameters())
      compare(`${at} gradient of ${key}`, p.grad, step.paramGrads[key]!);
    expect(layer.namedBuffers().map(([key]) => key)).toEqual(Object.keys(step.buffers));
    for (const [key, b] of layer.namedBuffers()) compare(`${at} ${key}`, b, step.buffers[key]!);
  }
}

function replayLoss(name: string, row: LossCase): void {
  const options = Object.fromEntries(
    Object.entries(row.options).map(([key, value]) => [
      key,
      value !== null && typeof value === 'object' ? build(value as Written) : value,
    ]),
  );
  const x = build(row.input, true);
  const t = build(row.target, row.targetGrad !== undefined);
  const y = (losses as Record<string, Loss>)[name]!(x, t, options as never);
  compare('output', y, row.output);
  if (!row.inputGrad) return;
  const wanted = row.targetGrad ? [x, t] : [x];
  const [dx, dt] = grad(y.mul(build(row.upstream)).sum(), wanted, { createGraph: true });
  compare("input's gradient", dx, row.inputGrad);
  if (row.targetGrad) compare("target's gradient", dt, row.targetGrad);
  if (!row.direction || !row.inputGrad2) return;
  const along = dx!.mul(build(row.direction)).sum();
  const bent = along.requiresGrad ? grad(along, x, { allowUnused: true }) : null;
  compare('second gradient', bent ?? x.detach().mul(0), row.inputGrad2);
}

const title = (parts: unknown[]): string => parts.map((part) => JSON.stringify(part)).join(', ');

describe(`PyTorch ${reference.torch}`, () => {
  it('has cases for every layer and loss, and for nothing else', () => {
    const known = Object.entries(layers).flatMap(([name, make]) => (make ? [name] : []));
    expect(Object.keys(reference.layers).sort()).toEqual(known.sort());
    expect(Object.keys(reference.losses).sort()).toEqual(Object.keys(losses).sort());
  });

  describe.each(Object.entries(reference.layers))('%s', (name, rows) => {
    it.each(
      rows.map((row, i) => {
        const { shape } = row.steps[0]!.input;
        return [`${i}: (${title(row.args)}) of [${shape}] ${row.dtype}`, row] as const;
      }),
    )('%s', (_, row) => replayLayer(name, row));
  });

  describe.each(Object.entries(reference.losses))('%s', (name, rows) => {
    it.each(
      rows.map((row, i) => {
        const options = Object.entries(row.options).map(([key, value]) =>
          value !== null && typeof value === 'object' ? key : `${key}: ${value}`,
        );
        return [`${i}: [${row.input.shape}] ${row.input.dtype} { ${options.join(', ')} }`, row] as const;
      }),
    )('%s', (_, row) => replayLoss(name, row));
  });
});
