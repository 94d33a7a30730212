// Prints durations as Go does: 796ms, 1.594s, 1m2.5s.

/** A duration of whole ms (fractions are cut off) in Go's words. */
export function goDuration(ms: number): string {
  const whole = Math.trunc(ms);
  if (whole === 0) return '0s';
  if (Math.abs(whole) < 1000) return `${whole}ms`;
  const sign = whole < 0 ? '-' : '';
  const total = Math.abs(whole);
  const [hours, minutes, seconds] = [
    Math.floor(total / 3_600_000),
    Math.floor(total / 60_000) % 60,
    (total % 60_000) / 1000,
  ];
  const head = hours > 0 ? `${hours}h${minutes}m` : minutes > 0 ? `${minutes}m` : '';
  return `${sign}${head}${seconds}s`;
}
