import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addQuantity,
  bytes,
  canonicalQuantity,
  compareQuantity,
  cpuMillis,
  formatQuantity,
  isQuantity,
  parseQuantity,
  QuantityError,
  quantityOf,
  subtractQuantity,
} from './quantity.ts';

describe('canonical text', () => {
  it.each([
    ['0', '0'],
    ['0m', '0'],
    ['00', '0'],
    ['1', '1'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['1.5', '1500m'],
    ['0.1', '100m'],
    ['100m', '100m'],
    ['0.5Gi', '512Mi'],
    ['1.5Gi', '1536Mi'],
    ['1024Mi', '1Gi'],
    ['1000Mi', '1000Mi'],
    ['1Ki', '1Ki'],
    ['0.5Ki', '512'],
    ['1023', '1023'],
    ['1000', '1k'],
    ['1000000', '1M'],
    ['1e3', '1e3'],
    ['1E3', '1E3'],
    ['1000e3', '1e6'],
    ['0.0001', '100u'],
    ['1n', '1n'],
    ['0.1n', '1n'],
    ['-1500m', '-1500m'],
    ['-0.5', '-500m'],
    ['128974848', '128974848'],
    ['129e6', '129e6'],
    ['123Mi', '123Mi'],
    ['9Ei', '9223372036854775807'],
    ['1.G', '1.G'],
    ['.5', '500m'],
  ])('%s is %s', (text, canonical) => {
    expect(canonicalQuantity(text)).toBe(canonical);
  });
  it('shows computed amounts', () => expect(formatQuantity(quantityOf(1536 * 1024 ** 2, 'BinarySI'))).toBe('1536Mi'));
  it('is quick with a long text that is none', () => {
    const started = performance.now();
    for (const text of [`${'1'.repeat(100_000)}x`, `0.${'1'.repeat(100_000)}x`, `1${'0'.repeat(300_000)}e0`]) {
      expect(() => parseQuantity(text)).toThrow(QuantityError);
    }
    expect(performance.now() - started).toBeLessThan(1_000);
  });
  it('takes JSON numbers', () => expect(canonicalQuantity(2)).toBe('2'));
});

describe('what does not parse', () => {
  const format = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  it.each([
    ['', format],
    ['abc', format],
    ['1 Gi', format],
    ['1.2.3', format],
    ['1K', "unable to parse quantity's suffix"],
    ['1mm', "unable to parse quantity's suffix"],
  ])('%s', (text, message) => {
    expect(() => parseQuantity(text)).toThrow(message);
    expect(isQuantity(text)).toBe(false);
  });
});

describe('numbers', () => {
  it.each([
    ['500m', 500],
    ['1', 1000],
    ['0.0005', 1],
    ['2k', 2_000_000],
    [1, 1000],
    [undefined, 0],
  ])('cpuMillis(%s)', (q, n) => {
    expect(cpuMillis(q)).toBe(n);
  });
  it.each([
    ['1Ki', 1024],
    ['1500m', 2],
    ['100Mi', 104_857_600],
    ['1e3', 1000],
    ['1.5Gi', 1_610_612_736],
  ])('bytes(%s)', (q, n) => {
    expect(bytes(q)).toBe(n);
  });
  const texts = fc.tuple(
    fc.nat(1e6),
    fc.option(fc.nat(999), { nil: undefined }),
    fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e3', 'e-2'),
  );
  const text = texts.map(([a, b, s]) => `${a}${b === undefined ? '' : `.${b}`}${s}`);
  it('the canonical text means the same amount and is its own canonical text', () => {
    fc.assert(
      fc.property(text, (t) => {
        const q = parseQuantity(t);
        const again = parseQuantity(formatQuantity(q));
        expect(compareQuantity(q, again)).toBe(0);
        expect(formatQuantity(again)).toBe(formatQuantity(q));
      }),
    );
  });
  it('quick and exact conversions agree, and sums commute', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const [x, y] = [parseQuantity(a), parseQuantity(b)];
        expect(cpuMillis(a)).toBe(Number((x.nanos + 999_999n) / 1_000_000n));
        expect(addQuantity(x, y).nanos).toBe(addQuantity(y, x).nanos);
        expect(compareQuantity(subtractQuantity(addQuantity(x, y), y), x)).toBe(0);
      }),
    );
  });
});
