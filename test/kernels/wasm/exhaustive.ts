/**
 * The worst error of every function of one argument over all single numbers, or over every n-th, and of powers over
 * random pairs: `npx tsx test/kernels/wasm/exhaustive.ts [n] [name …]`. All of them take hours, every 17th minutes.
 */
import { LANES } from '../../../src/kernels/wasm/math.ts';
import { CHUNK, FUSED, inDoubles, loopOf, ulps, WAVES_END } from './support.ts';

const [first = '17', ...names] = process.argv.slice(2);
const stride = Number(first);
const TWO = ['max', 'min', 'pow'];

/** The largest error so far, and where it is. */
interface Worst {
  error: number;
  at: readonly number[];
}

/** The next random pair: a base of any size, and an exponent that does not take it out of range most of the time. */
function pair(x: Float32Array, y: Float32Array, k: number): void {
  const size = 2 ** ((Math.random() - 0.5) * (Math.random() < 0.5 ? 2 : 252));
  const exponent = ((Math.random() - 0.5) * 310) / (Math.log2(size) || 1);
  y[k] = Math.random() < 0.5 ? exponent : Math.round(exponent);
  x[k] = Math.random() < 0.5 ? size : -size;
}

for (const name of names.length > 0 ? names : Object.keys(LANES)) {
  const exact = inDoubles(name);
  const isWave = name === 'sin' || name === 'cos';
  const line: string[] = [];
  for (const fused of FUSED) {
    const loop = loopOf(name, fused);
    const { x, y } = loop;
    const bits = new Uint32Array(x.buffer, x.byteOffset, CHUNK);
    const worst: Worst = { error: 0, at: [] };
    for (let start = 0; start < 2 ** 32; start += CHUNK * stride) {
      for (let k = 0; k < CHUNK; k++) {
        if (TWO.includes(name)) pair(x, y, k);
        else bits[k] = start + k * stride;
      }
      const [out] = loop.run();
      for (let k = 0; k < CHUNK; k++) {
        const error = isWave && Math.abs(x[k]!) > WAVES_END ? 0 : ulps(out![k]!, exact(x[k]!, y[k]!));
        if (error > worst.error)
          Object.assign(worst, { error, at: TWO.includes(name) ? [x[k], y[k]] : [x[k]] });
      }
    }
    line.push(`${fused ? 'fused' : 'plain'} ${worst.error.toFixed(3)} at ${worst.at.join(', ')}`);
  }
  console.log(name.padEnd(9), line.join('   '));
}
