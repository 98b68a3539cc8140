export * from './compose.ts';
export * from './cosine.ts';
export * from './cycles.ts';
export * from './decay.ts';
export * from './plateau.ts';
export * from './preview.ts';
export type { Observation, Schedule } from './schedule.ts';
