/** What is imported when it is asked for, such as the kernels for a GPU, is no part of what is loaded at the start. */
const atStart = {
  name: 'at start',
  setup(build) {
    build.onResolve({ filter: /./ }, ({ kind, path }) =>
      kind === 'dynamic-import' ? { path, external: true } : undefined,
    );
  },
};

const atStartOnly = (config) => ({ ...config, plugins: [...(config.plugins ?? []), atStart] });

export default [
  {
    name: 'tensors and autograd',
    path: 'dist/index.js',
    import: '{ tensor }',
    modifyEsbuildConfig: atStartOnly,
    limit: '30 kB',
  },
  {
    name: 'the digits program, as gzip',
    path: ['dist/index.js', 'dist/nn/index.js'],
    import: {
      'dist/index.js': '{ Adam, DataLoader, loadCsv, manualSeed, noGrad, randomSplit, TensorDataset }',
      'dist/nn/index.js': '{ crossEntropy, Linear, ReLU, Sequential }',
    },
    modifyEsbuildConfig: atStartOnly,
    gzip: true,
    limit: '57 kB',
  },
  {
    name: 'everything',
    path: 'dist/index.js',
    import: '*',
    modifyEsbuildConfig: atStartOnly,
    limit: '88 kB',
  },
];
