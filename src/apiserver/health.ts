// /healthz, /livez and /readyz with their checks, and /version.
// Follows apiserver pkg/server/healthz of v1.36.

import type { ApiRequest, ApiResponse } from './request.ts';

/** One named check; a text says what is wrong. */
export interface HealthCheck {
  name: string;
  /** Only for readiness. */
  readyOnly?: boolean;
  check(): string | undefined;
}

const text = (code: number, body: string): ApiResponse => ({
  type: 'raw',
  code,
  contentType: 'text/plain; charset=utf-8',
  bytes: Buffer.from(body),
  rendering: { as: 'object' },
});

const roots = new Set(['healthz', 'livez', 'readyz']);

/** Answers a health path; undefined when it is none. */
export function answerHealth(request: ApiRequest, checks: readonly HealthCheck[]): ApiResponse | undefined {
  const [, root = '', ...rest] = request.path.replace(/\/$/, '').split('/');
  if (!roots.has(root)) return undefined;
  const relevant = checks.filter((c) => root === 'readyz' || c.readyOnly !== true);
  if (rest.length > 0) {
    const wanted = relevant.find((c) => c.name === rest.join('/'));
    if (wanted === undefined) return text(404, '404 page not found\n');
    const wrong = wanted.check();
    return wrong === undefined ? text(200, 'ok') : text(500, `internal server error: ${wrong}\n`);
  }
  const excluded = new Set(request.query.getAll('exclude'));
  const lines: string[] = [];
  let failed = false;
  for (const check of relevant) {
    const wrong = excluded.has(check.name) ? undefined : check.check();
    if (excluded.has(check.name)) lines.push(`[+]${check.name} excluded: ok`);
    else if (wrong === undefined) lines.push(`[+]${check.name} ok`);
    else {
      failed = true;
      lines.push(`[-]${check.name} failed: reason withheld`);
    }
  }
  if (failed) return text(500, `${lines.join('\n')}\n${root} check failed\n`);
  return text(200, request.query.has('verbose') ? `${lines.join('\n')}\n${root} check passed\n` : 'ok');
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
