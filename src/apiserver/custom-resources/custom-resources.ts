// Serves what CustomResourceDefinitions define, keeps their conditions, and lets go of them once their objects are gone.
// Follows apiextensions-apiserver pkg/apiserver/customresource_handler.go and pkg/controller of v1.36.

import type { CustomResourceDefinition } from '../../api/generated/types.ts';
import { customKinds } from '../../api/custom/custom-kinds.ts';
import { compileSchemaRules } from '../../api/cel/schema-rules.ts';
import {
  cleanupFinalizer,
  decideStatus,
  isConditionTrue,
} from '../../api/kinds/customresourcedefinition/conditions.ts';
import { FieldPath, isApiError } from '../../api/meta/errors.ts';
import type { Transport } from '../../api/transport.ts';
import { sleep } from '../../lib/clock.ts';
import type { RegistryDeps } from '../registry/commit.ts';
import { type DynamicResourceTable, resourceInfo, type ResourceInfo } from '../resources.ts';
import type { CallDeps } from '../admission/webhook/call.ts';
import { conversionWebhook } from './conversion-webhook.ts';
import { endDefinition } from './end-definition.ts';
import { keyLoop } from './key-loop.ts';

export interface CustomResourcesDeps {
  registry: RegistryDeps;
  resources: DynamicResourceTable;
  /** The resource customresourcedefinitions. */
  definitions: ResourceInfo;
  /** How conversion webhooks are called. */
  webhooks: CallDeps;
  /** Acts as the server itself. */
  transport(): Transport;
}

export interface CustomResources {
  /** Serves what is defined already; call it once the caches are loaded. */
  start(): Promise<void>;
  /** Resolves when what was written so far is served, or after a second. */
  settled(): Promise<void>;
  stop(): void;
}

/** What is served of one definition, and from what it was made. */
interface Serving {
  made: string;
  infos: readonly ResourceInfo[];
}

const settleMs = 1000;
/** How soon a definition is looked at again whose objects are on their way out. */
const leftOverMs = 500;
/** The same where they could not be deleted. */
const failedMs = 5_000;
/** How long the end of one definition may hold up the others. */
const patienceMs = 500;

/** Whether objects of it can be had: its names are free, or were when it was first served. */
const isServed = ({ status }: CustomResourceDefinition): boolean =>
  isConditionTrue(status, 'NamesAccepted') || isConditionTrue(status, 'Established');

/** All that kinds are made from. */
const sourceOf = ({ metadata, spec, status }: CustomResourceDefinition): string =>
  JSON.stringify([metadata?.uid, spec, status?.acceptedNames]);

export const statusPath = (crd: CustomResourceDefinition): string =>
  `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd.metadata?.name ?? ''}/status`;

