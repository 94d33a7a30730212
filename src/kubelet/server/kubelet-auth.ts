// Who may ask the kubelet what: clients show a certificate of the cluster's CA or a token, and the API server says who a token is
// and what each may do. Follows cmd/kubelet/app/auth.go and InstallAuthFilter in pkg/kubelet/server/server.go of v1.36.

import { createHash } from 'node:crypto';
import type { Client } from '../../client/client.ts';
import { subjectAccessReviews, tokenReviews } from '../../client/resources.ts';
import type { Clock } from '../../lib/clock.ts';
import { LruMap } from '../../lib/lru-map.ts';
import type { KubeletRequest } from './http.ts';
import { HttpError, type Route, subresourcesOf, verbOf } from './route.ts';

export interface KubeletUser {
  name: string;
  uid?: string;
  groups: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}

export interface KubeletAuthOptions {
  client: Client;
  nodeName: string;
  clock: Pick<Clock, 'monotonic'>;
}

/** ms that an answer of the API server is good for: the kubelet's defaults. */
export const cacheTtl = { token: 120_000, allowed: 300_000, refused: 30_000 } as const;
const maxCached = 1000;

/** Answers that are kept for a while, and asked for once however many wait for them. */
class AnswerCache<T> {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #ttl: (answer: T) => number;
  readonly #kept = new LruMap<string, { answer: T; until: number }>(maxCached);
  readonly #asked = new Map<string, Promise<T>>();

  constructor(clock: Pick<Clock, 'monotonic'>, ttl: (answer: T) => number) {
    this.#clock = clock;
    this.#ttl = ttl;
  }

  get(key: string, ask: () => Promise<T>): Promise<T> {
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.until > this.#clock.monotonic()) return Promise.resolve(kept.answer);
    const asked = this.#asked.get(key);
    if (asked !== undefined) return asked;
    const answer = ask()
      .then((found) => {
        this.#kept.set(key, { answer: found, until: this.#clock.monotonic() + this.#ttl(found) });
        return found;
      })
      .finally(() => this.#asked.delete(key));
    this.#asked.set(key, answer);
    return answer;
  }
}

/** The token of an Authorization header, from header names and values in turn; undefined without exactly one. */
function bearerToken(rawHeaders: readonly string[]): string | undefined {
  const values = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'authorization');
  const [value = ''] = values;
  const [scheme = '', token = ''] = value.trim().split(' ', 3);
  return values.length === 1 && scheme.toLowerCase() === 'bearer' && token !== '' ? token : undefined;
}

/** Lets a request in by returning, or throws the HttpError that answers it: 401, 403, or 500 where the API server does not say. */
export type KubeletAuth = (request: Pick<KubeletRequest, 'user' | 'rawHeaders'>, route: Route) => Promise<void>;

/** Asks the API server as the node, with TokenReviews and SubjectAccessReviews. Nobody is let in without a name. */
export function createKubeletAuth({ client, nodeName, clock }: KubeletAuthOptions): KubeletAuth {
  const users = new AnswerCache<KubeletUser | undefined>(clock, () => cacheTtl.token);
  const verdicts = new AnswerCache<boolean>(clock, (allowed) => (allowed ? cacheTtl.allowed : cacheTtl.refused));

  const userOfToken = async (token: string): Promise<KubeletUser | undefined> => {
    const { status } = await client.create(tokenReviews, { spec: { token } });
    const { username, uid, groups = [], extra } = status?.user ?? {};
    if (status?.authenticated !== true || !username) return undefined;
    return { name: username, groups, ...(uid === undefined ? {} : { uid }), ...(extra === undefined ? {} : { extra }) };
  };

  const authenticate = async ({ user, rawHeaders }: Parameters<KubeletAuth>[0]): Promise<KubeletUser | undefined> => {
    if (user !== undefined) return { ...user, groups: [...user.groups, 'system:authenticated'] };
    const token = bearerToken(rawHeaders);
    if (token === undefined) return undefined;
    // A token is a secret: only its hash is kept.
    const key = createHash('sha256').update(token).digest('hex');
    try {
      return await users.get(key, () => userOfToken(token));
    } catch {
      return undefined;
    }
  };

  const mayDo = ({ name, uid, groups, extra }: KubeletUser, verb: string, subresource: string): Promise<boolean> => {
    const spec = {
      user: name,
      groups: [...groups],
      resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: nodeName },
      ...(uid === undefined ? {} : { uid }),
      ...(extra === undefined
        ? {}
        : { extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, [...values]])) }),
    };
    return verdicts.get(JSON.stringify(spec), async () => {
      const { status } = await client.create(subjectAccessReviews, { spec });
      return status?.allowed === true && status.denied !== true;
    });
  };

  return async (request, route) => {
    const user = await authenticate(request);
    if (user === undefined) throw new HttpError(401, 'Unauthorized');
    const verb = verbOf(route);
    const subresources = subresourcesOf(route);
    const who = (what: string): string => `(user=${user.name}, verb=${verb}, resource=nodes, ${what})`;
    for (const subresource of subresources) {
      let allowed: boolean;
      try {
        allowed = await mayDo(user, verb, subresource);
      } catch {
        throw new HttpError(500, `Authorization error ${who(`subresource=${subresource}`)}`);
      }
      if (allowed) return;
    }
    throw new HttpError(403, `Forbidden ${who(`subresource(s)=[${subresources.join(' ')}]`)}\n`);
  };
}
