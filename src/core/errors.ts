/**
 * Base class of every error that gradlet throws on purpose.
 *
 * The message always reads `<where>: <what must hold>, got <what came>. <what to do>`.
 */
export class GradletError extends Error {
  /** The public function, method or option that refused its input. */
  readonly where: string;

  /**
   * @param where - the public function, method or option that refuses
   * @param mustHold - what must hold
   * @param got - what came instead
   * @param whatToDo - how to get out, a full sentence
   */
  constructor(where: string, mustHold: string, got: string, whatToDo?: string) {
    super(`${where}: ${mustHold}, got ${got}.${whatToDo ? ` ${whatToDo}` : ''}`);
    this.name = new.target.name;
    this.where = where;
  }
}

/** Shapes, ranks or axes do not fit together. */
export class ShapeError extends GradletError {}

/** A value, option or call is outside what is allowed. */
export class ValueError extends GradletError {}

/** A NaN or an infinity where only finite numbers make sense. */
export class NonFiniteError extends GradletError {}

/** A mistake inside gradlet itself, or in a derivative written by hand: please report it. */
export class InternalError extends GradletError {}

/** A short, readable text of any value, for error messages. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return value.name ? `function ${value.name}` : 'a function';
  if (Array.isArray(value)) {
    const head = value.slice(0, 8).map(show).join(', ');
    return `[${head}${value.length > 8 ? `, … ${value.length} in all` : ''}]`;
  }
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`;
  if (value !== null && typeof value === 'object') {
    const name: unknown = value.constructor?.name;
    if (typeof name === 'string' && name !== 'Object') return `a ${name}`;
    return `{ ${Object.keys(value).join(', ')} }`;
  }
  return Object.is(value, -0) ? '-0' : String(value);
}

/** How many single-character edits lead from `a` to `b` (Levenshtein). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/** `Did you mean "lr"? Known: lr, beta1, …` for a name that is not among `known`. */
export function suggest(name: string, known: Iterable<string>): string {
  const names = [...known];
  const near = names
    .map((k) => ({ k, d: editDistance(name.toLowerCase(), k.toLowerCase()) }))
    .sort((a, b) => a.d - b.d)[0];
  const guess = near && near.d <= Math.max(2, name.length / 3) ? `Did you mean "${near.k}"? ` : '';
  return `${guess}Known: ${names.join(', ') || '(none)'}.`;
}

/** Throws a {@link ValueError} when `options` is no plain object or has a key that is not among `known`. */
export function checkKeys(where: string, options: object | undefined, known: Iterable<string>): void {
  if (options !== undefined && (options === null || typeof options !== 'object' || Array.isArray(options))) {
    throw new ValueError(
      where,
      'options must be an object',
      show(options),
      `Known: ${[...known].join(', ')}.`,
    );
  }
  let names: Set<string> | undefined;
  for (const key of Object.keys(options ?? {})) {
    names ??= new Set(known);
    if (!names.has(key))
      throw new ValueError(where, 'every option must be known', `"${key}"`, suggest(key, names));
  }
}
