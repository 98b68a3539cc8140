// What the namespace `surfaces` holds.
import type { Tensor } from '../tensor/index.ts';
import type { Surface } from './descend.ts';

/**
 * A long ravine, fifty times as steep across as along.
 *
 * $$f(x, y) = \tfrac{1}{10} x^2 + 5 y^2, \qquad \min f = f(0, 0) = 0$$
 *
 * The walls set the learning rate: plain gradient descent must stay below 0.2, or it swings higher with every step. Below
 * that it swings from wall to wall and hardly gets on, while momentum cancels the swings and adds up what leads along.
 *
 * @paper Goh, Why momentum really works, 2017, https://doi.org/10.23915/distill.00006
 */
export const ravine: Surface = {
  name: 'ravine',
  f: (x, y) => x.square().div(10).add(y.square().mul(5)),
  region: { x: [-10, 4], y: [-3, 3] },
  start: [-8, 1.5],
  minima: [[0, 0]],
};

/**
 * A saddle between two valleys.
 *
 * $$f(x, y) = \tfrac{1}{2} x^2 + \tfrac{1}{4} y^4 - \tfrac{1}{2} y^2, \qquad \min f = f(0, \pm 1) = -\tfrac{1}{4}$$
 *
 * At (0, 0) the gradient vanishes, and it is no minimum. The start lies 0.0001 beside the ridge that leads there: plain
 * gradient descent walks to the saddle and stalls, for along y the gradient is as small as that. Adaptive methods divide
 * by its size, and go along both axes at the same speed.
 *
 * @paper Nesterov, Introductory lectures on convex optimization, 2004, https://doi.org/10.1007/978-1-4419-8853-9
 * @paper Dauphin et al., Identifying and attacking the saddle point problem in high-dimensional non-convex optimization, 2014, https://arxiv.org/abs/1406.2572
 */
export const saddle: Surface = {
  name: 'saddle',
  f: (x, y) => x.square().div(2).add(y.pow(4).div(4)).sub(y.square().div(2)),
  region: { x: [-1.5, 1.1], y: [-1.5, 1.5] },
  start: [-1.2, 1e-4],
  minima: [
    [0, 1],
    [0, -1],
  ],
};

/**
 * The error of a recurrent network of one unit, which has a cliff.
 *
 * $$h_0 = \tfrac{1}{2}, \qquad h_k = x \cdot \sigma(h_{k-1}) + y, \qquad f(x, y) = \left(\sigma(h_{10}) - 0.7\right)^2$$
 *
 * x is its weight and y its bias; after ten steps it shall say 0.7, as it does along a curve with $f = 0$. At the foot of the
 * cliff one huge gradient throws the parameters onto a plateau where nothing moves any more; with `clipNorm` they stay, and
 * walk on along the foot. After the example of the paper, whose network takes fifty steps and has a still steeper cliff.
 *
 * @paper Pascanu, Mikolov and Bengio, On the difficulty of training recurrent neural networks, 2013, https://arxiv.org/abs/1211.5063
 */
export const cliff: Surface = {
  name: 'cliff',
  f: (x, y) => {
    let h: Tensor = x.mul(0).add(0.5);
    for (let k = 0; k < 10; k++) h = h.sigmoid().mul(x).add(y);
    return h.sigmoid().sub(0.7).square();
  },
  region: { x: [2, 7], y: [-3.5, 0] },
  start: [6, -2],
  minima: [],
};

/**
 * Rosenbrock's banana: a curved valley with a nearly flat floor.
 *
 * $$f(x, y) = (1 - x)^2 + 100 (y - x^2)^2, \qquad \min f = f(1, 1) = 0$$
 *
 * Every method finds the valley at once; what differs is how it gets on along the floor. The start is Rosenbrock's.
 *
 * @paper Rosenbrock, An automatic method for finding the greatest or least value of a function, 1960, https://doi.org/10.1093/comjnl/3.3.175
 */
export const rosenbrock: Surface = {
  name: 'rosenbrock',
  f: (x, y) => x.sub(1).square().add(y.sub(x.square()).square().mul(100)),
  region: { x: [-1.7, 1.7], y: [-0.6, 2] },
  start: [-1.2, 1],
  minima: [[1, 1]],
};

/**
 * Beale's function: plains between steep corners.
 *
 * $$f(x, y) = (1.5 - x + x y)^2 + (2.25 - x + x y^2)^2 + (2.625 - x + x y^3)^2, \qquad \min f = f(3, 0.5) = 0$$
 *
 * Gradients differ by orders of magnitude from place to place: one learning rate is too high here and too low there.
 *
 * @paper Beale, On an iterative method for finding a local minimum of a function of more than one variable, 1958
 */
export const beale: Surface = {
  name: 'beale',
  f: (x, y) => {
    const term = (constant: number, power: number): Tensor =>
      y.pow(power).sub(1).mul(x).add(constant).square();
    return term(1.5, 1).add(term(2.25, 2)).add(term(2.625, 3));
  },
  region: { x: [-0.5, 4.2], y: [-2, 2.2] },
  start: [1, 1.5],
  minima: [[3, 0.5]],
};

/**
 * Himmelblau's function: four minima of the same depth.
 *
 * $$f(x, y) = (x^2 + y - 11)^2 + (x + y^2 - 7)^2$$
 *
 * $f = 0$ at (3, 2) and, rounded, at (−2.805118, 3.131313), (−3.779310, −3.283186) and (3.584428, −1.848127). In which one
 * a method ends depends on how far it overshoots.
 *
 * @paper Himmelblau, Applied nonlinear programming, 1972
 */
export const himmelblau: Surface = {
  name: 'himmelblau',
  f: (x, y) => x.square().add(y).sub(11).square().add(y.square().add(x).sub(7).square()),
  region: { x: [-5, 5], y: [-5, 5] },
  start: [0, 0],
  minima: [
    [3, 2],
    [-2.805118086952745, 3.131312518250573],
    [-3.779310253377747, -3.283185991286169],
    [3.584428340330492, -1.848126526964404],
  ],
};
