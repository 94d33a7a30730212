// Gives every pod its priority from its class, and keeps at most one class the default.
// Follows plugin/pkg/admission/priority/admission.go of v1.36.

import type { Pod, PodSpec, PriorityClass } from '../../api/generated/types.ts';
import { type Soon, whenThere } from '../../lib/soon.ts';
import { type AdmissionAttributes, type AdmissionPlugin, isWriteOf, refuse } from './admission.ts';
import type { LookupKind, ObjectLookup } from './object-lookup.ts';

const priorityClasses: LookupKind<PriorityClass> = { group: 'scheduling.k8s.io', resource: 'priorityclasses' };

/** The default class: where more than one came to be at once, the one with the lowest value. */
const defaultClass = (objects: ObjectLookup): Soon<PriorityClass | undefined> =>
  whenThere(objects.list(priorityClasses, ''), (all) => {
    const defaults = all.filter(({ globalDefault }) => globalDefault);
    return defaults.toSorted((a, b) => (a.value ?? 0) - (b.value ?? 0))[0];
  });

type Resolved = Pick<PriorityClass, 'preemptionPolicy'> & { name: string; value: number };

function resolved(at: AdmissionAttributes, name: string, found: PriorityClass | undefined): Resolved {
  if (found) {
    const { metadata, value = 0, preemptionPolicy = 'PreemptLowerPriority' } = found;
    return { name: metadata?.name ?? '', value, preemptionPolicy };
  }
  if (name !== '') throw refuse(at, `no PriorityClass with name ${name} was found`);
  return { name: '', value: 0, preemptionPolicy: 'PreemptLowerPriority' };
}

/** `found` is the class of the name that the pod gives, or the default one. */
function setPriority(at: AdmissionAttributes, spec: PodSpec, found: PriorityClass | undefined): void {
  const { name, value, preemptionPolicy } = resolved(at, spec.priorityClassName ?? '', found);
  const computed = (what: string, given: unknown, own: unknown): string =>
    `the ${what} (${String(given)}) must not be provided in pod spec; priority admission controller computed ${String(own)} from the given PriorityClass name`;
  if (spec.priority !== undefined && spec.priority !== value)
    throw refuse(at, computed('integer value of priority', spec.priority, value));
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy)
    throw refuse(at, computed('string value of PreemptionPolicy', spec.preemptionPolicy, preemptionPolicy));
  if (name !== '') spec.priorityClassName = name;
  spec.priority = value;
  if (preemptionPolicy !== undefined) spec.preemptionPolicy = preemptionPolicy;
}

/** What was set on creation stays where an update leaves it out. A spec that is the old pod's, too, leaves out nothing. */
function keepPriority(pod: Pod, old: Pod): void {
  const { spec } = pod;
  if (!spec) return;
  if (spec.priority === undefined && old.spec?.priority !== undefined) spec.priority = old.spec.priority;
  if (spec.preemptionPolicy === undefined && old.spec?.preemptionPolicy !== undefined)
    spec.preemptionPolicy = old.spec.preemptionPolicy;
}

export function priorityAdmission(objects: ObjectLookup): AdmissionPlugin {
  return {
    name: 'Priority',
    concerns: (at) => isWriteOf(at, '', 'pods') || isWriteOf(at, 'scheduling.k8s.io', 'priorityclasses'),
    mutate(at) {
      if (!isWriteOf(at, '', 'pods')) return;
      const pod = at.object as Pod;
      const { spec } = pod;
      if (at.operation !== 'CREATE') return keepPriority(pod, at.old as Pod);
      if (spec === undefined) return;
      const { priorityClassName: name } = spec;
      const found = name ? objects.get(priorityClasses, '', name) : defaultClass(objects);
      return whenThere(found, (priorityClass) => setPriority(at, spec, priorityClass));
    },
    validate(at) {
      if (!isWriteOf(at, 'scheduling.k8s.io', 'priorityclasses')) return;
      const own = at.object as PriorityClass;
      if (!own.globalDefault) return;
      return whenThere(defaultClass(objects), (found) => {
        const other = found?.metadata?.name;
        if (other === undefined || (at.operation === 'UPDATE' && other === own.metadata?.name)) return;
        throw refuse(at, `PriorityClass ${other} is already marked as default. Only one default can exist`);
      });
    },
  };
}
