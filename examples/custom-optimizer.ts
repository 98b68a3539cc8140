// Defines an optimizer that gradlet does not have, registers it, and lets it compete on the irises by its name.
import { defineOptimizer, registerOptimizer } from 'gradlet';
import { compareOptimizers, irisDefaults, irisTable } from './iris.ts';

/** Signum: a step of the same length for every parameter, along the sign of its mean gradient. */
export const Signum = defineOptimizer({
  name: 'signum',
  paper: 'https://arxiv.org/abs/1802.04434',
  defaults: { lr: 0.01, beta1: 0.9 },
  lines: {
    m: ({ g, m }, { beta1 }) => beta1 * m + (1 - beta1) * g,
    delta: ({ m }) => Math.sign(m),
  },
});

// lets TypeScript complete and check createOptimizer('signum', params, { beta1: 0.95 })
declare module 'gradlet' {
  interface OptimizerRules {
    signum: typeof Signum;
  }
}
registerOptimizer(Signum);

console.log('signum against two others on the irises, 200 epochs, learning rate 0.02\n');
const runs = await compareOptimizers({
  ...irisDefaults,
  optimizers: ['sgdm', 'adam', 'signum'],
  epochs: 200,
  lr: 0.02,
});
console.log(`\n${irisTable(runs)}`);
