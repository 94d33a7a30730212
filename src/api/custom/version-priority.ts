// The order of API versions, the one that clients should prefer first.
// Follows apimachinery pkg/version/helpers.go of v1.36.

function parse(version: string): readonly [number, number, number] {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (match === null) return [-1, 0, 0];
  const stage = match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0;
  return [stage, Number(match[1]), Number(match[3] ?? 0)];
}

/** Stable before beta before alpha, higher numbers first, other names last by themselves; below 0 where `a` comes first. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [parse(a), parse(b)];
  return y[0] - x[0] || y[1] - x[1] || y[2] - x[2] || (a < b ? -1 : a === b ? 0 : 1);
}
