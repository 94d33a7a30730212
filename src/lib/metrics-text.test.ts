import { expect, test } from 'vitest';
import { parseMetrics } from '../../test/support/metrics.ts';
import { createCounter, createHistogram, metricsText } from './metrics-text.ts';

test('families, labels with every special character, times; families without samples are left out', () => {
  const text = metricsText([
    { name: 'a_total', help: 'a\nb', type: 'counter', samples: [{ labels: { x: 'q"\\\n' }, value: 1.5, at: 1700 }] },
    { name: 'none', help: '', type: 'gauge', samples: [] },
    { name: 'b', help: 'c', type: 'gauge', samples: [{ value: 0 }] },
  ]);
  expect(text).toBe(
    '# HELP a_total a\\nb\n# TYPE a_total counter\na_total{x="q\\"\\\\\\n"} 1.5 1700\n# HELP b c\n# TYPE b gauge\nb 0\n',
  );
  expect(parseMetrics(text).samples[0]).toEqual({ name: 'a_total', labels: { x: 'q"\\\n' }, value: 1.5, at: 1700 });
});

test('a counter adds up by labels and forgets what is gone', () => {
  const counter = createCounter('c_total', 'c');
  counter.add({ pod: 'a' });
  counter.add({ pod: 'a' }, 2);
  counter.add({ pod: 'b' });
  counter.keepOnly('pod', (pod) => pod === 'a');
  expect(counter.family().samples).toEqual([{ labels: { pod: 'a' }, value: 3 }]);
});

test('a histogram counts into every bucket that is wide enough', () => {
  const histogram = createHistogram('h_seconds', 'h', [0.1, 1]);
  for (const seconds of [0.05, 0.1, 0.5, 7]) histogram.observe(seconds, { op: 'x' });
  const parsed = parseMetrics(histogram.text());
  const bucket = (le: string) => parsed.find('h_seconds_bucket', { op: 'x', le })[0]?.value;
  expect([bucket('0.1'), bucket('1'), bucket('+Inf')]).toEqual([2, 3, 4]);
  expect(parsed.find('h_seconds_count')[0]?.value).toBe(4);
  expect(parsed.find('h_seconds_sum')[0]?.value).toBeCloseTo(7.65);
});
