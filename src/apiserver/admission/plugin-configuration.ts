// What --admission-control-config-file says to plugins: read, and checked as far as the server would otherwise stumble over it. Pure.
// Follows apiserver pkg/admission/config.go and the plugins' own configurations of v1.36.

import type { ScopedResourceSelectorRequirement, Toleration } from '../../api/generated/types.ts';
import { goDuration } from '../../api/meta/go-format.ts';
import type { EventLimit } from './event-rate-limit.ts';
import type { ImagePolicySettings } from './image-policy.ts';
import { selectorLabels } from './pod-node-selector.ts';
import type { TolerationRules } from './pod-toleration-restriction.ts';

/** Objects that may be made only where a quota covers them. */
export interface LimitedResource {
  apiGroup: string;
  resource: string;
  /** Parts of the names of what is limited: `.storageclass.storage.k8s.io/`. */
  matchContains: readonly string[];
  matchScopes: readonly ScopedResourceSelectorRequirement[];
}

export interface PluginConfiguration {
  /** EventRateLimit, which does not run without. */
  eventLimits?: readonly EventLimit[];
  /** ImagePolicyWebhook, which does not run without. */
  imagePolicy?: ImagePolicySettings;
  /** PodNodeSelector. */
  nodeSelectors?: Readonly<Record<string, string>>;
  /** PodTolerationRestriction. */
  tolerations?: TolerationRules;
  /** ResourceQuota. */
  limitedResources?: readonly LimitedResource[];
}

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listIn = (from: Fields, name: string): unknown[] => {
  const value = from[name] ?? [];
  if (Array.isArray(value)) return value;
  throw new Error(`${name} must be a list`);
};
const fieldsIn = (from: Fields, name: string): Fields[] =>
  listIn(from, name).map((item) => {
    if (isFields(item)) return item;
    throw new Error(`${name} must be a list of objects`);
  });
const textIn = (from: Fields, name: string): string => {
  const value = from[name] ?? '';
  if (typeof value === 'string') return value;
  throw new Error(`${name} must be a string`);
};

/** Refuses a document of another kind. */
function require(document: Fields, kinds: readonly string[]): void {
  const is = `${textIn(document, 'apiVersion')}, Kind=${textIn(document, 'kind')}`;
  if (!kinds.includes(is)) throw new Error(`is ${is}, and must be one of ${kinds.join(' or ')}`);
}

const limitTypes = ['Server', 'Namespace', 'User', 'SourceAndObject'];

function eventLimits(document: Fields): EventLimit[] {
  require(document, ['eventratelimit.admission.k8s.io/v1alpha1, Kind=Configuration']);
  const limits = fieldsIn(document, 'limits').map((limit, i) => {
    const type = textIn(limit, 'type');
    if (!limitTypes.includes(type)) throw new Error(`limits[${i}].type: Unsupported value: ${JSON.stringify(type)}`);
    const positive = (name: string): number => {
      const value = limit[name];
      if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value;
      throw new Error(`limits[${i}].${name}: Invalid value: ${JSON.stringify(value ?? 0)}: must be positive`);
    };
    const cacheSize = limit['cacheSize'] === undefined ? {} : { cacheSize: positive('cacheSize') };
    return { type: type as EventLimit['type'], qps: positive('qps'), burst: positive('burst'), ...cacheSize };
  });
  if (limits.length === 0) throw new Error('limits: Required value');
  return limits;
}

function nodeSelectors(document: Fields): Record<string, string> {
  const selectors = document['podNodeSelectorPluginConfig'];
  if (!isFields(selectors)) throw new Error('podNodeSelectorPluginConfig must be an object');
  return Object.fromEntries(
    Object.keys(selectors).map((name) => {
      const text = textIn(selectors, name);
      selectorLabels(text);
      return [name, text];
    }),
  );
}

function tolerations(document: Fields): TolerationRules {
  require(document, ['podtolerationrestriction.admission.k8s.io/v1alpha1, Kind=Configuration']);
  return {
    default: fieldsIn(document, 'default') as Toleration[],
    whitelist: fieldsIn(document, 'whitelist') as Toleration[],
  };
}

