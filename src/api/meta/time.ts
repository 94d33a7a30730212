// Times as the API writes them, and ages as kubectl prints them.

/** The second that was asked for last: on a busy server it is nearly always the present one. */
let lastSecond = { since1970: Number.NaN, text: '' };

/** ms since the epoch as metav1.Time: 2026-01-02T03:04:05Z. */
export function formatTime(ms: number): string {
  const since1970 = Math.floor(ms / 1000);
  if (lastSecond.since1970 !== since1970)
    lastSecond = { since1970, text: `${new Date(ms).toISOString().slice(0, 19)}Z` };
  return lastSecond.text;
}

/** ms since the epoch as metav1.MicroTime, with six digits. */
export const formatMicroTime = (ms: number): string => {
  const micros = Math.round(ms * 1000);
  const seconds = Math.floor(micros / 1_000_000);
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(micros - seconds * 1_000_000).padStart(6, '0')}Z`;
};

const rfc3339 = /^(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

/** An RFC 3339 time as ms since the epoch (fractions kept to the microsecond), or undefined when it is none. */
export function parseTime(text: string | undefined | null): number | undefined {
  const match = text ? rfc3339.exec(text) : null;
  if (!match) return undefined;
  const whole = Date.parse(`${match[1]}T${match[2]}${match[4]}`);
  if (Number.isNaN(whole)) return undefined;
  const fraction = match[3] ? Number(`0${match[3]}`) : 0;
  return whole + Math.round(fraction * 1_000_000) / 1000;
}

/** A duration in ms as `kubectl get` prints ages: 5s, 3m12s, 4d. Follows apimachinery util/duration HumanDuration. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return pair(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return pair(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 24 * 8) return pair(days, 'd', hours % 24, 'h');
  const years = Math.trunc(days / 365);
  if (years < 2) return `${days}d`;
  if (years < 8) return pair(years, 'y', days % 365, 'd');
  return `${years}y`;
}

const pair = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${large}${largeUnit}` : `${large}${largeUnit}${small}${smallUnit}`;

/** The age of a timestamp as kubectl prints it; `<unknown>` when there is none. */
export function age(timestamp: string | undefined | null, now: number): string {
  const since = parseTime(timestamp);
  return since === undefined ? '<unknown>' : humanDuration(now - since);
}