export function createCustomResources(deps: CustomResourcesDeps): CustomResources {
  const { registry, resources, definitions } = deps;
  const { feed, clock, logger } = registry;
  const cache = feed.cache(definitions);
  const serving = new Map<string, Serving>();
  /** Definitions that are being ended. */
  const ending = new Set<string>();
  const stopping = new AbortController();
  const all = (): CustomResourceDefinition[] =>
    [...cache.objects.range(definitions.keyPrefix)].map((version) => version.object() as CustomResourceDefinition);
  const find = (name: string): CustomResourceDefinition | undefined =>
    cache.objects.get(definitions.keyPrefix + name)?.object() as CustomResourceDefinition | undefined;

  /** Puts the kinds made of the definition in place of those that were. */
  const serve = async (name: string, crd: CustomResourceDefinition | undefined): Promise<void> => {
    const before = serving.get(name);
    const made = crd !== undefined && isServed(crd) ? sourceOf(crd) : '';
    if (made === (before?.made ?? '')) return;
    const wanted = crd === undefined || made === '' ? [] : kindsOf(crd);
    const infos = wanted
      .map(resourceInfo)
      .filter(({ kind }) => isFree(kind.group, kind.version, kind.resource, before?.infos ?? []));
    await feed.add(infos);
    resources.replace(before?.infos ?? [], infos);
    if (before !== undefined) feed.retire(before.infos);
    if (made === '') serving.delete(name);
    else serving.set(name, { made, infos });
  };
  const kindsOf = (crd: CustomResourceDefinition) =>
    customKinds(crd, {
      rulesOf: (schema) => compileSchemaRules(schema, new FieldPath()),
      ...remoteOf(crd),
      isTerminating: () => find(crd.metadata?.name ?? '')?.metadata?.deletionTimestamp !== undefined,
    });
  const remoteOf = ({ spec: { conversion } }: CustomResourceDefinition) =>
    conversion?.strategy !== 'Webhook' || conversion.webhook === undefined
      ? {}
      : { convert: conversionWebhook(deps.webhooks, conversion.webhook, stopping.signal) };
  /** What is built in is never taken over. */
  const isFree = (group: string, version: string, resource: string, own: readonly ResourceInfo[]): boolean => {
    const found = resources.find(group, version, resource);
    return found === undefined || own.includes(found);
  };

  const look = async (name: string): Promise<void> => {
    await feed.caughtUp();
    const crd = find(name);
    await serve(name, crd);
    if (crd === undefined) return reconsiderOthers(name);
    if (crd.metadata?.deletionTimestamp !== undefined) return end(name, crd);
    const status = decideStatus(crd, all(), clock.now());
    if (status === undefined) return;
    await writeStatus({ ...crd, status });
    reconsiderOthers(name);
    // What was just written is served before anybody waits for it.
    loop.add(name);
  };
  /** Others are not held up by one whose objects take their time, or a webhook. */
  const end = async (name: string, crd: CustomResourceDefinition): Promise<void> => {
    if (ending.has(name)) return;
    ending.add(name);
    /** Any other version than the one that is stored could lose what it does not know. */
    const infoOf = (): ResourceInfo | undefined => {
      const infos = serving.get(name)?.infos ?? [];
      const stored = crd.spec.versions.find(({ storage }) => storage)?.name;
      return infos.find(({ kind }) => kind.version === stored) ?? infos[0];
    };
    const attempt = endDefinition({ registry, transport: deps.transport() }, crd, infoOf)
      .then(
        () => leftOverMs,
        (error: unknown) => {
          warn(name, error);
          return failedMs;
        },
      )
      .then((pause) => {
        ending.delete(name);
        if (find(name)?.metadata?.finalizers?.includes(cleanupFinalizer) === true) loop.addAfter(name, pause);
      });
    const enough = new AbortController();
    await Promise.race([attempt, sleep(clock, patienceMs, AbortSignal.any([enough.signal, stopping.signal]))]);
    enough.abort();
  };
  const writeStatus = async (crd: CustomResourceDefinition): Promise<void> => {
    try {
      await deps.transport().request({ method: 'PUT', path: statusPath(crd), body: crd });
    } catch (error) {
      // Whoever was faster has it looked at again.
      if (!isApiError(error, 'Conflict') && !isApiError(error, 'NotFound')) throw error;
    }
  };
  /** A name may have become free, or been taken. */
  const reconsiderOthers = (name: string): void => {
    const group = name.slice(name.indexOf('.') + 1);
    for (const { metadata, spec } of all())
      if (spec.group === group && metadata?.name !== undefined && metadata.name !== name && needsNames(metadata.name))
        loop.add(metadata.name);
  };
  const needsNames = (name: string): boolean => {
    const crd = find(name);
    return crd !== undefined && !isConditionTrue(crd.status, 'NamesAccepted');
  };
  const warn = (name: string, error: unknown): void =>
    logger.warn('a CustomResourceDefinition is not as it should be yet', { name, error: String(error) });
  const loop = keyLoop(clock, look, warn);
  cache.observe({
    changed(current, previous) {
      loop.add((current ?? previous)?.name ?? '');
    },
    loaded() {
      for (const name of new Set([...serving.keys(), ...all().map(({ metadata }) => metadata?.name ?? '')]))
        loop.add(name);
    },
  });
  return {
    async start() {
      for (const { metadata } of all()) loop.add(metadata?.name ?? '');
      await loop.idle();
    },
    async settled() {
      const done = new AbortController();
      const served = feed.caughtUp().then(() => loop.idle());
      await Promise.race([served, sleep(clock, settleMs, AbortSignal.any([done.signal, stopping.signal]))]);
      done.abort();
    },
    stop() {
      stopping.abort();
      loop.stop();
    },
  };
}
