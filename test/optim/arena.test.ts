import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DeviceLostError, GpuDevice } from '../../src/kernels/gpu.ts';
import {
  calibrateGpu,
  createOptimizer,
  defineOptimizer,
  type GpuCalibration,
  type GpuOption,
  type OptimizerName,
  setGpuCalibration,
} from '../../src/optim/index.ts';
import { assign, type Tensor, tensor, zeros } from '../../src/tensor/index.ts';
import { expectClose } from '../support/close.ts';
import { messageOf } from '../support/errors.ts';

const SIZES = [5, 3, 8];
const wave = (k: number, size: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => 1.5 * Math.sin(i * 1.7 + k * k + 0.4));
const parameters = (): Tensor[] => SIZES.map((size) => tensor(wave(size, size), { requiresGrad: true }));
const giveGradients = (params: readonly Tensor[], t: number): void => {
  for (const [k, p] of params.entries()) p.grad = tensor(wave(10 * t + k, p.size));
};

/** What may happen before a step. */
type Events = Readonly<
  Record<number, (params: Tensor[], optimizer: Made, onGpu: boolean) => void | Promise<void>>
>;
type Made = ReturnType<typeof make>;

const make = (name: OptimizerName, params: Tensor[], options: object, gpu: GpuOption) =>
  createOptimizer(name, params, { ...options, gpu });

let device: GpuDevice;
beforeEach(async () => {
  device = await GpuDevice.open('test', 'webasm');
});
afterEach(() => vi.restoreAllMocks());

/** The same training on the loop and on the device; both must come to the same parameters and state. */
async function compare(
  name: OptimizerName,
  options: object,
  steps: number,
  events: Events = {},
  async = false,
): Promise<Made[]> {
  const made: Made[] = [];
  const ends: Tensor[][] = [];
  for (const gpu of ['off', { mode: 'webasm' }] as const) {
    const params = parameters();
    const optimizer = make(name, params, options, gpu);
    await optimizer.ready();
    for (let t = 1; t <= steps; t++) {
      giveGradients(params, t);
      await events[t]?.(params, optimizer, gpu !== 'off');
      if (async) await optimizer.stepAsync();
      else optimizer.step();
    }
    if (async) await optimizer.sync();
    made.push(optimizer);
    ends.push(params);
  }
  for (const [k, p] of ends[0]!.entries()) expectClose(ends[1]![k]!, p, { rtol: 2e-5, atol: 2e-5 });
  const [loop, gpu] = made.map((optimizer) => optimizer.stateDict().groups[0]!.params) as [Saved, Saved];
  for (const [k, { t, state }] of loop.entries()) {
    expect([gpu[k]!.t, Object.keys(gpu[k]!.state).sort()]).toEqual([t, Object.keys(state).sort()]);
    for (const name of Object.keys(state)) {
      expectClose(gpu[k]!.state[name]!, state[name]!, { rtol: 1e-4, atol: 1e-5, what: name });
    }
  }
  return made;
}
type Saved = ReturnType<Made['stateDict']>['groups'][0]['params'];

