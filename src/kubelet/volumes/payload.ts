// Gathers what configMap, secret, downwardAPI and projected volumes hold. Follows MakePayload and collectData in
// pkg/volume/{configmap,secret,downwardapi,projected} of v1.36.

import type {
  ClusterTrustBundleProjection,
  ConfigMap,
  ConfigMapVolumeSource,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  ProjectedVolumeSource,
  Secret,
  SecretVolumeSource,
  ServiceAccountTokenProjection,
  VolumeProjection,
} from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { podFieldValue } from '../container-config/field-path.ts';
import { resourceFieldValue } from '../container-config/resource-field.ts';
import { goErrorText } from '../go-error.ts';
import type { Payload, ProjectedFile } from './atomic-writer.ts';
import type { ObjectSource } from './object-source.ts';
import { noTrustBundles, type TrustBundleSource } from './trust-bundles.ts';

/** Issues bound tokens for a pod's service account; it keeps and renews them. */
export interface TokenSource {
  /** `expirationSeconds` is the life asked for; an empty audience is the API server's own. */
  token(pod: Pod, request: { audience: string; expirationSeconds: number }, signal?: AbortSignal): Promise<string>;
  /** The pod is gone: its tokens are of no use any more. */
  forget(podUid: string): void;
}

export interface PayloadSources {
  objects: ObjectSource;
  /** The node's allocatable resources, for resource fields without a limit. */
  nodeAllocatable(): Readonly<Record<string, string>>;
  tokens?: TokenSource | undefined;
  /** Trust anchors of the cluster; without it volumes with such fail, as where the feature gate is off. */
  trustBundles?: TrustBundleSource | undefined;
}

const defaultFileMode = 0o644;
const defaultTokenSeconds = 3600;

/** Several failures as one, in Go's form: `[a, b]`; one alone as it is. */
export function aggregate(messages: readonly string[]): Error {
  const distinct = [...new Set(messages)];
  return new Error(distinct.length === 1 ? distinct[0] : `[${distinct.join(', ')}]`);
}

/** Every key under its own name, or those that `items` name under their paths. */
function pick(
  contents: ReadonlyMap<string, Buffer>,
  items: readonly KeyToPath[] | undefined,
  defaultMode: number,
  missing: ((key: string) => string) | undefined,
): Map<string, ProjectedFile> {
  const picked = new Map<string, ProjectedFile>();
  if (!items?.length) {
    for (const [key, data] of contents) picked.set(key, { data, mode: defaultMode });
    return picked;
  }
  for (const { key, path, mode } of items) {
    const data = contents.get(key);
    if (data) picked.set(path, { data, mode: mode ?? defaultMode });
    else if (missing) throw new Error(missing(key));
  }
  return picked;
}

const configMapContents = (map: ConfigMap | undefined): Map<string, Buffer> =>
  new Map([
    ...Object.entries(map?.data ?? {}).map(([key, text]) => [key, Buffer.from(text, 'utf8')] as const),
    ...Object.entries(map?.binaryData ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const),
  ]);

const secretContents = (secret: Secret | undefined): Map<string, Buffer> =>
  new Map(Object.entries(secret?.data ?? {}).map(([key, text]) => [key, Buffer.from(text, 'base64')] as const));

