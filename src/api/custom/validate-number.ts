// Checks of numbers against their bounds, factors and formats.
// Follows kube-openapi pkg/validation/validate/values.go of v1.36.
import type { CustomSchema } from './custom-schema.ts';
import { type Finding, fieldFinding, isInt64, wholeFinding } from './findings.ts';

/** What is wrong with the number. `mixed` says that strings are allowed beside it, so that there is no one type. */
export function numberFindings(schema: CustomSchema, value: number, name: string, mixed: boolean): Finding[] {
  const type = mixed ? undefined : schema.type;
  const { multipleOf, maximum, minimum } = schema;
  const outside = (number: number, what: string): Finding[] => rangeFinding(schema, type, number, name, what);
  return [
    ...outside(value, 'Checked'),
    ...(multipleOf === undefined
      ? []
      : bounded(outside(multipleOf, 'MultipleOf'), (exact) => multipleFinding(name, value, multipleOf, exact))),
    ...(minimum === undefined
      ? []
      : bounded(outside(minimum, 'Minimum boundary'), (exact) => minimumFinding(schema, name, value, minimum, exact))),
    ...(maximum === undefined
      ? []
      : bounded(outside(maximum, 'Maximum boundary'), (exact) => maximumFinding(schema, name, value, maximum, exact))),
  ];
}

/** A bound that is no value of the type itself is said to be none, and compared as a plain number. */
const bounded = (wrong: Finding[], compare: (exact: boolean) => Finding[]): Finding[] => [
  ...wrong,
  ...compare(wrong.length === 0),
];

function rangeFinding(
  { format = '' }: CustomSchema,
  type: string | undefined,
  value: number,
  name: string,
  what: string,
): Finding[] {
  const fits = (): boolean => {
    if (type === 'integer') return format === 'int32' ? (value | 0) === value : isInt64(value);
    return !(type === 'number' && format === 'float') || Math.abs(value) <= 3.4028234663852886e38;
  };
  if (fits()) return [];
  const known = ['int32', 'int64', 'float', 'double'].includes(format) ? ` with format ${format}` : ' (default format)';
  return [wholeFinding(`${what} value must be of type ${type ?? ''}${known} in ${name}`)];
}

/** Bounds of whole numbers are cut to whole ones. */
const boundFor = (value: number, bound: number, exact: boolean): number =>
  exact && isInt64(value) ? Math.trunc(bound) : bound;

function maximumFinding(schema: CustomSchema, name: string, value: number, maximum: number, exact: boolean): Finding[] {
  const bound = boundFor(value, maximum, exact);
  const exclusive = schema.exclusiveMaximum === true;
  if (exclusive ? value < bound : value <= bound) return [];
  return [fieldFinding(name, value, `${name} in body should be less than ${exclusive ? '' : 'or equal to '}${bound}`)];
}

function minimumFinding(schema: CustomSchema, name: string, value: number, minimum: number, exact: boolean): Finding[] {
  const bound = boundFor(value, minimum, exact);
  const exclusive = schema.exclusiveMinimum === true;
  if (exclusive ? value > bound : value >= bound) return [];
  return [
    fieldFinding(name, value, `${name} in body should be greater than ${exclusive ? '' : 'or equal to '}${bound}`),
  ];
}

function multipleFinding(name: string, value: number, multipleOf: number, exact: boolean): Finding[] {
  const factor = boundFor(value, multipleOf, exact);
  if (factor <= 0)
    return [fieldFinding(name, factor, `factor MultipleOf declared for ${name} must be positive: ${factor}`)];
  const whole = exact && isInt64(value) ? value % factor === 0 : isNearlyWhole(value / factor);
  return whole ? [] : [fieldFinding(name, value, `${name} in body should be a multiple of ${factor}`)];
}

/** Whole but for what binary fractions cannot tell. */
function isNearlyWhole(value: number): boolean {
  const whole = Math.round(value);
  if (value === whole) return true;
  return Math.abs(value - whole) / (Math.abs(value) + Math.abs(whole)) < 1e-9;
}
