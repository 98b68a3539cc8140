// What several rules share, so that each momentum is written down once.

type Numbers<N extends string> = Readonly<Record<N, number>>;

/** First-order momentum: the running mean of gradients, from 0. */
export const firstMoment = ({ g, m }: Numbers<'g' | 'm'>, { beta1 }: Numbers<'beta1'>): number =>
  beta1 * m + (1 - beta1) * g;

/** Second-order momentum: the running mean of squared gradients, from 0. */
export const secondMoment = ({ g, v }: Numbers<'g' | 'v'>, { beta2 }: Numbers<'beta2'>): number =>
  beta2 * v + (1 - beta2) * g * g;

/** The weight that running means from 0 hold after t steps; dividing by it corrects their bias. */
export const biasCorrections = (
  t: number,
  { beta1, beta2 }: Numbers<'beta1' | 'beta2'>,
): Numbers<'bias1' | 'bias2'> => ({ bias1: 1 - beta1 ** t, bias2: 1 - beta2 ** t });

/** The first moment over the root of the second one, both corrected. */
export const adamDirection = (
  { m, v }: Numbers<'m' | 'v'>,
  { bias1, bias2, eps, epsRoot }: Numbers<'bias1' | 'bias2' | 'eps' | 'epsRoot'>,
): number => m / bias1 / (Math.sqrt(v / bias2 + epsRoot) + eps);
