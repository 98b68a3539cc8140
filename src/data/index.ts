export {
  type CsvOptions,
  type CsvTable,
  type LabeledCsvOptions,
  type LabeledCsvTable,
  loadCsv,
  parseCsv,
} from './csv.ts';
export type { NumberKind } from './csv-numbers.ts';
export { type Dataset, Subset, TensorDataset } from './dataset.ts';
export type { ShuffleSource } from './generator.ts';
export { DataLoader, type DataLoaderOptions } from './loader.ts';
export { randomSplit } from './split.ts';
export { type ColumnStatistics, type Standardized, standardize } from './standardize.ts';
