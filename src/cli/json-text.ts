/** The number of digits; more would be floating-point noise in seconds, millilitres and Dice. */
const significantDigits = 6;
const decimals = 6;

/**
 * Formats a report as JSON, with fractions rounded to six digits, at most six of them after the point.
 *
 * @example jsonText({ millilitres: 0.03833303000000069 }) // '{\n  "millilitres": 0.038333\n}\n'
 */
export const jsonText = (report: object): string =>
  `${JSON.stringify(
    report,
    (_, value: unknown) =>
      typeof value === "number" && !Number.isInteger(value)
        ? Number(Number(value.toPrecision(significantDigits)).toFixed(decimals))
        : value,
    2,
  )}\n`;
