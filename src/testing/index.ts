export {
  type ContractCheck,
  ContractError,
  type ContractOptions,
  optimizerContract,
} from './contract.ts';
export type { RowOptions } from './reference.ts';
export { type Verification, type VerifiedRow, type VerifyOptions, verify } from './verify.ts';
