// Counters, gauges and histograms, and the text form in which Prometheus reads them. Pure.
// Follows the exposition format 0.0.4.

/** One number; whoever counts changes it in place, which costs nothing more. */
export interface Value {
  value: number;
}

export interface Histogram {
  observe(value: number): void;
}

export interface Registry {
  /** A family of counters or gauges; `series` gives the one of those label values, which the caller keeps. */
  family(kind: 'counter' | 'gauge', name: string, help: string, labels: readonly string[]): Family;
  histogram(name: string, help: string, labels: readonly string[], bounds: readonly number[]): HistogramFamily;
  /** Asked at each reading: numbers that are known somewhere else. */
  read(kind: 'counter' | 'gauge', name: string, help: string, labels: readonly string[], read: Read): void;
  text(): string;
}

export interface Family {
  series(...values: readonly string[]): Value;
}

export interface HistogramFamily {
  series(...values: readonly string[]): Histogram;
}

/** Label values with their number. */
export type Read = () => Iterable<readonly [readonly string[], number]>;

const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

const pairs = (labels: readonly string[], values: readonly string[]): string =>
  labels.map((label, i) => `${label}="${escaped(values[i] ?? '')}"`).join(',');

const line = (name: string, labels: string, value: number): string =>
  labels === '' ? `${name} ${value}` : `${name}{${labels}} ${value}`;

/** Numbers per bucket, not yet summed up. */
interface Buckets {
  counts: number[];
  sum: number;
  total: number;
}

function histogramLines(name: string, labels: string, bounds: readonly number[], { counts, sum, total }: Buckets) {
  const also = labels === '' ? '' : `${labels},`;
  const lines: string[] = [];
  let below = 0;
  for (const [i, bound] of bounds.entries()) {
    below += counts[i] ?? 0;
    lines.push(`${name}_bucket{${also}le="${bound}"} ${below}`);
  }
  lines.push(
    `${name}_bucket{${also}le="+Inf"} ${total}`,
    line(`${name}_sum`, labels, sum),
    line(`${name}_count`, labels, total),
  );
  return lines;
}

export function createRegistry(): Registry {
  const parts: (() => string[])[] = [];
  const head = (kind: string, name: string, help: string): string[] => [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} ${kind}`,
  ];
  const add = (kind: string, name: string, help: string, lines: () => string[]): void => {
    parts.push(() => {
      const found = lines();
      return found.length === 0 ? [] : [...head(kind, name, help), ...found];
    });
  };
  return {
    family(kind, name, help, labels) {
      const all = new Map<string, Value>();
      add(kind, name, help, () => [...all].map(([key, { value }]) => line(name, key, value)));
      return {
        series(...values) {
          const key = pairs(labels, values);
          const found = all.get(key) ?? { value: 0 };
          all.set(key, found);
          return found;
        },
      };
    },
    histogram(name, help, labels, bounds) {
      const all = new Map<string, Buckets & Histogram>();
      add('histogram', name, help, () =>
        [...all].flatMap(([key, buckets]) => histogramLines(name, key, bounds, buckets)),
      );
      return {
        series(...values) {
          const key = pairs(labels, values);
          const found = all.get(key) ?? bucketsOf(bounds);
          all.set(key, found);
          return found;
        },
      };
    },
    read(kind, name, help, labels, read) {
      add(kind, name, help, () => [...read()].map(([values, value]) => line(name, pairs(labels, values), value)));
    },
    text: () => `${parts.flatMap((part) => part()).join('\n')}\n`,
  };
}

function bucketsOf(bounds: readonly number[]): Buckets & Histogram {
  const made: Buckets & Histogram = {
    counts: bounds.map(() => 0),
    sum: 0,
    total: 0,
    observe(value) {
      made.sum += value;
      made.total++;
      for (let i = 0; i < bounds.length; i++)
        if (value <= (bounds[i] ?? 0)) {
          made.counts[i] = (made.counts[i] ?? 0) + 1;
          return;
        }
    },
  };
  return made;
}