describe('parameters on a device', () => {
  it('stay there with what is kept: each step takes up the gradient, and launches once', async () => {
    const upload = vi.spyOn(device, 'upload');
    const others = (['run', 'read'] as const).map((name) => vi.spyOn(device, name));
    const params = parameters();
    const optimizer = make('adam', params, {}, { mode: 'webasm' });
    await optimizer.ready();
    const counts = (): number[] => [upload, ...others].map((spy) => spy.mock.calls.length);
    const seen: number[][] = [];
    for (let t = 1; t <= 3; t++) {
      giveGradients(params, t);
      optimizer.lr = 1 / t;
      optimizer.step();
      seen.push(counts());
    }
    // p, m, v and the gradient of all three parameters; then the gradient alone
    expect(seen).toEqual([
      [4, 1, 1],
      [5, 2, 2],
      [6, 3, 3],
    ]);
    expect(upload.mock.calls.map(([values]) => values.length)).toEqual([16, 16, 16, 16, 16, 16]);
    optimizer.stateDict();
    expect(counts()).toEqual([6, 3, 5]);
    optimizer.stateDict();
    expect(counts()).toEqual([6, 3, 5]);
  });

  it('go together where they take the same step, group by group', async () => {
    const run = vi.spyOn(device, 'run');
    const [a, b, c] = parameters() as [Tensor, Tensor, Tensor];
    const groups = [{ params: [a, b] }, { params: [c], lr: 0.5 }];
    const optimizer = createOptimizer('adamw', groups, { gpu: { mode: 'webasm' } });
    await optimizer.ready();
    giveGradients([a, b, c], 1);
    optimizer.step();
    expect(run.mock.calls.map(([, n]) => n)).toEqual([8, 8]);
  });

  it('are as many in one array as the device takes', async () => {
    vi.spyOn(device, 'limit', 'get').mockReturnValue(10);
    const run = vi.spyOn(device, 'run');
    await compare('adam', {}, 3);
    expect(run.mock.calls.map(([, n]) => n)).toEqual([8, 8, 8, 8, 8, 8]);
    vi.spyOn(device, 'limit', 'get').mockReturnValue(6);
    const [, onGpu] = await compare('adam', {}, 2);
    expect(onGpu!.engines().map(({ engine, why }) => [engine, why])).toEqual([
      ['webasm', '5 numbers, at least 0, on webasm'],
      ['webasm', '3 numbers, at least 0, on webasm'],
      ['loop', '8 numbers, and webasm takes 6 at most'],
    ]);
  });

  it.each<[OptimizerName, object]>([
    ['adam', {}],
    ['nadam', { weightDecay: 0.1 }],
    ['lamb', { weightDecay: 0.1 }],
    ['lars', { lr: 0.1, trustCoefficient: 0.1, clipNorm: { max: 1, per: 'parameter' } }],
    ['rprop', {}],
    ['scheduleFreeSgd', { lr: 0.1, l1: 0.01, towardInit: true }],
  ])('come to the same as in the loop over 70 steps: %s %j', async (name, options) => {
    await compare(name, options, 70);
  });
});

describe('nothing stale is ever seen', () => {
  const at =
    (...steps: number[]): ((event: Events[number]) => Events) =>
    (event) =>
      Object.fromEntries(steps.map((t) => [t, event]));

  it('where the state is saved on the way', async () => {
    await compare(
      'adam',
      {},
      8,
      at(3, 4, 6)((_, optimizer) => void optimizer.stateDict()),
    );
  });

  it('where parameters are written from outside, by assign or through their data', async () => {
    await compare('adam', {}, 8, {
      3: ([a]) => assign(a!, zeros([5])),
      5: ([, b]) => void (b!.data.data as Float32Array).fill(0.5),
    });
  });

  it('where a state is loaded in the middle', async () => {
    let saved: ReturnType<Made['stateDict']>;
    await compare('adam', {}, 9, {
      4: (_, optimizer) => {
        saved = optimizer.stateDict();
      },
      7: (_, optimizer) => optimizer.loadStateDict(saved),
    });
  });

  it('where a parameter has no gradient at times', async () => {
    await compare(
      'adam',
      {},
      9,
      at(
        2,
        5,
        6,
      )(([, b]) => {
        b!.grad = null;
      }),
    );
  });

  it('where another option wants more to be kept', async () => {
    await compare(
      'adam',
      {},
      8,
      at(4)((_, optimizer) => {
        (optimizer.groups[0] as unknown as { amsgrad: boolean }).amsgrad = true;
      }),
    );
  });

  it('where steps are explained, and so taken in the loop, for a while', async () => {
    const [, onGpu] = await compare('adam', {}, 9, {
      4: (_, optimizer) => {
        optimizer.explain = true;
        expect(optimizer.engines()[0]).toEqual({
          name: '0',
          engine: 'loop',
          why: 'explain is on, for which steps are taken in the loop',
        });
      },
      6: ([a], optimizer) => {
        expect([optimizer.engineOf(a!), optimizer.explainStep(a!, [0]).t]).toEqual(['loop', 5]);
        optimizer.explain = false;
      },
    });
    expect(onGpu!.engines()[0]!.engine).toBe('webasm');
  });

  it('where averages are wanted', async () => {
    const seen: Tensor[][] = [];
    await compare(
      'scheduleFreeAdamw',
      { lr: 0.1 },
      6,
      at(5)((params, optimizer) => {
        seen.push(optimizer.withAverages(() => params.map((p) => tensor(p.toArray()))));
      }),
    );
    for (const [k, average] of seen[0]!.entries())
      expectClose(seen[1]![k]!, average, { rtol: 2e-5, atol: 2e-5 });
  });
});

