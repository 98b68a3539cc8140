export { type AccumulateOptions, accumulate } from './accumulate.ts';
export { type EmaOptions, ema } from './ema.ts';
export { type LookaheadOptions, lookahead } from './lookahead.ts';
export { type SamOptions, sam } from './sam.ts';
export { type SwaOptions, swa } from './swa.ts';
export { type OptimizerLike, type SavedKept, Wrapper, type WrapperState } from './wrapper.ts';
