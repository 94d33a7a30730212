// The text form in which metrics are scraped: families of samples with labels. Format 0.0.4 of Prometheus.

export interface MetricSample {
  labels?: Readonly<Record<string, string>>;
  value: number;
  /** ms since the epoch; left out where the scraper's own time will do. */
  at?: number;
}

export interface MetricFamily {
  name: string;
  help: string;
  type: 'counter' | 'gauge';
  samples: readonly MetricSample[];
}

/** Counts of events by their labels, kept until the process ends. Label values must come from a bounded set. */
export interface Counter {
  add(labels?: Readonly<Record<string, string>>, by?: number): void;
  /** Forgets the series whose value of that label is not to be kept. */
  keepOnly(label: string, keep: (value: string) => boolean): void;
  family(): MetricFamily;
}

/** Durations in seconds by their labels, in buckets. */
export interface Histogram {
  observe(seconds: number, labels?: Readonly<Record<string, string>>): void;
  text(): string;
}

export const metricsContentType = 'text/plain; version=0.0.4; charset=utf-8';

const escapeValue = (text: string): string =>
  text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
const escapeHelp = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');

function labelText(labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeValue(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

const header = (name: string, help: string, type: string): string[] => [
  `# HELP ${name} ${escapeHelp(help)}`,
  `# TYPE ${name} ${type}`,
];

/** The text of the families that have samples. */
export function metricsText(families: readonly MetricFamily[]): string {
  const lines = families
    .filter(({ samples }) => samples.length > 0)
    .flatMap(({ name, help, type, samples }) => [
      ...header(name, help, type),
      ...samples.map(
        ({ labels, value, at }) => `${name}${labelText(labels)} ${value}${at === undefined ? '' : ` ${at}`}`,
      ),
    ]);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

export function createCounter(name: string, help: string): Counter {
  const series = new Map<string, { labels: Readonly<Record<string, string>>; value: number }>();
  return {
    add(labels = {}, by = 1) {
      const key = labelText(labels);
      const known = series.get(key);
      if (known === undefined) series.set(key, { labels, value: by });
      else known.value += by;
    },
    keepOnly(label, keep) {
      for (const [key, { labels }] of series) if (!keep(labels[label] ?? '')) series.delete(key);
    },
    family: () => ({ name, help, type: 'counter', samples: [...series.values()] }),
  };
}

/** `bounds` are the buckets' upper ends in seconds, ascending. */
export function createHistogram(name: string, help: string, bounds: readonly number[]): Histogram {
  const series = new Map<
    string,
    { labels: Readonly<Record<string, string>>; counts: number[]; sum: number; total: number }
  >();
  return {
    observe(seconds, labels = {}) {
      const key = labelText(labels);
      let known = series.get(key);
      if (known === undefined) {
        known = { labels, counts: bounds.map(() => 0), sum: 0, total: 0 };
        series.set(key, known);
      }
      const bucket = bounds.findIndex((bound) => seconds <= bound);
      if (bucket >= 0) known.counts[bucket] = (known.counts[bucket] ?? 0) + 1;
      known.sum += seconds;
      known.total++;
    },
    text() {
      if (series.size === 0) return '';
      const lines = header(name, help, 'histogram');
      for (const { labels, counts, sum, total } of series.values()) {
        let below = 0;
        for (const [i, bound] of bounds.entries()) {
          below += counts[i] ?? 0;
          lines.push(`${name}_bucket${labelText({ ...labels, le: String(bound) })} ${below}`);
        }
        lines.push(
          `${name}_bucket${labelText({ ...labels, le: '+Inf' })} ${total}`,
          `${name}_sum${labelText(labels)} ${sum}`,
          `${name}_count${labelText(labels)} ${total}`,
        );
      }
      return `${lines.join('\n')}\n`;
    },
  };
}