describe('a device that is lost', () => {
  const lose = (): void => {
    vi.spyOn(device, 'read').mockImplementationOnce(() => {
      vi.spyOn(device, 'lost', 'get').mockReturnValue(true);
      throw new DeviceLostError('gone');
    });
  };

  it.each([1, 2, 20, 40])(
    'at step %d loses nothing of the training: the loop goes on, with a warning',
    async (step) => {
      const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
      const events: Events = {
        [step]: (_params, _optimizer, onGpu) => {
          if (onGpu) lose();
        },
        7: ([a]) => assign(a!, zeros([5])),
      };
      const [, onGpu] = await compare('nadam', { weightDecay: 0.1 }, 45, events);
      expect(warn.mock.calls).toEqual([
        ['gradlet: the webasm device was lost. Updates go on in the loop; nothing of the training is lost.'],
      ]);
      expect(onGpu!.engines()[0]).toEqual({ name: '0', engine: 'loop', why: 'the webasm device was lost' });
    },
  );

  it('is noticed where the state is saved, too', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => {});
    await compare('adam', {}, 8, {
      5: (_params, optimizer, onGpu) => {
        if (onGpu) lose();
        optimizer.stateDict();
      },
    });
  });

  it('any other error is passed on', async () => {
    const p = parameters();
    const optimizer = make('adam', p, {}, { mode: 'webasm' });
    await optimizer.ready();
    vi.spyOn(device, 'run').mockImplementationOnce(() => {
      throw new Error('another');
    });
    giveGradients(p, 1);
    expect(() => optimizer.step()).toThrow('another');
  });
});

describe('a device whose results come later', () => {
  beforeEach(() => {
    vi.spyOn(device, 'sync', 'get').mockReturnValue(false);
    for (const name of ['upload', 'read', 'run', 'sumSquares'] as const) {
      const original = device[name].bind(device) as (...args: unknown[]) => unknown;
      vi.spyOn(device, name).mockImplementation((async (...args: unknown[]) => original(...args)) as never);
    }
  });

  it.each<[OptimizerName, object]>([
    ['adam', {}],
    ['lamb', {}],
  ])('is for stepAsync: %s', async (name, options) => {
    await compare(name, options, 40, {}, true);
  });

  it('step and stateDict say so, and sync brings home what is there', async () => {
    const params = parameters();
    const optimizer = make('adam', params, {}, { mode: 'webasm' });
    await optimizer.ready();
    giveGradients(params, 1);
    expect(messageOf(() => optimizer.step())).toBe(
      'adam.step: the GPU backend must be synchronous, got gpu.mode "webasm", whose results come later. Use `await optimizer.stepAsync()`.',
    );
    const pending = optimizer.stepAsync();
    await new Promise((resolve) => setTimeout(resolve));
    await pending;
    expect(messageOf(() => optimizer.stateDict())).toBe(
      'adam.stateDict: what the optimizer keeps must be at hand, got some of it on WebGPU. Call `await optimizer.sync()` first.',
    );
    await optimizer.sync();
    expect(optimizer.stateDict().groups[0]!.params[0]!.t).toBe(1);
  });

  it('lets nothing else happen while a step is under way', async () => {
    const params = parameters();
    const optimizer = make('adam', params, {}, { mode: 'webasm' });
    await optimizer.ready();
    giveGradients(params, 1);
    const saved = optimizer.stateDict();
    const pending = optimizer.stepAsync();
    await Promise.resolve();
    await Promise.resolve();
    const message = 'the step before must have ended, got one still under way. Await it.';
    expect(messageOf(() => optimizer.step())).toBe(`adam.step: ${message}`);
    expect(messageOf(() => optimizer.loadStateDict(saved))).toBe(`adam.loadStateDict: ${message}`);
    expect(messageOf(() => optimizer.addGroup({ params: parameters() }))).toBe(`adam.addGroup: ${message}`);
    await pending;
    expect(optimizer.steps).toBe(1);
  });
});

