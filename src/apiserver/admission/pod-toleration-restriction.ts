// The plugin PodTolerationRestriction: pods get the tolerations of their namespace, and only such as it allows.
// Follows plugin/pkg/admission/podtolerationrestriction/admission.go of v1.36.

import type { Namespace, Pod, Toleration } from '../../api/generated/types.ts';
import { notFound } from '../../api/meta/errors.ts';
import { covers, mergeTolerations } from '../../api/placement/merge-tolerations.ts';
import { computeQosClass } from '../../api/pod/qos.ts';
import { plainError } from '../registry/commit.ts';
import { type AdmissionPlugin, isWriteOf } from './admission.ts';
import type { LookupKind, ObjectLookup } from './object-lookup.ts';
import { setTolerations } from './set-tolerations.ts';

const namespaces: LookupKind<Namespace> = { group: '', resource: 'namespaces' };
const prefix = 'scheduler.alpha.kubernetes.io/';
/** Pods that asked for memory stay off nodes that are short of it only as far as they do not fit. */
const memoryPressure: Toleration = {
  key: 'node.kubernetes.io/memory-pressure',
  operator: 'Exists',
  effect: 'NoSchedule',
};

/** The plugin's configuration: for namespaces that say nothing themselves. */
export interface TolerationRules {
  default?: readonly Toleration[];
  whitelist?: readonly Toleration[];
}

export function podTolerationRestriction(objects: ObjectLookup, rules: TolerationRules = {}): AdmissionPlugin {
  /** What the namespace's annotation of that name says; undefined where it has none. Throws 404, and 500 on what is no list. */
  const listOf = async (name: string, what: string): Promise<Toleration[] | undefined> => {
    const namespace = await objects.get(namespaces, '', name);
    if (namespace === undefined) throw notFound({ group: '', resource: 'namespaces' }, name);
    const text = namespace.metadata?.annotations?.[prefix + what];
    if (text === undefined) return undefined;
    if (text === '') return [];
    try {
      const list: unknown = JSON.parse(text);
      if (Array.isArray(list)) return list as Toleration[];
      throw new Error('json: cannot unmarshal object into Go value of type []core.Toleration');
    } catch (error) {
      throw plainError(error instanceof Error ? error.message : String(error));
    }
  };
  return {
    name: 'PodTolerationRestriction',
    async mutate(at) {
      if (!isWriteOf(at, '', 'pods')) return;
      const pod = at.object as Pod;
      const { spec } = pod;
      if (!spec) return;
      const own = at.operation === 'CREATE' ? await listOf(at.namespace, 'defaultTolerations') : [];
      const extra = [...(own ?? rules.default ?? [])];
      if (computeQosClass(spec) !== 'BestEffort') extra.push(memoryPressure);
      if (extra.length > 0) setTolerations(pod, mergeTolerations(spec.tolerations ?? [], extra));
    },
    async validate(at) {
      if (!isWriteOf(at, '', 'pods')) return;
      const tolerations = (at.object as Pod).spec?.tolerations ?? [];
      if (tolerations.length === 0) return;
      const own = await listOf(at.namespace, 'tolerationsWhitelist');
      const allowed = own ?? rules.whitelist ?? [];
      if (allowed.length === 0 || tolerations.every((one) => allowed.some((wide) => covers(wide, one)))) return;
      const scope = own === undefined ? 'cluster' : 'namespace';
      throw plainError(
        `pod tolerations (possibly merged with namespace default tolerations) conflict with its ${scope} whitelist`,
      );
    },
  };
}
