/**
 * A gpu.js backend, always named: left to itself gpu.js takes WebAssembly for a GPU.
 * `webgl2` and `webgpu` run on the GPU; `webasm` and `cpu` are there to test the kernels without one.
 */
export type GpuMode = 'webgl2' | 'webgpu' | 'webasm' | 'cpu';

/** What is different from backend to backend. */
interface Backend {
  /** Whether results come at once, or with a promise. */
  readonly sync: boolean;
  /** Whether arrays live elsewhere than in the memory of JavaScript. */
  readonly apart: boolean;
  /** The most arrays that a kernel may read: the 16th is silently 0 on WebGL2, and a build with an 8th is refused on WebGPU. */
  readonly maxArrays: number;
}

/** Every {@link GpuMode}, with what is different about it. */
export const GPU_BACKENDS: Readonly<Record<GpuMode, Backend>> = {
  webgl2: { sync: true, apart: true, maxArrays: 15 },
  webgpu: { sync: false, apart: true, maxArrays: 7 },
  webasm: { sync: true, apart: false, maxArrays: Infinity },
  cpu: { sync: true, apart: false, maxArrays: Infinity },
};
