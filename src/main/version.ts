// The versions that Peapod reports: its own, and the Kubernetes API level that it serves.

import { readFileSync } from 'node:fs';

/** Peapod's own version, put in by the build; from package.json when run from source. */
export function peapodVersion(): string {
  const built = process.env.PEAPOD_VERSION;
  if (built) return built;
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** What /version and kubectl show: v1.36.0+peapod.0.1.0 */
export function gitVersion(): string {
  return `v1.36.0+peapod.${peapodVersion()}`;
}
