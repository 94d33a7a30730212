// What a request to the kubelet asks for, read out of its method and URL once, for authorization and routing alike. Pure.
// Follows GetRequestAttributes in pkg/kubelet/server/auth.go of v1.36.

/** An answer that is no success; the body is plain text, as the API server expects it from kubelets. */
export class HttpError extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.headers = headers;
  }
}

export const notFound = (): HttpError => new HttpError(404, '404 page not found\n');

export interface Route {
  method: string;
  /** The first segment of the path, and the others, decoded. A slash at the end makes an empty one. */
  root: string;
  parts: readonly string[];
  query: URLSearchParams;
}

/** Reads a request's URL (path and query as sent). Throws an HttpError for a path with empty, `.` or `..` segments or bad escapes. */
export function routeOf(method: string, url: string): Route {
  const [, path = '', search = ''] = /^([^?#]*)\??([^#]*)/.exec(url) ?? [];
  if (!path.startsWith('/')) throw new HttpError(400, 'bad path');
  let segments: string[];
  try {
    segments = path.slice(1).split('/').map(decodeURIComponent);
  } catch {
    throw new HttpError(400, 'bad path');
  }
  const [root = '', ...parts] = segments;
  // Nobody may be let in by one reading of a path and served by another.
  const odd = (part: string, i: number): boolean =>
    part === '.' ||
    part === '..' ||
    part.includes('/') ||
    part.includes('\0') ||
    (part === '' && i < segments.length - 1);
  if (segments.some(odd)) throw new HttpError(400, 'bad path');
  return { method, root, parts, query: new URLSearchParams(search) };
}

/** Whether the query has it set, as Go's ParseBool reads the usual words. */
export const flag = (query: URLSearchParams, name: string): boolean =>
  query.get(name) === '1' || query.get(name) === 'true';

const verbs: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};

/** The verb that a request is authorized as; '' for methods that have none. */
export const verbOf = ({ method }: Route): string => verbs[method] ?? '';

/** A right of its own, or the right to everything of the node in its stead. */
const withFallback: Readonly<Record<string, string>> = {
  pods: 'pods',
  runningpods: 'pods',
  healthz: 'healthz',
  configz: 'configz',
  statusz: 'statusz',
};

const alone: Readonly<Record<string, string>> = {
  stats: 'stats',
  metrics: 'metrics',
  logs: 'log',
  checkpoint: 'checkpoint',
};

/** Subresources of nodes of which any one lets the request in, as KubeletFineGrainedAuthz has them. */
export function subresourcesOf({ root }: Route): readonly string[] {
  if (Object.hasOwn(withFallback, root)) return [withFallback[root] ?? '', 'proxy'];
  return [(Object.hasOwn(alone, root) ? alone[root] : undefined) ?? 'proxy'];
}
