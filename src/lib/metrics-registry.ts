// Counters, gauges and histograms, and the text form in which Prometheus reads them. Pure.
// Follows the exposition format 0.0.4 as client_golang writes it: families by name, series by labels, numbers in Go's form.

/** One number; whoever counts changes it in place, which costs nothing more. */
export interface Value {
  value: number;
}

export interface Histogram {
  observe(value: number): void;
}

/** `help` begins with the metric's stability in brackets, as component-base writes it: `[ALPHA] Things.` */
export interface Registry {
  /** A family of counters or gauges; `series` gives the one of those label values, which the caller keeps. */
  family(kind: 'counter' | 'gauge', name: string, help: string, labels: readonly string[]): Family;
  histogram(name: string, help: string, labels: readonly string[], bounds: readonly number[]): HistogramFamily;
  /** Asked at each reading: numbers that are known somewhere else. */
  read(kind: 'counter' | 'gauge', name: string, help: string, labels: readonly string[], read: Read): void;
  /** Counters and histograms begin anew; gauges say what is true now. */
  reset(): void;
  text(): string;
}

/** Finding a series builds a text of its labels: paths that are hot keep what they were given. Values must come from a bounded set. */
export interface Family {
  series(...values: readonly string[]): Value;
}

export interface HistogramFamily {
  series(...values: readonly string[]): Histogram;
}

/** Label values with their number. */
export type Read = () => Iterable<readonly [readonly string[], number]>;

/** `count` bounds from `start` on, each the one before times `factor`: 1e-6, 10, 3 gives 1e-6, 1e-5, 1e-4 as Go's arithmetic has them. */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  const bounds: number[] = [];
  for (let bound = start; bounds.length < count; bound *= factor) bounds.push(bound);
  return bounds;
}

const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

/** A number as Go's strconv.FormatFloat(x, 'g', -1, 64) writes it. */
export function goFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  const [mantissa = '', exponent = ''] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

const line = (name: string, labels: string, value: number): string =>
  labels === '' ? `${name} ${goFloat(value)}` : `${name}{${labels}} ${goFloat(value)}`;

/** Gives the text of label values, with the labels in alphabetical order. */
function labeller(labels: readonly string[]): (values: readonly string[]) => string {
  const order = labels
    .map((label, at) => ({ label, at }))
    .sort((a, b) => (a.label < b.label ? -1 : a.label > b.label ? 1 : 0));
  return (values) => order.map(({ label, at }) => `${label}="${escaped(values[at] ?? '')}"`).join(',');
}

/** Numbers per bucket, not yet summed up. */
interface Buckets extends Histogram {
  reset(): void;
  readonly counts: number[];
  sum: number;
  total: number;
}

function histogramLines(name: string, labels: string, bounds: readonly number[], { counts, sum, total }: Buckets) {
  const also = labels === '' ? '' : `${labels},`;
  const lines: string[] = [];
  let below = 0;
  for (const [i, bound] of bounds.entries()) {
    below += counts[i] ?? 0;
    lines.push(`${name}_bucket{${also}le="${goFloat(bound)}"} ${goFloat(below)}`);
  }
  lines.push(
    `${name}_bucket{${also}le="+Inf"} ${goFloat(total)}`,
    line(`${name}_sum`, labels, sum),
    line(`${name}_count`, labels, total),
  );
  return lines;
}

function bucketsOf(bounds: readonly number[]): Buckets {
  const made: Buckets = {
    counts: bounds.map(() => 0),
    sum: 0,
    total: 0,
    reset() {
      made.counts.fill(0);
      made.sum = 0;
      made.total = 0;
    },
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

const byKey = <T>([a]: readonly [string, T], [b]: readonly [string, T]): number => (a < b ? -1 : a > b ? 1 : 0);

/** Series by the text of their labels, made when they are first asked for. */
function seriesOf<T>(labels: readonly string[], make: () => T) {
  const all = new Map<string, T>();
  const text = labeller(labels);
  return {
    sorted: () => [...all].sort(byKey),
    series(...values: readonly string[]): T {
      const key = text(values);
      const found = all.get(key) ?? make();
      all.set(key, found);
      return found;
    },
  };
}

/** A registry without families. A family without series is left out of the text. */
export function createRegistry(): Registry {
  const parts = new Map<string, () => string[]>();
  const resets: (() => void)[] = [];
  const add = (kind: string, name: string, help: string, lines: () => string[]): void => {
    if (parts.has(name)) throw new Error(`there is a metric ${name} already`);
    parts.set(name, () => {
      const found = lines();
      return found.length === 0 ? [] : [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...found];
    });
  };
  return {
    family(kind, name, help, labels) {
      const { series, sorted } = seriesOf<Value>(labels, () => ({ value: 0 }));
      add(kind, name, help, () => sorted().map(([key, { value }]) => line(name, key, value)));
      if (kind === 'counter') resets.push(() => sorted().forEach(([, series]) => (series.value = 0)));
      return { series };
    },
    histogram(name, help, labels, bounds) {
      const { series, sorted } = seriesOf(labels, () => bucketsOf(bounds));
      add('histogram', name, help, () =>
        sorted().flatMap(([key, buckets]) => histogramLines(name, key, bounds, buckets)),
      );
      resets.push(() => sorted().forEach(([, buckets]) => buckets.reset()));
      return { series };
    },
    read(kind, name, help, labels, read) {
      const text = labeller(labels);
      add(kind, name, help, () =>
        [...read()]
          .map(([values, value]) => [text(values), value] as const)
          .sort(byKey)
          .map(([key, value]) => line(name, key, value)),
      );
    },
    reset: () => resets.forEach((reset) => reset()),
    text: () =>
      `${[...parts]
        .sort(byKey)
        .flatMap(([, part]) => part())
        .join('\n')}\n`,
  };
}
