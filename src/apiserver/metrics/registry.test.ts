import { expect, test } from 'vitest';
import { createRegistry } from './registry.ts';

test('writes what Prometheus reads', () => {
  const registry = createRegistry();
  const counter = registry.family('counter', 'things_total', 'Things.', ['kind']);
  counter.series('a "b"\\\n').value += 2;
  counter.series('plain').value++;
  counter.series('plain').value++;
  registry.family('gauge', 'unused', 'Nothing.', []);
  const histogram = registry.histogram('took_seconds', 'Time.', ['verb'], [0.1, 1]).series('GET');
  for (const value of [0.05, 0.1, 0.5, 7]) histogram.observe(value);
  registry.read('gauge', 'now', 'Read.', [], () => [[[], 3]]);
  expect(registry.text()).toBe(`# HELP things_total Things.
# TYPE things_total counter
things_total{kind="a \\"b\\"\\\\\\n"} 2
things_total{kind="plain"} 2
# HELP took_seconds Time.
# TYPE took_seconds histogram
took_seconds_bucket{verb="GET",le="0.1"} 2
took_seconds_bucket{verb="GET",le="1"} 3
took_seconds_bucket{verb="GET",le="+Inf"} 4
took_seconds_sum{verb="GET"} 7.65
took_seconds_count{verb="GET"} 4
# HELP now Read.
# TYPE now gauge
now 3
`);
});