describe('calibration', () => {
  const recorded: GpuCalibration = { mode: 'webasm', threshold: 20_000, why: 'as measured', measured: [] };
  const large = (size = 30_000): Tensor => {
    const p = zeros([size], { requiresGrad: true });
    p.grad = zeros([size]);
    return p;
  };
  afterEach(() => setGpuCalibration(null));

  it('times loop and backend at growing sizes, and says from where on it pays', async () => {
    const { mode, threshold, why, measured } = await calibrateGpu('webasm');
    expect(mode).toBe('webasm');
    expect(measured.length).toBeGreaterThan(0);
    for (const { n, loop, gpu } of measured) {
      expect([n % 16384, loop > 0, gpu > 0]).toEqual([0, true, true]);
    }
    const last = measured.at(-1)!;
    const faster = last.gpu < last.loop;
    expect(threshold).toBe(faster ? last.n : null);
    expect(why).toMatch(faster ? 'is faster from' : `is slower than the loop up to ${last.n} numbers`);
  });

  it('without a GPU says what is missing, and auto takes the loop', async () => {
    const p = large();
    const optimizer = createOptimizer('sgd', [p]);
    await optimizer.stepAsync();
    const [{ engine, why }] = optimizer.engines() as [ReturnType<typeof optimizer.engines>[0]];
    expect(engine).toBe('loop');
    expect(why).toMatch(/run on webgl2 here.*not supported.*; .*run on webgpu here/);
    const { mode, threshold } = await calibrateGpu();
    expect([mode, threshold]).toEqual([null, null]);
  });

  it('that was recorded is what auto goes by', async () => {
    setGpuCalibration(JSON.parse(JSON.stringify(recorded)));
    const [p, smaller] = [large(), large(19_000)];
    const optimizer = createOptimizer('sgd', [p, smaller]);
    optimizer.step();
    expect(optimizer.engineOf(p)).toBe('loop');
    await optimizer.ready();
    optimizer.step();
    expect([p, smaller].map((one) => optimizer.engineOf(one))).toEqual(['webasm', 'loop']);
    expect(optimizer.engines()[1]!.why).toBe('19000 numbers, and webasm pays from 20000 on');
  });

  it('that was recorded on another machine does no harm', async () => {
    setGpuCalibration({ ...recorded, mode: 'webgl2' });
    const optimizer = createOptimizer('sgd', [large()]);
    await optimizer.stepAsync();
    expect(optimizer.engines()[0]!.why).toMatch(/^sgd: gpu.js must be able to run on webgl2 here/);
  });

  it.each<[unknown, string]>([
    [7, 'it must be what calibrateGpu returned, or null, got 7.'],
    [
      { ...recorded, mode: 'cuda' },
      'mode must be a backend of gpu.js, or null, got "cuda". Known: webgl2, webgpu, webasm, cpu.',
    ],
    [{ ...recorded, threshold: -1 }, 'threshold must be a number ≥ 0, or null, got -1.'],
    [
      { ...recorded, speed: 1 },
      'every option must be known, got "speed". Known: mode, threshold, why, measured.',
    ],
  ])('is checked (%#)', (calibration, message) => {
    expect(messageOf(() => setGpuCalibration(calibration as GpuCalibration))).toBe(
      `setGpuCalibration: ${message}`,
    );
  });
});

describe('a rule that a device cannot serve', () => {
  it('works on whole tensors', async () => {
    const p = zeros([2, 2], { requiresGrad: true });
    const optimizer = createOptimizer('muon', [p], { gpu: { mode: 'webasm' } });
    await optimizer.stepAsync();
    expect(optimizer.engines()).toEqual([
      { name: '0', engine: 'loop', why: 'the rule works on whole tensors, and those on the host' },
    ]);
  });

  it('a number as a condition is made a comparison', async () => {
    const Kind = defineOptimizer({
      name: 'conditional',
      paper: '',
      defaults: { lr: 1 },
      norms: { size: 'g' },
      lines: { delta: ({ g }, { size }) => (size > 1 ? g : 2 * g) },
    });
    const [p, q] = [tensor([1, 1], { requiresGrad: true }), tensor([1, 1], { requiresGrad: true })];
    p.grad = tensor([0.5, 0.5]);
    q.grad = tensor([1, 2]);
    const optimizer = new Kind([p, q], { gpu: { mode: 'webasm' } });
    await optimizer.stepAsync();
    expect([p.toArray(), q.toArray()]).toEqual([
      [0, 0],
      [0, -1],
    ]);
  });
});
