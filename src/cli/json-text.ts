/** More digits are noise of floating-point arithmetic: seconds, millilitres and Dice have fewer. */
const significantDigits = 6;
const decimals = 6;

/**
 * A report as JSON, with fractions of six digits, and no more than six behind the point.
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
