// A small stand-in for the API server in unit tests: stores objects as given, watches, and nothing of validation or defaults.

import { alreadyExists, badRequest, conflict, notFound } from '../api/meta/errors.ts';
import type { JsonObject, KubeObject, WatchEvent } from '../api/meta/types.ts';
import type { Transport, TransportRequest } from '../api/transport.ts';

interface Parsed {
  group: string;
  resource: string;
  namespace: string;
  name: string;
  subresource: string;
}

/** The fake, with what a test wants to see and do besides. */
export interface FakeApi extends Transport {
  /** Every request that writes, in order: "POST /api/v1/namespaces/default/pods/a/binding". */
  readonly writes: { line: string; body: unknown }[];
  /** Stores an object under a plural resource name, as if a client had written it. Gives what is stored. */
  put(resource: string, object: KubeObject): KubeObject;
  get(resource: string, name: string, namespace?: string): KubeObject | undefined;
  remove(resource: string, name: string, namespace?: string): void;
  /** Answers before anything else; throws to refuse; undefined lets the request go on. */
  intercept: ((request: TransportRequest) => KubeObject | undefined) | undefined;
}

/** /api/v1/… and /apis/group/version/… alike. */
function parsePath(path: string): Parsed {
  const parts = path
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent);
  const group = parts[0] === 'apis' ? (parts[1] ?? '') : '';
  const rest = parts.slice(parts[0] === 'apis' ? 3 : 2);
  const scoped = rest[0] === 'namespaces' && rest.length > 2 && rest[2] !== 'finalize' && rest[2] !== 'status';
  const [resource = '', name = '', subresource = ''] = scoped ? rest.slice(2) : rest;
  return { group, resource, namespace: scoped ? (rest[1] ?? '') : '', name, subresource };
}

const fieldOf = (object: unknown, path: string): string => {
  let value: unknown = object;
  for (const step of path.split('.')) {
    value = typeof value === 'object' && value !== null ? Reflect.get(value, step) : undefined;
  }
  return typeof value === 'string' ? value : '';
};

function selected(object: KubeObject, selector = ''): boolean {
  return selector.split(',').every((term) => {
    const match = /^([\w.]+)(!=|==?)(.*)$/.exec(term);
    if (!match) return true;
    const [, path = '', operator, value] = match;
    return (fieldOf(object, path) === value) === (operator !== '!=');
  });
}

/** JSON merge patch, but lists of conditions merge by type as a strategic patch would. */
function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = typeof target === 'object' && target !== null ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (key === 'conditions' && Array.isArray(value)) result[key] = mergeConditions(result[key], value);
    else result[key] = merge(result[key], value);
  }
  return result;
}

function mergeConditions(target: unknown, patch: readonly JsonObject[]): unknown {
  const merged = new Map<unknown, unknown>();
  for (const condition of Array.isArray(target) ? target : []) merged.set(Reflect.get(condition, 'type'), condition);
  for (const condition of patch) merged.set(condition['type'], merge(merged.get(condition['type']), condition));
  return [...merged.values()];
}

export function createFakeApi(): FakeApi {
  return new MemoryApi();
}

class MemoryApi implements FakeApi {
  readonly writes: { line: string; body: unknown }[] = [];
  intercept: ((request: TransportRequest) => KubeObject | undefined) | undefined;
  /** By "resource/namespace/name". */
  readonly #objects = new Map<string, KubeObject>();
  readonly #watchers = new Set<(resource: string, event: WatchEvent, before: KubeObject | undefined) => void>();
  #revision = 1;

