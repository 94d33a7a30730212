// Makes a container's environment out of env, envFrom and the services. Follows makeEnvironmentVariables in pkg/kubelet/kubelet_pods.go of v1.36.

import type { ConfigMap, Container, EnvVar, FileKeySelector, Pod, Secret, Service } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import type { SubPaths } from '../../lib/system.ts';
import type { ObjectSource } from '../volumes/object-source.ts';
import { envFileValue } from './env-file.ts';
import { expand } from './expansion.ts';
import { podFieldValue, type PodAddresses } from './field-path.ts';
import { resourceFieldValue } from './resource-field.ts';
import { serviceEnvironment } from './service-environment.ts';

export interface EnvironmentSources extends PodAddresses {
  objects: ObjectSource;
  services: Iterable<Service>;
  /** The node's allocatable resources, which stand in for limits that are not set. */
  nodeAllocatable: Readonly<Record<string, string>>;
  /** Volume name → host path, and how to read in them, for fileKeyRef. */
  volumes: ReadonlyMap<string, string>;
  subPaths?: Pick<SubPaths, 'readFile'> | undefined;
  signal?: AbortSignal | undefined;
}

interface Lookups {
  configMap(name: string, optional: boolean): Promise<ConfigMap | undefined>;
  secret(name: string, optional: boolean): Promise<Secret | undefined>;
}

/** Runs a lookup at most once per name; a missing optional object gives undefined. */
function memo<T>(load: (name: string) => Promise<T>): (name: string, optional: boolean) => Promise<T | undefined> {
  const found = new Map<string, T>();
  return async (name, optional) => {
    const known = found.get(name);
    if (known !== undefined) return known;
    try {
      const object = await load(name);
      found.set(name, object);
      return object;
    } catch (error) {
      if (optional && isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  };
}

/** Secret values are bytes; as a variable they are read as UTF-8. */
const decoded = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');

/**
 * The variables in order: those of envFrom, then env as declared, then what services add; a later value of a name wins but
 * keeps its first place. References see envFrom, the variables before them, and services.
 * Throws an ApiError or Error in upstream's words, for CreateContainerConfigError.
 */
export async function makeEnvironment(
  pod: Pod,
  container: Container,
  sources: EnvironmentSources,
): Promise<Map<string, string>> {
  const namespace = pod.metadata?.namespace ?? '';
  const services = serviceEnvironment(sources.services, namespace, pod.spec?.enableServiceLinks ?? true);
  const lookups: Lookups = {
    configMap: memo((name) => sources.objects.configMap(namespace, name, sources.signal)),
    secret: memo((name) => sources.objects.secret(namespace, name, sources.signal)),
  };
  const values = await fromSources(container, lookups);
  for (const variable of container.env ?? []) {
    const value = variable.value
      ? expand(variable.value, (name) => values.get(name) ?? services.get(name))
      : await valueOf(variable, pod, container, lookups, sources);
    if (value !== undefined) values.set(variable.name, value);
  }
  for (const [name, value] of services) if (!values.has(name)) values.set(name, value);
  return values;
}

async function fromSources(container: Container, lookups: Lookups): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  for (const source of container.envFrom ?? []) {
    const prefix = source.prefix ?? '';
    if (source.configMapRef) {
      const map = await lookups.configMap(source.configMapRef.name ?? '', source.configMapRef.optional === true);
      for (const [key, value] of sortedEntries(map?.data)) values.set(prefix + key, value);
    } else if (source.secretRef) {
      const secret = await lookups.secret(source.secretRef.name ?? '', source.secretRef.optional === true);
      for (const [key, value] of sortedEntries(secret?.data)) values.set(prefix + key, decoded(value));
    }
  }
  return values;
}

/** Upstream's order is that of a Go map, so any is right: sorted makes the same pod give the same config. */
function sortedEntries(data: Record<string, string> | undefined): [string, string][] {
  return Object.entries(data ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** The value of a key in a file of a volume, which an init container may have written. Empty counts as missing. */
async function fileValue(reference: FileKeySelector, sources: EnvironmentSources): Promise<string | undefined> {
  const { volumeName, path, key, optional = false } = reference;
  const volume = sources.volumes.get(volumeName);
  if (volume === undefined) throw new Error(`cannot find the volume ${goQuote(volumeName)} referenced by FileKeyRef`);
  if (!sources.subPaths) throw new Error('fileKeyRef is not supported on this node');
  let value: string;
  try {
    value = envFileValue((await sources.subPaths.readFile(volume, path)).toString('utf8'), key);
  } catch (error) {
    throw new Error("couldn't parse env file", { cause: error });
  }
  if (value !== '') return value;
  if (optional) return undefined;
  throw new Error(`environment variable key ${goQuote(key)} not found in file ${goQuote(`${volume}/${path}`)}`);
}

/** The value of a variable without a literal one; undefined leaves the variable out. */
async function valueOf(
  variable: EnvVar,
  pod: Pod,
  container: Container,
  lookups: Lookups,
  sources: EnvironmentSources,
): Promise<string | undefined> {
  const from = variable.valueFrom;
  const namespace = pod.metadata?.namespace ?? '';
  if (!from) return '';
  if (from.fieldRef) return podFieldValue(from.fieldRef, pod, sources);
  if (from.resourceFieldRef) {
    return resourceFieldValue(from.resourceFieldRef, pod, sources.nodeAllocatable, container);
  }
  if (from.configMapKeyRef) {
    const { name = '', key, optional = false } = from.configMapKeyRef;
    const map = await lookups.configMap(name, optional);
    const value = map?.data?.[key];
    if (value === undefined && !optional) throw new Error(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
    return value;
  }
  if (from.secretKeyRef) {
    const { name = '', key, optional = false } = from.secretKeyRef;
    const secret = await lookups.secret(name, optional);
    const value = secret?.data?.[key];
    if (value === undefined && !optional) throw new Error(`couldn't find key ${key} in Secret ${namespace}/${name}`);
    return value === undefined ? undefined : decoded(value);
  }
  if (from.fileKeyRef) return await fileValue(from.fileKeyRef, sources);
  return '';
}
