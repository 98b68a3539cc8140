export type { RowOptions } from './reference.ts';
export { type Verification, type VerifiedRow, type VerifyOptions, verify } from './verify.ts';
