import type { Body } from './module.ts';
import { type I32, V128 } from './values.ts';

/** Set in the lanes that the last `count` modulo 4 numbers of a line take. */
export function lastLanes(body: Body, count: I32): V128 {
  const lane = V128.lanes(Float32Array.of(0, 1, 2, 3));
  return body.v128(lane.lt(count.and(3).toF32().splat()));
}

/** Lanes 2 and 3 in the place of 0 and 1. */
export const upper = (x: V128): V128 => x.shuffle(x, [2, 3, 2, 3]);

/**
 * Walks `count` numbers by fours, with all `pointers` at them, which end behind the last; the mask is given where only
 * some of the four belong to the line.
 */
export function alongLine(
  body: Body,
  count: I32,
  pointers: readonly I32[],
  last: V128,
  each: (mask: V128 | null) => void,
): void {
  const left = body.i32(count);
  body.while(left.ge(4), () => {
    each(null);
    for (const pointer of pointers) body.inc(pointer, 16);
    body.inc(left, -4);
  });
  body.if(left, () => {
    each(last);
    for (const pointer of pointers) body.inc(pointer, left.shl(2));
  });
}
