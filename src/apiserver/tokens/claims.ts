// What a service account token says, and whether it still holds.
// Follows pkg/serviceaccount/claims.go and jwt.go of v1.36, without the year that upstream adds to tokens of pods by default.

import type { JsonObject } from '../../api/meta/types.ts';
import { TokenError } from '../authn/authenticator.ts';
import type { StoredObject } from '../registry/object-version.ts';
import type { UserInfo } from '../request.ts';

/** Who signs where nothing is said. */
export const defaultIssuer = 'https://kubernetes.default.svc.cluster.local';

type Ref = { name: string; uid?: string };

export interface TokenSubject {
  namespace: string;
  account: Ref;
  pod?: Ref;
  secret?: Ref;
  node?: Ref;
}

/** Kinds of objects that a token can be bound to. */
export type BoundResource = 'serviceaccounts' | 'pods' | 'secrets' | 'nodes';

/** Gives an object as it is now; the namespace of a node is empty. */
export type FindObject = (
  resource: BoundResource,
  namespace: string,
  name: string,
) => Promise<StoredObject | undefined>;

const leewayMs = 60_000;

export const accountUserName = (namespace: string, name: string): string =>
  `system:serviceaccount:${namespace}:${name}`;

/** The claims of a new token. `now` in ms. */
export function tokenClaims(
  subject: TokenSubject,
  options: { issuer: string; audiences: readonly string[]; seconds: number; now: number; id: string },
): JsonObject {
  const now = Math.floor(options.now / 1000);
  const { namespace, account, pod, secret, node } = subject;
  const bound = {
    namespace,
    ...(node === undefined ? {} : { node: { ...node } }),
    ...(pod === undefined ? {} : { pod: { ...pod } }),
    ...(secret === undefined ? {} : { secret: { ...secret } }),
    serviceaccount: { ...account },
  };
  return {
    aud: [...options.audiences],
    exp: now + options.seconds,
    iat: now,
    iss: options.issuer,
    jti: options.id,
    'kubernetes.io': bound,
    nbf: now,
    sub: accountUserName(namespace, account.name),
  };
}

const record = (value: unknown): Record<string, unknown> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function refOf(value: unknown): { name: string; uid: string } | undefined {
  const fields = record(value);
  return fields === undefined ? undefined : { name: text(fields['name']), uid: text(fields['uid']) };
}

/** The audiences that both sides know. Throws when there are none, or when times are wrong. */
function checkPublic(claims: JsonObject, wanted: readonly string[], now: number): string[] {
  const said = Array.isArray(claims['aud']) ? claims['aud'].map(text) : [text(claims['aud'])];
  const audiences = said.filter((audience) => wanted.includes(audience));
  if (audiences.length === 0) {
    const shown = (list: readonly string[]): string => `[${list.map((item) => JSON.stringify(item)).join(' ')}]`;
    throw new TokenError(`token audiences ${shown(said)} is invalid for the target audiences ${shown(wanted)}`);
  }
  const { exp, nbf } = claims;
  if (typeof exp !== 'number' || now - leewayMs > exp * 1000) throw new TokenError('service account token has expired');
  if (typeof nbf === 'number' && now + leewayMs < nbf * 1000)
    throw new TokenError('service account token is not valid yet');
  return audiences;
}

/** An object that is being deleted counts for a minute after its deadline. */
const isDeleted = ({ metadata }: StoredObject, now: number): boolean =>
  metadata.deletionTimestamp !== undefined && Date.parse(metadata.deletionTimestamp) < now - leewayMs;

async function checkBound(
  find: FindObject,
  what: 'pod' | 'secret' | 'node',
  namespace: string,
  ref: { name: string; uid: string },
  now: number,
): Promise<void> {
  const object = await find(`${what}s`, what === 'node' ? '' : namespace, ref.name);
  if (object === undefined || isDeleted(object, now))
    throw new TokenError('service account token has been invalidated');
  const { uid = '' } = object.metadata;
  if (uid !== ref.uid) {
    const shown = what === 'secret' ? 'Secret' : what;
    throw new TokenError(
      `${shown === 'Secret' ? 'secret' : shown} UID (${uid}) does not match service account ${what} ref claim (${ref.uid})`,
    );
  }
}

/** Who a token with these claims (its signature was checked) stands for. Throws TokenError. `now` in ms. */
export async function tokenUser(
  claims: JsonObject,
  wanted: readonly string[],
  find: FindObject,
  now: number,
): Promise<{ user: UserInfo; audiences: string[] }> {
  const audiences = checkPublic(claims, wanted, now);
  const bound = record(claims['kubernetes.io']);
  const account = refOf(bound?.['serviceaccount']);
  const namespace = text(bound?.['namespace']);
  if (account === undefined || namespace === '' || claims['sub'] !== accountUserName(namespace, account.name))
    throw new TokenError('service account token claims could not be validated due to unexpected private claim');
  const object = await find('serviceaccounts', namespace, account.name);
  if (object === undefined) throw new TokenError(`serviceaccounts ${JSON.stringify(account.name)} not found`);
  if (isDeleted(object, now)) throw new TokenError(`service account ${namespace}/${account.name} has been deleted`);
  if (object.metadata.uid !== account.uid)
    throw new TokenError(`service account UID (${object.metadata.uid ?? ''}) does not match claim (${account.uid})`);
  const [pod, secret, node] = [refOf(bound?.['pod']), refOf(bound?.['secret']), refOf(bound?.['node'])];
  if (secret !== undefined) await checkBound(find, 'secret', namespace, secret, now);
  if (pod !== undefined) await checkBound(find, 'pod', namespace, pod, now);
  // The node of a pod is told, not checked; the pod goes with it.
  else if (node !== undefined) await checkBound(find, 'node', '', node, now);
  const extra: Record<string, string[]> = {};
  const say = (key: string, value: string): void => {
    if (value !== '') extra[`authentication.kubernetes.io/${key}`] = [value];
  };
  const id = text(claims['jti']);
  say('credential-id', id === '' ? '' : `JTI=${id}`);
  say('node-name', node?.name ?? '');
  say('node-uid', node?.uid ?? '');
  say('pod-name', pod?.name ?? '');
  say('pod-uid', pod?.uid ?? '');
  const user: UserInfo = {
    name: accountUserName(namespace, account.name),
    uid: account.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
    extra,
  };
  return { user, audiences };
}
