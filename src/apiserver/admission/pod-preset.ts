// The plugin PodPreset: gives new pods the environment, volumes and mounts of the presets that select them, all or nothing.
// Follows plugin/pkg/admission/podpreset/admission.go of v1.19.

import type { Container, EnvVar, Pod, Volume, VolumeMount } from '../../api/generated/types.ts';
import type { PodPreset } from '../../api/kinds/podpreset/definition.ts';
import { equalJson } from '../../api/meta/equal.ts';
import { matchesLabels, selectorOf } from '../../api/meta/label-selector.ts';
import { formatTime } from '../../api/meta/time.ts';
import type { KubeObject } from '../../api/meta/types.ts';
import { cloneTree } from '../../api/patch/json-tree.ts';
import { isMirrorPod } from '../../api/pod/static-pod.ts';
import type { Transport } from '../../api/transport.ts';
import type { Logger } from '../../lib/logger.ts';
import { type AdmissionAttributes, type AdmissionPlugin, isWriteOf } from './admission.ts';
import type { LookupKind, ObjectLookup } from './object-lookup.ts';

export interface PodPresetDeps {
  objects: ObjectLookup;
  /** Records events as the server itself. */
  transport(): Transport;
  /** ms since the epoch. */
  now(): number;
  logger: Logger;
}

const presets: LookupKind<PodPreset> = { group: 'settings.k8s.io', resource: 'podpresets', version: 'v1alpha1' };
const prefix = 'podpreset.admission.kubernetes.io';

const nameOf = ({ metadata }: PodPreset): string => metadata?.name ?? '';

/** Why things do not go together. */
type Report = (preset: PodPreset, what: string, found: unknown, wanted: unknown) => void;

/**
 * `own` and after it what the presets add, each `key` once: what is there already must be the very same. `what` names the list in
 * the report of a conflict.
 */
function merge<T extends object>(
  own: readonly T[] | undefined,
  all: readonly PodPreset[],
  listOf: (preset: PodPreset) => readonly T[] | undefined,
  keysOf: (item: T) => readonly [label: string, key: string][],
  what: string,
  report: Report,
): T[] {
  const merged = [...(own ?? [])];
  const known = new Map(
    merged.flatMap((item) => keysOf(item).map(([label, key]) => [`${label}${key}`, item] as const)),
  );
  for (const preset of all) {
    for (const item of listOf(preset) ?? []) {
      let isNew = true;
      for (const [label, key] of keysOf(item)) {
        const found = known.get(`${label}${key}`);
        if (found === undefined) known.set(`${label}${key}`, item);
        else if (!equalJson(found, item))
          report(preset, `${what} for ${nameOf(preset)} has a conflict on ${label}${key}`, found, item);
        if (found !== undefined) isNew = false;
      }
      if (isNew) merged.push(cloneTree(item));
    }
  }
  return merged;
}

const envKeys = ({ name }: EnvVar): [string, string][] => [['', name]];
const volumeKeys = ({ name }: Volume): [string, string][] => [['', name]];
/** A mount conflicts by its volume, and by where it is. */
const mountKeys = ({ name, mountPath }: VolumeMount): [string, string][] => [
  ['', name],
  ['mount path ', mountPath],
];

/** The pod with what the presets give, or why they do not go together with it or with each other. Changes nothing. */
export function applyPresets(pod: Pod, all: readonly PodPreset[]): { pod: Pod } | { conflicts: string[] } {
  const conflicts: string[] = [];
  const report: Report = (_, what, found, wanted) =>
    void conflicts.push(`merging ${what}: ${JSON.stringify(wanted)} does not match ${JSON.stringify(found)}`);
  const { spec, metadata } = pod;
  if (spec === undefined) return { pod };
  const inContainer = (container: Container): Container => {
    const env = merge(container.env, all, (preset) => preset.spec?.env, envKeys, 'env', report);
    const mounts = merge(
      container.volumeMounts,
      all,
      (preset) => preset.spec?.volumeMounts,
      mountKeys,
      'volume mounts',
      report,
    );
    const envFrom = [...(container.envFrom ?? []), ...all.flatMap((preset) => cloneTree(preset.spec?.envFrom ?? []))];
    return {
      ...container,
      ...(env.length > 0 ? { env } : {}),
      ...(envFrom.length > 0 ? { envFrom } : {}),
      ...(mounts.length > 0 ? { volumeMounts: mounts } : {}),
    };
  };
  const volumes = merge(spec.volumes, all, (preset) => preset.spec?.volumes, volumeKeys, 'volumes', report);
  const containers = spec.containers.map(inContainer);
  const initContainers = spec.initContainers?.map(inContainer);
  if (conflicts.length > 0) return { conflicts };
  const marks = all.map((preset) => [`${prefix}/podpreset-${nameOf(preset)}`, preset.metadata?.resourceVersion ?? '']);
  return {
    pod: {
      ...pod,
      metadata: { ...metadata, annotations: { ...metadata?.annotations, ...Object.fromEntries(marks) } },
      spec: {
        ...spec,
        containers,
        ...(volumes.length > 0 ? { volumes } : {}),
        ...(initContainers === undefined ? {} : { initContainers }),
      },
    },
  };
}

/** Whether presets are for it at all. */
const isOpen = (pod: Pod): boolean => !isMirrorPod(pod) && pod.metadata?.annotations?.[`${prefix}/exclude`] !== 'true';

export function podPreset(deps: PodPresetDeps): AdmissionPlugin {
  /** Conflicts of pods that are on their way into the store: told once the pod is there, and has a name. */
  const conflicts = new WeakMap<KubeObject, string[]>();

  const tell = async ({ metadata = {} }: Pod, why: readonly string[]): Promise<void> => {
    const { name = '', namespace = '', uid = '' } = metadata;
    const at = formatTime(deps.now());
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { generateName: `${name}.`, namespace },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', name, namespace, uid },
      type: 'Warning',
      reason: 'PodPresetConflict',
      message: why.join(', ').slice(0, 1024),
      source: { component: 'podpreset' },
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
    };
    await deps.transport().request({ method: 'POST', path: `/api/v1/namespaces/${namespace}/events`, body: event });
  };

  const isNewPod = (at: AdmissionAttributes): boolean => at.operation === 'CREATE' && isWriteOf(at, '', 'pods');

  return {
    name: 'PodPreset',
    async mutate(at) {
      // What was given in the first round is there.
      if (!isNewPod(at) || at.reinvocation.again || at.object === undefined) return;
      const pod = at.object as Pod;
      if (!isOpen(pod)) return;
      const chosen = (await deps.objects.list(presets, at.namespace)).filter(({ spec }) =>
        matchesLabels(selectorOf(spec?.selector ?? {}), pod.metadata?.labels),
      );
      if (chosen.length === 0) return;
      const applied = applyPresets(pod, chosen);
      if ('pod' in applied) Object.assign(pod, applied.pod);
      else conflicts.set(pod, applied.conflicts);
    },
    validate(at) {
      const why = at.object === undefined ? undefined : conflicts.get(at.object);
      if (why === undefined || at.dryRun) return;
      const pod = at.object as Pod;
      at.settled.push((stored) => {
        if (!stored) return;
        tell(pod, why).catch((error: unknown) =>
          deps.logger.warn('the event of a preset could not be recorded', { error: String(error) }),
        );
      });
    },
  };
}