/** The object, or undefined for a missing one that is optional. */
async function found<T>(load: Promise<T>, optional: boolean): Promise<T | undefined> {
  try {
    return await load;
  } catch (error) {
    if (optional && isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

interface Context {
  pod: Pod;
  sources: PayloadSources;
  signal?: AbortSignal | undefined;
}

async function configMapPayload(
  context: Context,
  source: Pick<ConfigMapVolumeSource, 'name' | 'items' | 'optional' | 'defaultMode'>,
): Promise<Payload> {
  const optional = source.optional === true;
  const namespace = context.pod.metadata?.namespace ?? '';
  const map = await found(context.sources.objects.configMap(namespace, source.name ?? '', context.signal), optional);
  const missing = (key: string): string => `configmap references non-existent config key: ${key}`;
  return pick(
    configMapContents(map),
    source.items,
    source.defaultMode ?? defaultFileMode,
    optional ? undefined : missing,
  );
}

async function secretPayload(
  context: Context,
  source: Pick<SecretVolumeSource, 'secretName' | 'items' | 'optional' | 'defaultMode'>,
): Promise<Payload> {
  const optional = source.optional === true;
  const namespace = context.pod.metadata?.namespace ?? '';
  const secret = await found(
    context.sources.objects.secret(namespace, source.secretName ?? '', context.signal),
    optional,
  );
  const missing = (key: string): string => `references non-existent secret key: ${key}`;
  return pick(
    secretContents(secret),
    source.items,
    source.defaultMode ?? defaultFileMode,
    optional ? undefined : missing,
  );
}

function downwardPayload(context: Context, items: readonly DownwardAPIVolumeFile[], defaultMode: number): Payload {
  const payload = new Map<string, ProjectedFile>();
  const failures: string[] = [];
  for (const { path, mode, fieldRef, resourceFieldRef } of items) {
    try {
      const text = fieldRef
        ? podFieldValue(fieldRef, context.pod, { podIPs: [], hostIPs: [] })
        : resourceFieldRef
          ? resourceFieldValue(resourceFieldRef, context.pod, context.sources.nodeAllocatable())
          : '';
      payload.set(path, { data: Buffer.from(text, 'utf8'), mode: mode ?? defaultMode });
    } catch (error) {
      failures.push(goErrorText(error));
    }
  }
  if (failures.length > 0) throw aggregate(failures);
  return payload;
}

/** The one user that all containers of the pod run as, if there is one: a token is then theirs alone. */
function commonUser(pod: Pod): number | undefined {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const users = new Set(
    containers.map((container) => container.securityContext?.runAsUser ?? pod.spec?.securityContext?.runAsUser),
  );
  return users.size === 1 ? [...users][0] : undefined;
}

/** A file that is the one user's alone, or the group's of the pod's files; else it has the volume's mode. */
function fileOfUser(pod: Pod, text: string, defaultMode: number): ProjectedFile {
  const uid = commonUser(pod);
  const shared = uid === undefined && pod.spec?.securityContext?.fsGroup === undefined;
  const file = { data: Buffer.from(text, 'utf8'), mode: shared ? defaultMode : 0o600 };
  return uid === undefined ? file : { ...file, uid };
}

async function tokenPayload(
  context: Context,
  source: ServiceAccountTokenProjection,
  defaultMode: number,
): Promise<Payload> {
  const { pod, sources, signal } = context;
  if (!sources.tokens) throw new Error('failed to fetch token: service account tokens are not issued on this node yet');
  const request = {
    audience: source.audience ?? '',
    expirationSeconds: source.expirationSeconds ?? defaultTokenSeconds,
  };
  const token = await sources.tokens.token(pod, request, signal);
  return new Map([[source.path, fileOfUser(pod, token, defaultMode)]]);
}

async function trustBundlePayload(
  { pod, sources }: Context,
  { name, signerName, labelSelector, optional, path }: ClusterTrustBundleProjection,
  defaultMode: number,
): Promise<Payload> {
  if (name === undefined && signerName === undefined)
    throw new Error('ClusterTrustBundle projection requires either name or signerName to be set');
  const choice = name === undefined ? { signerName: signerName ?? '', labelSelector } : { name };
  const anchors = await (sources.trustBundles ?? noTrustBundles).anchors(choice, optional === true);
  return new Map([[path, fileOfUser(pod, anchors, defaultMode)]]);
}

async function projectionPayload(context: Context, source: VolumeProjection, defaultMode: number): Promise<Payload> {
  if (source.configMap) return configMapPayload(context, { ...source.configMap, defaultMode });
  if (source.secret) {
    const { name, ...rest } = source.secret;
    return secretPayload(context, { ...rest, defaultMode, ...(name === undefined ? {} : { secretName: name }) });
  }
  if (source.downwardAPI) return downwardPayload(context, source.downwardAPI.items ?? [], defaultMode);
  if (source.serviceAccountToken) return tokenPayload(context, source.serviceAccountToken, defaultMode);
  if (source.clusterTrustBundle) return trustBundlePayload(context, source.clusterTrustBundle, defaultMode);
  const [kind] = Object.keys(source);
  // The API server took out what no feature gate lets in: such a source gives no files.
  if (kind === undefined) return new Map();
  throw new Error(`projected source ${kind} is not supported by this node yet`);
}

async function projectedPayload(context: Context, source: ProjectedVolumeSource): Promise<Payload> {
  const payload = new Map<string, ProjectedFile>();
  const failures: string[] = [];
  for (const part of source.sources ?? []) {
    try {
      const files = await projectionPayload(context, part, source.defaultMode ?? defaultFileMode);
      for (const [path, file] of files) payload.set(path, file);
    } catch (error) {
      failures.push(goErrorText(error));
    }
  }
  if (failures.length > 0) throw aggregate(failures);
  return payload;
}

/** A volume whose files the kubelet writes, as its source in pod.spec.volumes says. */
export type ProjectedSource =
  | { plugin: 'configmap'; source: ConfigMapVolumeSource }
  | { plugin: 'secret'; source: SecretVolumeSource }
  | { plugin: 'downward-api'; source: { items?: DownwardAPIVolumeFile[]; defaultMode?: number } }
  | { plugin: 'projected'; source: ProjectedVolumeSource };

/** The files of the volume. Throws in upstream's words: `configmap "x" not found`, `references non-existent secret key: k`. */
export async function makePayload(
  volume: ProjectedSource,
  pod: Pod,
  sources: PayloadSources,
  signal?: AbortSignal,
): Promise<Payload> {
  const context = { pod, sources, signal };
  switch (volume.plugin) {
    case 'configmap':
      return configMapPayload(context, volume.source);
    case 'secret':
      return secretPayload(context, volume.source);
    case 'downward-api':
      return downwardPayload(context, volume.source.items ?? [], volume.source.defaultMode ?? defaultFileMode);
    case 'projected':
      return projectedPayload(context, volume.source);
    default:
      return volume satisfies never;
  }
}