function limitedResources(document: Fields): LimitedResource[] {
  require(document, [
    'apiserver.config.k8s.io/v1, Kind=ResourceQuotaConfiguration',
    'resourcequota.admission.k8s.io/v1beta1, Kind=Configuration',
  ]);
  return fieldsIn(document, 'limitedResources').map((one, i) => {
    const resource = textIn(one, 'resource');
    if (resource === '') throw new Error(`limitedResources[${i}].resource: Required value`);
    return {
      apiGroup: textIn(one, 'apiGroup'),
      resource,
      matchContains: listIn(one, 'matchContains').map(String),
      matchScopes: fieldsIn(one, 'matchScopes') as unknown as ScopedResourceSelectorRequirement[],
    };
  });
}

const secondMs = 1000;
const minuteMs = 60 * secondMs;

/** What a field of the image policy means: -1 is none, and 0 or absent the usual. `scale` and all others are in ms. */
function duration(
  from: Fields,
  name: string,
  { scale, min, max, usual }: { scale: number; min: number; max: number; usual: number },
): number {
  const value = from[name] ?? 0;
  if (typeof value !== 'number' || !Number.isInteger(value)) throw new Error(`imagePolicy.${name} must be an integer`);
  if (value === -1) return 0;
  if (value === 0) return usual;
  const ms = value * scale;
  if (ms >= min && ms <= max) return ms;
  const smallest = min < 1 ? '1ns' : goDuration(min);
  throw new Error(`valid value is between ${smallest} and ${goDuration(max)}, got ${goDuration(ms)}`);
}

const ttl = { scale: secondMs, min: secondMs, max: 30 * minuteMs };

function imagePolicySettings(document: Fields): ImagePolicySettings {
  const policy = document['imagePolicy'] ?? {};
  if (!isFields(policy)) throw new Error('imagePolicy must be an object');
  const defaultAllow = policy['defaultAllow'] ?? false;
  if (typeof defaultAllow !== 'boolean') throw new Error('imagePolicy.defaultAllow must be true or false');
  const retryBackoffMs = duration(policy, 'retryBackoff', { scale: 1, min: 1e-6, max: 5 * minuteMs, usual: 500 });
  return {
    kubeConfigFile: textIn(policy, 'kubeConfigFile'),
    retryBackoffMs,
    allowTtlMs: duration(policy, 'allowTTL', { ...ttl, usual: 5 * minuteMs }),
    denyTtlMs: duration(policy, 'denyTTL', { ...ttl, usual: 30 * secondMs }),
    defaultAllow,
  };
}

const readers: Readonly<Record<string, (document: Fields) => PluginConfiguration>> = {
  EventRateLimit: (document) => ({ eventLimits: eventLimits(document) }),
  ImagePolicyWebhook: (document) => ({ imagePolicy: imagePolicySettings(document) }),
  PodNodeSelector: (document) => ({ nodeSelectors: nodeSelectors(document) }),
  PodTolerationRestriction: (document) => ({ tolerations: tolerations(document) }),
  ResourceQuota: (document) => ({ limitedResources: limitedResources(document) }),
};

/**
 * Reads an AdmissionConfiguration; `read` gives the parsed file that a plugin's `path` names. Throws an Error that says which plugin's
 * configuration is wrong, or not taken here.
 */
export function pluginConfiguration(document: unknown, read: (path: string) => unknown): PluginConfiguration {
  if (!isFields(document)) throw new Error('is no AdmissionConfiguration');
  require(document, [
    'apiserver.config.k8s.io/v1, Kind=AdmissionConfiguration',
    'apiserver.k8s.io/v1alpha1, Kind=AdmissionConfiguration',
  ]);
  let all: PluginConfiguration = {};
  for (const plugin of fieldsIn(document, 'plugins')) {
    const name = textIn(plugin, 'name');
    const reader = Object.hasOwn(readers, name) ? readers[name] : undefined;
    if (reader === undefined) throw new Error(`plugin ${JSON.stringify(name)} takes no configuration in Peapod`);
    try {
      const path = textIn(plugin, 'path');
      const own = plugin['configuration'] ?? (path === '' ? undefined : read(path));
      if (!isFields(own)) throw new Error('has neither configuration nor path');
      all = { ...all, ...reader(own) };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(`plugin ${JSON.stringify(name)}: ${why}`, { cause: error });
    }
  }
  return all;
}
