// /healthz, /livez and /readyz with their checks, and /version.
// Follows apiserver pkg/server/healthz and pkg/server/healthz.go of v1.36.

import { goQuote } from '../api/meta/go-format.ts';
import type { ApiRequest, ApiResponse } from './request.ts';

/** One named check; a text says what is wrong. */
export interface HealthCheck {
  name: string;
  /** Only for readiness. */
  readyOnly?: boolean;
  check(): string | undefined | Promise<string | undefined>;
}

/** What is done once at the start, each step a check of its own: poststarthook/<name>. */
export interface StartHooks {
  readonly checks: readonly HealthCheck[];
  /** Runs a step; its check fails until it has resolved. */
  run<T>(name: string, step: () => T | Promise<T>): Promise<T>;
}

/** The names are known from the beginning, so that none is missing from a list that is looked at early. */
export function startHooks(names: readonly string[]): StartHooks {
  const done = new Set<string>();
  return {
    checks: names.map((name) => ({
      name: `poststarthook/${name}`,
      check: () => (done.has(name) ? undefined : 'not finished'),
    })),
    async run(name, step) {
      const result = await step();
      done.add(name);
      return result;
    },
  };
}

/** Told what each check came to, by its name and the path (healthz, livez, readyz) that asked for it. */
export type ObserveHealth = (name: string, type: string, isFine: boolean) => void;

/** Upstream tells browsers not to guess at plain text. */
export const plainTextHeaders = { 'x-content-type-options': 'nosniff' };

const text = (
  code: number,
  body: string,
  headers: Readonly<Record<string, string>> = plainTextHeaders,
): ApiResponse => ({
  type: 'raw',
  code,
  contentType: 'text/plain; charset=utf-8',
  bytes: Buffer.from(body),
  headers,
  rendering: { as: 'object' },
});

const roots = new Set(['healthz', 'livez', 'readyz']);

/** What is wrong with it; a check that throws fails. */
async function faultOf({ check }: HealthCheck): Promise<string | undefined> {
  try {
    return await check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Answers a health path; undefined when it is none. */
export function answerHealth(
  request: ApiRequest,
  checks: readonly HealthCheck[],
  observe: ObserveHealth,
): Promise<ApiResponse | undefined> | undefined {
  const [, root = '', ...rest] = request.path.split('/');
  if (!roots.has(root)) return undefined;
  const relevant = checks.filter((c) => root === 'readyz' || c.readyOnly !== true);
  return rest.length > 0 ? answerOne(relevant, rest.join('/')) : answerAll(root, relevant, request.query, observe);
}

async function answerOne(checks: readonly HealthCheck[], name: string): Promise<ApiResponse> {
  const wanted = checks.find((check) => check.name === name);
  if (wanted === undefined) return text(404, '404 page not found\n');
  const wrong = await faultOf(wanted);
  // A single check says no more than that, without the header.
  return wrong === undefined ? text(200, 'ok', {}) : text(500, `internal server error: ${wrong}\n`);
}

/** Reasons are withheld: anybody may look here. */
async function answerAll(
  root: string,
  checks: readonly HealthCheck[],
  query: URLSearchParams,
  observe: ObserveHealth,
): Promise<ApiResponse> {
  const excluded = new Set(query.getAll('exclude'));
  let failed = false;
  const lines = await Promise.all(
    checks.map(async (check) => {
      if (excluded.delete(check.name)) return `[+]${check.name} excluded: ok`;
      const isFine = (await faultOf(check)) === undefined;
      observe(check.name, root, isFine);
      if (isFine) return `[+]${check.name} ok`;
      failed = true;
      return `[-]${check.name} failed: reason withheld`;
    }),
  );
  if (excluded.size > 0) {
    const unknown = [...excluded].sort().map(goQuote).join(',');
    lines.push(`warn: some health checks cannot be excluded: no matches for ${unknown}`);
  }
  if (failed) return text(500, `${lines.join('\n')}\n${root} check failed\n`);
  return text(200, query.has('verbose') ? `${lines.join('\n')}\n${root} check passed\n` : 'ok');
}

/** What /version says. */
export function versionInfo(version: string, platform: string, nodeVersion: string): Record<string, string> {
  return {
    major: '1',
    minor: '36',
    emulationMajor: '1',
    emulationMinor: '36',
    minCompatibilityMajor: '1',
    minCompatibilityMinor: '35',
    gitVersion: `v1.36.0+peapod.${version}`,
    gitCommit: '',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
    goVersion: `node${nodeVersion}`,
    compiler: 'node',
    platform,
  };
}
