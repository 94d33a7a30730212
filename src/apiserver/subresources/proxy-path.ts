// Paths of proxied requests: what the backend is asked for, and where its redirects lead. Pure.
// Follows apimachinery pkg/util/net (JoinPreservingTrailingSlash) and pkg/util/proxy/transport.go (rewriteURL), and Go's net/url, of v1.36.

/** One segment as Go's URL.EscapedPath writes it. */
const escaped = (segment: string): string =>
  encodeURIComponent(segment)
    .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)
    .replace(/%(24|26|2B|2C|3A|3B|3D|40)/g, (code) => decodeURIComponent(code));

/** Without empty and `.` segments, `..` taken with the one before it: never above the root. */
function cleaned(segments: readonly string[]): string[] {
  const kept: string[] = [];
  // A decoded segment may hold slashes itself.
  for (const segment of segments.join('/').split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  return kept;
}

/**
 * The path to ask the backend for: what follows `…/proxy` (decoded `rest`), with the slash that ends `requestPath`. Empty where nothing
 * follows, not even a slash.
 */
export function proxyPath(requestPath: string, rest: readonly string[]): string {
  const segments = cleaned(rest);
  const slash = requestPath.endsWith('/') ? '/' : '';
  return segments.length === 0
    ? slash || (rest.length === 0 ? '' : '/')
    : `/${segments.map(escaped).join('/')}${slash}`;
}

export interface ProxiedRequest {
  /** As the client asked for it. */
  requestPath: string;
  /** As the backend was. */
  path: string;
  /** Hosts, with ports, that stand for the backend: its own, and the one that the client named. */
  hosts: readonly string[];
}

/** Where a redirect to `location` leads for the client: back through the proxy, unless to another host or relative. Undefined for no URL. */
export function movedLocation(location: string, { requestPath, path, hosts }: ProxiedRequest): string | undefined {
  const named = /^([a-z][a-z0-9+.-]*:)?\/\/([^/?#]*)/i.exec(location);
  const inside = named === null ? location : location.slice(named[0].length) || '/';
  if (!URL.canParse(location, 'http://backend')) return undefined;
  if (named === null ? !location.startsWith('/') : !hosts.includes(named[2] ?? '')) return location;
  const prefix = requestPath.endsWith(path) ? requestPath.slice(0, requestPath.length - path.length) : requestPath;
  return inside.startsWith(prefix) ? inside : `${prefix}${inside}`;
}
