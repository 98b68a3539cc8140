// KERNELS=js runs all tests with the kernels in JavaScript.
import { setKernels } from '../../src/kernels/engine.ts';

if (process.env.KERNELS === 'js') setKernels('js');
