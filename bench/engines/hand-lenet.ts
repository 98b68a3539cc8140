// The convolutional network by hand: plain loops, one image after the other.
import { crossEntropy, updater, zeros } from './hand-parts.ts';
import { lenet, lenetImages } from './serve.ts';

/** A convolution of 3 × 3 with a border of zeros, ReLU, and the largest of 2 × 2. */
interface Block {
  readonly channels: number;
  readonly outputs: number;
  readonly side: number;
  readonly w: Float32Array;
  readonly b: Float32Array;
  readonly dw: Float32Array;
  readonly db: Float32Array;
  readonly x: Float32Array;
  readonly dx: Float32Array;
  readonly y: Float32Array;
  readonly dy: Float32Array;
  readonly top: Float32Array;
  readonly dtop: Float32Array;
  /** Where in y each of the largest stands. */
  readonly places: Int32Array;
}

/** Calls `visit` with the rows and columns of x that a place of the kernel sees inside the image. */
function inside(
  side: number,
  k: number,
  l: number,
  visit: (y: number, x: number, count: number) => void,
): void {
  const [down, along] = [k - 1, l - 1];
  const [first, last] = [Math.max(0, -along), Math.min(side, side - along)];
  for (let i = Math.max(0, -down); i < Math.min(side, side - down); i++) {
    visit(i * side + first, (i + down) * side + first + along, last - first);
  }
}

/** Calls `visit` with each weight, and the channel planes that it connects. */
function eachWeight(
  { channels, outputs, side }: Block,
  visit: (weight: number, y: number, x: number, k: number, l: number) => void,
): void {
  const area = side * side;
  for (let o = 0, at = 0; o < outputs; o++) {
    for (let c = 0; c < channels; c++) {
      for (let k = 0; k < 3; k++) for (let l = 0; l < 3; l++) visit(at++, o * area, c * area, k, l);
    }
  }
}

function forward(block: Block): void {
  const { outputs, side, w, b, x, y, top, places } = block;
  const area = side * side;
  for (let o = 0; o < outputs; o++) y.fill(b[o]!, o * area, (o + 1) * area);
  eachWeight(block, (at, to, from, k, l) => {
    const weight = w[at]!;
    inside(side, k, l, (p, q, count) => {
      for (let j = 0; j < count; j++) y[to + p + j]! += weight * x[from + q + j]!;
    });
  });
  for (let i = 0; i < y.length; i++) if (y[i]! < 0) y[i] = 0;
  for (let o = 0, to = 0; o < outputs; o++) {
    for (let i = 0; i < side; i += 2) {
      for (let j = 0; j < side; j += 2, to++) {
        const from = o * area + i * side + j;
        let at = from;
        for (const p of [from + 1, from + side, from + side + 1]) if (y[p]! > y[at]!) at = p;
        top[to] = y[at]!;
        places[to] = at;
      }
    }
  }
}

function backward(block: Block, first: boolean): void {
  const { side, w, dw, db, x, dx, y, dy, dtop, places } = block;
  const area = side * side;
  dy.fill(0);
  for (const [i, at] of places.entries()) if (y[at]! > 0) dy[at]! += dtop[i]!;
  for (let i = 0; i < dy.length; i++) db[Math.floor(i / area)]! += dy[i]!;
  dx.fill(0);
  eachWeight(block, (at, to, from, k, l) => {
    const weight = w[at]!;
    let sum = 0;
    inside(side, k, l, (p, q, count) => {
      for (let j = 0; j < count; j++) sum += dy[to + p + j]! * x[from + q + j]!;
      if (first) return;
      for (let j = 0; j < count; j++) dx[from + q + j]! += weight * dy[to + p + j]!;
    });
    dw[at]! += sum;
  });
}

/** A training step of a new network, which gives the loss. */
export function lenetTrainer(batch: number): () => number {
  const layers = lenet();
  const total = layers.reduce((n, { weight, bias }) => n + weight.length + bias.length, 0);
  const [p, g] = [zeros(total), zeros(total)];
  let at = 0;
  const part = (values: Float32Array): [Float32Array, Float32Array] => {
    p.set(values, at);
    at += values.length;
    return [p.subarray(at - values.length, at), g.subarray(at - values.length, at)];
  };
  const block = (layer: (typeof layers)[number], channels: number, side: number): Block => {
    const [w, dw] = part(layer.weight);
    const [b, db] = part(layer.bias);
    const [before, after] = [channels * side * side, layer.outputs * side * side];
    return {
      ...{ channels, outputs: layer.outputs, side, w, dw, b, db },
      ...{ x: zeros(before), dx: zeros(before), y: zeros(after), dy: zeros(after) },
      ...{ top: zeros(after / 4), dtop: zeros(after / 4), places: new Int32Array(after / 4) },
    };
  };
  const [one, two] = [block(layers[0], 1, 28), block(layers[1], 8, 14)];
  const [w, dw] = part(layers[2].weight);
  const [b, db] = part(layers[2].bias);
  const update = updater({ name: 'adam', lr: 1e-3 }, p, g);
  const { x, classes } = lenetImages(batch);
  const [logits, slopes] = [zeros(10), zeros(10)];
  return () => {
    g.fill(0);
    let loss = 0;
    for (let n = 0; n < batch; n++) {
      one.x.set(x.subarray(n * 784, (n + 1) * 784));
      forward(one);
      two.x.set(one.top);
      forward(two);
      const { top, dtop } = two;
      for (let o = 0; o < 10; o++) {
        let sum = b[o]!;
        for (let i = 0; i < 784; i++) sum += w[o * 784 + i]! * top[i]!;
        logits[o] = sum;
      }
      loss += crossEntropy(logits, classes.subarray(n, n + 1), 10, slopes) / batch;
      dtop.fill(0);
      for (let o = 0; o < 10; o++) {
        const slope = slopes[o]! / batch;
        db[o]! += slope;
        for (let i = 0; i < 784; i++) {
          dw[o * 784 + i]! += slope * top[i]!;
          dtop[i]! += slope * w[o * 784 + i]!;
        }
      }
      backward(two, false);
      one.dtop.set(two.dx);
      backward(one, true);
    }
    update();
    return loss;
  };
}
