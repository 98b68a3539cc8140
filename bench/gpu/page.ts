// What `bench/gpu.ts` calls in a page.
import { backends, measure } from './measure.ts';

Object.assign(globalThis, { bench: { backends, measure } });
