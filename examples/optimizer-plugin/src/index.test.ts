import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOptimizer, tensor, ValueError } from 'gradlet';
import { optimizerContract, type RowOptions, verify } from 'gradlet/testing';
import { QHAdam } from './index.ts';

const settings: RowOptions[] = [{}, { beta1: 0.9, nu1: 0.5, nu2: 0.5, weightDecay: 0.1 }];
for (const options of settings) {
  for (const { name, run } of optimizerContract(QHAdam, { options })) {
    test(`${name}, with ${JSON.stringify(options)}`, run);
  }
}

test('with ν₁ = ν₂ = 1 it is Adam', async () => {
  const result = await verify(QHAdam, { as: 'adam', options: { beta1: 0.9, nu1: 1, nu2: 1 } });
  assert.ok(result.ok, String(result));
});

test('takes two steps that were computed by hand', () => {
  const w = tensor([1], { dtype: 'float64', requiresGrad: true });
  const optimizer = new QHAdam([w], { lr: 0.5, beta1: 0.2, beta2: 0.5, nu1: 0.8, nu2: 0.5, eps: 0 });
  const path = [7, 1].map((gradient) => {
    w.grad = tensor([gradient], { dtype: 'float64' });
    optimizer.step();
    return w.item();
  });
  // after one step m̂ = g and v̂ = g²: 1 − 0.5 · 7 / 7
  // then m̂ = 1.92 / 0.96 = 2 and v̂ = 12.75 / 0.75 = 17: 0.5 − 0.5 · (0.2 + 1.6) / √(0.5 + 8.5)
  for (const [i, expected] of [0.5, 0.2].entries()) {
    assert.ok(Math.abs(path[i]! - expected) < 1e-15, `step ${i + 1}: ${path[i]} instead of ${expected}`);
  }
});

test('has the options that it says', () => {
  const w = tensor([1], { requiresGrad: true });
  assert.equal(createOptimizer('qhadam', [w], { nu1: 0.8 }).groups[0]!.nu1, 0.8);
  assert.throws(() => createOptimizer('qhadam', [w], { nu2: 1.5 }), ValueError);
  // @ts-expect-error there is no such option
  assert.throws(() => createOptimizer('qhadam', [w], { nu: 0.8 }), /Did you mean "nu1"/);
  // @ts-expect-error an option of Adam that this one has not
  assert.throws(() => new QHAdam([w], { amsgrad: true }), ValueError);
});
