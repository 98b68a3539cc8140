// Defines an optimizer that gradlet does not have, registers it, and lets it compete on the irises by its name.
import { Adam, defineOptimizer, registerOptimizer } from 'gradlet';
import { compareOptimizers, irisDefaults, irisTable } from './iris.ts';

const { m, v, vMax, delta: u } = Adam.rule.lines;

/**
 * Cautious Adam: Adam that leaves an element alone while its momentum and its gradient disagree.
 * After Liang et al., Cautious optimizers: improving training with one line of code, 2024.
 */
export const CautiousAdam = defineOptimizer({
  ...Adam.rule,
  name: 'cautiousAdam',
  paper: 'https://arxiv.org/abs/2411.16085',
  lines: { m, v, vMax, u, delta: ({ u, g }) => (u * g > 0 ? u : 0) },
});

// lets TypeScript complete and check createOptimizer('cautiousAdam', params, { beta1: 0.8 })
declare module 'gradlet' {
  interface OptimizerRules {
    cautiousAdam: typeof CautiousAdam;
  }
}
registerOptimizer(CautiousAdam);

console.log('cautiousAdam against two others on the irises, 200 epochs, learning rate 0.02\n');
const runs = await compareOptimizers({
  ...irisDefaults,
  optimizers: ['sgdm', 'adam', 'cautiousAdam'],
  epochs: 200,
  lr: 0.02,
});
console.log(`\n${irisTable(runs)}`);
