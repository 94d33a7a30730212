// Counts requests and their durations, shown at /metrics in the text form that Prometheus reads.
// Names follow apiserver pkg/endpoints/metrics of v1.36.

import type { ApiRequest, ApiResponse } from '../request.ts';
import { requestInfo } from '../request-info.ts';

/** Upper bounds in seconds. */
const buckets = [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

interface Series {
  counts: number[];
  sum: number;
  total: number;
}

export interface RequestMetrics {
  /** Tells of a finished request; `ms` is what it took. Watches are counted, not timed. */
  observe: (method: string, path: string, watch: boolean, code: number, ms: number) => void;
  /** Answers /metrics; undefined for other paths. */
  answer(request: ApiRequest): ApiResponse | undefined;
}

const noQuery = new URLSearchParams();
const watchQuery = new URLSearchParams('watch=true');

/** Label values come from a closed set (verbs and served resources), so that a client cannot make up series. */
export function requestMetrics(
  isServed: (group: string, version: string, resource: string) => boolean,
): RequestMetrics {
  const totals = new Map<string, number>();
  const durations = new Map<string, Series>();
  return {
    observe(method, path, watch, code, ms) {
      const info = requestInfo(method, path, watch ? watchQuery : noQuery);
      const served = info.isResource && isServed(info.group, info.version, info.resource);
      const verb = served ? info.verb.toUpperCase() : 'other';
      const labels = served
        ? `verb="${verb}",group="${info.group}",version="${info.version}",resource="${info.resource}"`
        : `verb="${verb}",group="",version="",resource=""`;
      const counted = `${labels},code="${code}"`;
      totals.set(counted, (totals.get(counted) ?? 0) + 1);
      if (watch) return;
      let series = durations.get(labels);
      if (series === undefined) {
        series = { counts: buckets.map(() => 0), sum: 0, total: 0 };
        durations.set(labels, series);
      }
      const seconds = ms / 1000;
      const at = buckets.findIndex((bound) => seconds <= bound);
      if (at >= 0) series.counts[at] = (series.counts[at] ?? 0) + 1;
      series.sum += seconds;
      series.total++;
    },
    answer(request) {
      if (request.path !== '/metrics') return undefined;
      const bytes = Buffer.from(textOf(totals, durations));
      return {
        type: 'raw',
        code: 200,
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
        bytes,
        rendering: { as: 'object' },
      };
    },
  };
}

function textOf(totals: ReadonlyMap<string, number>, durations: ReadonlyMap<string, Series>): string {
  const lines = [
    '# HELP apiserver_request_total Requests answered, by verb, resource and code.',
    '# TYPE apiserver_request_total counter',
  ];
  for (const [labels, count] of totals) lines.push(`apiserver_request_total{${labels}} ${count}`);
  const name = 'apiserver_request_duration_seconds';
  lines.push(
    `# HELP ${name} Time until the answer was sent, by verb and resource; watches are left out.`,
    `# TYPE ${name} histogram`,
  );
  for (const [labels, series] of durations) {
    let sum = 0;
    for (const [i, bound] of buckets.entries()) {
      sum += series.counts[i] ?? 0;
      lines.push(`${name}_bucket{${labels},le="${bound}"} ${sum}`);
    }
    lines.push(
      `${name}_bucket{${labels},le="+Inf"} ${series.total}`,
      `${name}_sum{${labels}} ${series.sum}`,
      `${name}_count{${labels}} ${series.total}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