  put(resource: string, object: KubeObject): KubeObject {
    const { name = '', namespace = '' } = object.metadata ?? {};
    const key = `${resource}/${namespace}/${name}`;
    const before = this.#objects.get(key);
    const uid = before?.metadata?.uid ?? object.metadata?.uid ?? `uid-${resource}-${namespace}-${name}`;
    const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion: String(++this.#revision) } };
    this.#objects.set(key, stored);
    this.#tell(resource, { type: before ? 'MODIFIED' : 'ADDED', object: stored }, before);
    return stored;
  }

  get(resource: string, name: string, namespace = ''): KubeObject | undefined {
    return this.#objects.get(`${resource}/${namespace}/${name}`);
  }

  remove(resource: string, name: string, namespace = ''): void {
    const key = `${resource}/${namespace}/${name}`;
    const before = this.#objects.get(key);
    if (!before) return;
    this.#objects.delete(key);
    const object = { ...before, metadata: { ...before.metadata, resourceVersion: String(++this.#revision) } };
    this.#tell(resource, { type: 'DELETED', object }, before);
  }

  async request(request: TransportRequest): Promise<KubeObject> {
    const { method, path, query = {}, body } = request;
    if (method !== 'GET') this.writes.push({ line: `${method} ${path}`, body });
    const answer = this.intercept?.(request);
    if (answer) return answer;
    const at = parsePath(path);
    switch (method) {
      case 'GET':
        return at.name === '' ? this.#list(at, query) : this.#existing(at);
      case 'POST':
        return this.#post(at, this.#bodyOf(body));
      case 'PUT': {
        const existing = this.#existing(at);
        const object = this.#bodyOf(body);
        const wanted = object.metadata?.resourceVersion;
        if (wanted !== undefined && wanted !== existing.metadata?.resourceVersion) {
          throw conflict(at, at.name, 'the object has been modified');
        }
        return this.put(at.resource, object);
      }
      case 'PATCH':
        return this.put(at.resource, this.#bodyOf(merge(this.#existing(at), body)));
      case 'DELETE': {
        if (at.name === '') {
          for (const object of this.#matching(at, query))
            this.remove(at.resource, object.metadata?.name ?? '', at.namespace);
          return { kind: 'Status' };
        }
        const existing = this.#existing(at);
        this.remove(at.resource, at.name, at.namespace);
        return existing;
      }
      default:
        return method satisfies never;
    }
  }

  async *stream(request: TransportRequest): AsyncIterable<WatchEvent> {
    const at = parsePath(request.path);
    const { signal, query = {} } = request;
    const selector = query['fieldSelector'];
    const since = Number(query['resourceVersion'] ?? 0);
    let pending: WatchEvent[] = [];
    let wake: (() => void) | undefined;
    const listen = (resource: string, event: WatchEvent, before: KubeObject | undefined): void => {
      if (resource !== at.resource) return;
      if (at.namespace !== '' && event.object.metadata?.namespace !== at.namespace) return;
      const is = event.type !== 'DELETED' && selected(event.object, selector);
      const was = before !== undefined && selected(before, selector);
      if (!is && !was) return;
      pending.push({ type: is ? (was ? 'MODIFIED' : 'ADDED') : 'DELETED', object: event.object });
      wake?.();
    };
    const newer = this.#matching(at, query).filter((object) => Number(object.metadata?.resourceVersion) > since);
    pending = newer.map((object) => ({ type: 'ADDED', object }));
    this.#watchers.add(listen);
    const stop = (): void => wake?.();
    const stopped = (): boolean => signal?.aborted === true;
    signal?.addEventListener('abort', stop);
    try {
      while (!stopped()) {
        const batch = pending;
        pending = [];
        yield* batch;
        if (pending.length > 0 || stopped()) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal?.removeEventListener('abort', stop);
      this.#watchers.delete(listen);
    }
  }

  #tell(resource: string, event: WatchEvent, before: KubeObject | undefined): void {
    for (const watcher of this.#watchers) watcher(resource, event, before);
  }

  #bodyOf(body: unknown): KubeObject {
    if (typeof body !== 'object' || body === null) throw badRequest('the body is not an object');
    return body;
  }

  #matching(at: Parsed, query: Readonly<Record<string, string>>): KubeObject[] {
    const prefix = at.namespace === '' ? `${at.resource}/` : `${at.resource}/${at.namespace}/`;
    return [...this.#objects]
      .filter(([key, object]) => key.startsWith(prefix) && selected(object, query['fieldSelector']))
      .map(([, object]) => object);
  }

  #list(at: Parsed, query: Readonly<Record<string, string>>): KubeObject {
    const list = {
      apiVersion: 'v1',
      kind: 'List',
      metadata: { resourceVersion: String(this.#revision) },
      items: this.#matching(at, query),
    };
    return list;
  }

  #existing(at: Parsed): KubeObject {
    const found = this.get(at.resource, at.name, at.namespace);
    if (!found) throw notFound(at, at.name);
    return found;
  }

  #post(at: Parsed, object: KubeObject): KubeObject {
    if (at.subresource === 'binding') {
      const pod = this.#existing(at);
      const nodeName = fieldOf(object, 'target.name');
      this.put(at.resource, this.#bodyOf(merge(pod, { spec: { nodeName } })));
      return { kind: 'Status' };
    }
    const name = object.metadata?.name ?? '';
    if (this.get(at.resource, name, at.namespace)) throw alreadyExists(at, name);
    const namespace = at.namespace === '' ? {} : { namespace: at.namespace };
    return this.put(at.resource, { ...object, metadata: { ...object.metadata, ...namespace } });
  }
}
