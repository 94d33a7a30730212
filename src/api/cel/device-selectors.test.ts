import { expect, test } from 'vitest';
import { compileDeviceSelector } from './device-selectors.ts';

test.each([
  'true',
  'device.driver == "gpu.example.com"',
  'device.attributes["gpu.example.com"].model == "A100"',
  'device.attributes["gpu.example.com"].cores > 10 && device.attributes["gpu.example.com"].ecc',
  'device.capacity["gpu.example.com"].memory.compareTo(quantity("40Gi")) >= 0',
  'device.capacity["gpu.example.com"].memory.isGreaterThan(quantity("40Gi"))',
  'device.attributes["gpu.example.com"].version.isGreaterThan(semver("1.2.3"))',
  'cel.bind(a, device.attributes["gpu.example.com"], a.?model.orValue("") == "x")',
  'device.allowMultipleAllocations == false',
  'device.attributes.exists(domain, domain.startsWith("gpu"))',
  'device.attributes["a"].flag',
])('%s', (expression) => {
  expect(compileDeviceSelector(expression)).toEqual({ maxCost: expect.any(Number) as number });
});

test.each([
  ['', 'compilation failed: '],
  ['device.drivr == "a"', "undefined field 'drivr'"],
  ['pod.name == "a"', "undeclared reference to 'pod'"],
  ['device.driver', 'must evaluate to bool or the unknown type, not string'],
  ['device.driver == 1', 'no matching overload'],
  ['device.driver ==', 'Syntax error'],
  ['cel.bind(a.b, 1, true)', 'cel.bind() variable names must be simple identifiers'],
  ['cel.bind(a, device.driver, a == 1)', 'no matching overload'],
])('%s: %s', (expression, error) => {
  expect(compileDeviceSelector(expression)).toEqual({ error: expect.stringContaining(error) as string });
});

test('what goes over everything again and again costs too much', () => {
  const nested = (depth: number): string =>
    depth === 0
      ? 'true'
      : `device.attributes.all(k${depth}, device.attributes[k${depth}].all(n${depth}, ${nested(depth - 1)}))`;
  const cost = (depth: number): number => {
    const compiled = compileDeviceSelector(nested(depth));
    return 'maxCost' in compiled ? compiled.maxCost : Number.NaN;
  };
  expect(cost(1)).toBeLessThan(1_000_000);
  expect(cost(3)).toBeGreaterThan(1_000_000);
});
