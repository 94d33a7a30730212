import { expect, test } from 'vitest';
import { createRegistry, exponentialBuckets, goFloat } from './metrics-registry.ts';

test('writes what Prometheus reads: families by name, labels and series in order', () => {
  const registry = createRegistry();
  const counter = registry.family('counter', 'things_total', '[ALPHA] Things.', ['kind', 'also']);
  counter.series('plain', 'x').value++;
  counter.series('plain', 'x').value++;
  counter.series('a "b"\\\n', '').value += 2_500_000;
  registry.family('gauge', 'unused', 'Nothing.', []);
  const histogram = registry.histogram('took_seconds', '[STABLE] Time.', ['verb'], [0.1, 1]).series('GET');
  for (const value of [0.05, 0.1, 0.5, 7]) histogram.observe(value);
  registry.read('gauge', 'now', 'Read.', ['z'], () => [
    [['b'], 3],
    [['a'], 0],
  ]);
  expect(registry.text()).toBe(`# HELP now Read.
# TYPE now gauge
now{z="a"} 0
now{z="b"} 3
# HELP things_total [ALPHA] Things.
# TYPE things_total counter
things_total{also="",kind="a \\"b\\"\\\\\\n"} 2.5e+06
things_total{also="x",kind="plain"} 2
# HELP took_seconds [STABLE] Time.
# TYPE took_seconds histogram
took_seconds_bucket{verb="GET",le="0.1"} 2
took_seconds_bucket{verb="GET",le="1"} 3
took_seconds_bucket{verb="GET",le="+Inf"} 4
took_seconds_sum{verb="GET"} 7.65
took_seconds_count{verb="GET"} 4
`);
});

test('a name is taken once', () => {
  const registry = createRegistry();
  registry.family('gauge', 'x', 'X.', []);
  expect(() => registry.histogram('x', 'X.', [], [1])).toThrow('there is a metric x already');
});

test.each([
  [0, '0'],
  [1, '1'],
  [-3.5, '-3.5'],
  [0.0001, '0.0001'],
  [0.00001, '1e-05'],
  [5e-7, '5e-07'],
  [999_999, '999999'],
  [1_000_000, '1e+06'],
  [123_456_789, '1.23456789e+08'],
  [1e21, '1e+21'],
  [1e100, '1e+100'],
  [Number.NaN, 'NaN'],
  [Number.POSITIVE_INFINITY, '+Inf'],
  [Number.NEGATIVE_INFINITY, '-Inf'],
])('%d is written as Go does: %s', (value, text) => expect(goFloat(value)).toBe(text));

test('buckets by a factor are those of Go', () => {
  expect(exponentialBuckets(10e-7, 10, 10).map(goFloat)).toEqual([
    '1e-06',
    '9.999999999999999e-06',
    '9.999999999999999e-05',
    '0.001',
    '0.01',
    '0.1',
    '1',
    '10',
    '100',
    '1000',
  ]);
});
