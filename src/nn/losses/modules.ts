import type { Tensor } from '../../tensor/index.ts';
import { type FunctionModuleClass, moduleOf } from '../derived.ts';
import { type CrossEntropyOptions, crossEntropy, type NLLLossOptions, nllLoss } from './classes.ts';
import {
  type BCELossOptions,
  type BCEWithLogitsLossOptions,
  bceLoss,
  bceWithLogitsLoss,
  type HuberLossOptions,
  huberLoss,
  type KLDivLossOptions,
  klDivLoss,
  l1Loss,
  mseLoss,
  type SmoothL1LossOptions,
  smoothL1Loss,
} from './elementwise.ts';
import type { LossOptions } from './reduction.ts';

/** A class of loss modules from a loss function; its options are those of the function. */
export type LossClass<Options extends object> = FunctionModuleClass<[input: Tensor, target: Tensor], Options>;

function loss<Options extends object>(
  name: string,
  fn: (input: Tensor, target: Tensor, options: Options) => Tensor,
): LossClass<Options> {
  return moduleOf<[input: Tensor, target: Tensor], Options>(name, fn);
}

/**
 * {@link mseLoss} as a module.
 *
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.MSELoss().forward(tensor([1, 2]), tensor([1, 4])).item(); // → 2
 * ```
 */
export const MSELoss: LossClass<LossOptions> = loss('MSELoss', mseLoss);

/**
 * {@link l1Loss} as a module.
 *
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.L1Loss().forward(tensor([1, 2]), tensor([1, 4])).item(); // → 1
 * ```
 */
export const L1Loss: LossClass<LossOptions> = loss('L1Loss', l1Loss);

/**
 * {@link huberLoss} as a module.
 *
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.HuberLoss({ delta: 2 }).forward(tensor([5]), tensor([0])).item(); // → 8
 * ```
 */
export const HuberLoss: LossClass<HuberLossOptions> = loss('HuberLoss', huberLoss);

/**
 * {@link smoothL1Loss} as a module.
 *
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.SmoothL1Loss({ beta: 2 }).forward(tensor([5]), tensor([0])).item(); // → 4
 * ```
 */
export const SmoothL1Loss: LossClass<SmoothL1LossOptions> = loss('SmoothL1Loss', smoothL1Loss);

/**
 * {@link bceLoss} as a module.
 *
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.BCELoss().forward(tensor([0.5]), tensor([1])); // → tensor(0.6931)
 * ```
 */
export const BCELoss: LossClass<BCELossOptions> = loss('BCELoss', bceLoss);

/**
 * {@link bceWithLogitsLoss} as a module.
 *
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.BCEWithLogitsLoss({ posWeight: 3 }).forward(tensor([0]), tensor([1])); // → tensor(2.0794)
 * ```
 */
export const BCEWithLogitsLoss: LossClass<BCEWithLogitsLossOptions> = loss(
  'BCEWithLogitsLoss',
  bceWithLogitsLoss,
);

/**
 * {@link crossEntropy} as a module.
 *
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.CrossEntropyLoss().forward(tensor([[2, 0, -1]]), tensor([0])); // → tensor(0.1698)
 * ```
 */
export const CrossEntropyLoss: LossClass<CrossEntropyOptions> = loss('CrossEntropyLoss', crossEntropy);

/**
 * {@link nllLoss} as a module.
 *
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.NLLLoss().forward(tensor([[0.25, 0.75]]).log(), tensor([1])); // → tensor(0.2877)
 * ```
 */
export const NLLLoss: LossClass<NLLLossOptions> = loss('NLLLoss', nllLoss);

/**
 * {@link klDivLoss} as a module.
 *
 * @example
 * ```ts
 * import { nn, tensor } from 'gradlet';
 * new nn.KLDivLoss({ reduction: 'sum' }).forward(tensor([0.5, 0.5]).log(), tensor([1, 0])); // → tensor(0.6931)
 * ```
 */
export const KLDivLoss: LossClass<KLDivLossOptions> = loss('KLDivLoss', klDivLoss);
