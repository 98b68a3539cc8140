import type { Kinds } from './compiled.ts';
import { SearchPart } from './search-part.ts';
import { TensorPart } from './tensor-part.ts';

/** All kinds of rules that there are. */
export const everyKind: Kinds = { tensors: TensorPart, search: SearchPart };
