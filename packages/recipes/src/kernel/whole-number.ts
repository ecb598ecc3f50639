// Numbers of things: with none, or half of one, a recipe would wait for ever or divide what cannot be divided.

/** Throws a RangeError unless the option is left out or at least one. */
export function wholeNumber(name: string, value: number | undefined): void {
  if (value === undefined || (Number.isInteger(value) && value > 0)) return;
  throw new RangeError(`${name} is a whole number of at least 1, not ${String(value)}`);
}
