// brain.js has no batches, linear outputs or cross-entropy: its training goes row by row on squared errors behind the
// activation, so that it computes something else everywhere. What comes nearest is timed.
import { readFileSync } from 'node:fs';
import brain from 'brain.js';
import { oneHot, serve } from '../engines/serve.ts';

const manifest = new URL('../node_modules/brain.js/package.json', import.meta.url);
serve(
  {
    train({ sizes, norm, dropout, fresh, steps, optimizer }, { batches }) {
      if (sizes.length < 3 || norm || dropout > 0 || !fresh || optimizer.name !== 'adam') return null;
      const [inputs, classes] = [sizes[0], sizes.at(-1)];
      const data = batches.flatMap(({ rows, x, classes: labels }) => {
        const targets = oneHot(labels, classes);
        return Array.from({ length: rows }, (_, i) => ({
          input: [...x.subarray(i * inputs, (i + 1) * inputs)],
          output: [...targets.subarray(i * classes, (i + 1) * classes)],
        }));
      });
      const run = () => {
        const net = new brain.NeuralNetwork({ hiddenLayers: sizes.slice(1, -1), activation: 'sigmoid' });
        net.train(data, {
          iterations: steps / batches.length,
          errorThresh: 1e-9,
          praxis: 'adam',
          learningRate: optimizer.lr,
        });
      };
      return { run, check: () => [] };
    },
  },
  JSON.parse(readFileSync(manifest, 'utf8')).version,
);
