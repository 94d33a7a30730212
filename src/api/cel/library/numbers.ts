// How floating-point numbers are written out.

/** A number with as many digits as tell it from others, and without an exponent; infinite ones are written by `infinity` with their sign. */
export function plainNumber(value: number, infinity = 'Infinity', plus = ''): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return `${value < 0 ? '-' : plus}${infinity}`;
  if (Object.is(value, -0)) return '-0';
  const text = String(value);
  const [mantissa = '', exponent] = text.split('e');
  if (exponent === undefined) return text;
  const power = Number(exponent);
  if (power > 0) return BigInt(value).toString();
  return value.toFixed(Math.min(100, mantissa.replace(/^-?\d+\.?/, '').length - power));
}
