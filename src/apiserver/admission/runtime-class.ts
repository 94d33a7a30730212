// Gives pods what their runtime class adds: overhead, and where they may run.
// Follows plugin/pkg/admission/runtimeclass/admission.go of v1.36.

import type { Pod, PodSpec, RuntimeClass } from '../../api/generated/types.ts';
import { compareQuantity, parseQuantity } from '../../api/meta/quantity.ts';
import { mergeTolerations } from '../../api/placement/merge-tolerations.ts';
import { type AdmissionAttributes, type AdmissionPlugin, isWriteOf, refuse } from './admission.ts';
import type { LookupKind, ObjectLookup } from './object-lookup.ts';

const runtimeClasses: LookupKind<RuntimeClass> = { group: 'node.k8s.io', resource: 'runtimeclasses' };
const mismatch = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

async function classOf(
  objects: ObjectLookup,
  at: AdmissionAttributes,
  spec: PodSpec,
): Promise<RuntimeClass | undefined> {
  const name = spec.runtimeClassName;
  if (name === undefined) return undefined;
  const found = await objects.get(runtimeClasses, '', name);
  if (!found) throw refuse(at, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
  return found;
}

const equalQuantities = (a: string, b: string): boolean => compareQuantity(parseQuantity(a), parseQuantity(b)) === 0;

function sameAmounts(a: Record<string, string> = {}, b: Record<string, string> = {}): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => b[name] !== undefined && equalQuantities(a[name] ?? '0', b[name]))
  );
}

function setOverhead(at: AdmissionAttributes, spec: PodSpec, { overhead }: RuntimeClass): void {
  if (!overhead) return;
  if (spec.overhead && !sameAmounts(overhead.podFixed, spec.overhead)) throw refuse(at, mismatch);
  spec.overhead = { ...overhead.podFixed };
}

function setScheduling(at: AdmissionAttributes, spec: PodSpec, { scheduling }: RuntimeClass): void {
  if (!scheduling) return;
  const own = spec.nodeSelector ?? {};
  for (const [key, value] of Object.entries(scheduling.nodeSelector ?? {})) {
    const given = own[key];
    if (given === undefined || given === value) continue;
    const why = `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${given}`;
    throw refuse(at, why);
  }
  if (scheduling.nodeSelector) spec.nodeSelector = { ...own, ...scheduling.nodeSelector };
  if (scheduling.tolerations) spec.tolerations = mergeTolerations(spec.tolerations ?? [], scheduling.tolerations);
}

export function runtimeClassAdmission(objects: ObjectLookup): AdmissionPlugin {
  const specOf = (at: AdmissionAttributes): PodSpec | undefined =>
    at.operation === 'CREATE' && isWriteOf(at, '', 'pods') ? (at.object as Pod).spec : undefined;
  return {
    name: 'RuntimeClass',
    concerns(at) {
      const spec = specOf(at);
      return spec?.runtimeClassName !== undefined || spec?.overhead !== undefined;
    },
    async mutate(at) {
      const spec = specOf(at);
      const runtimeClass = spec && (await classOf(objects, at, spec));
      if (!runtimeClass) return;
      setOverhead(at, spec, runtimeClass);
      setScheduling(at, spec, runtimeClass);
    },
    async validate(at) {
      const spec = specOf(at);
      if (!spec) return;
      const overhead = (await classOf(objects, at, spec))?.overhead;
      if (overhead) {
        if (!sameAmounts(overhead.podFixed, spec.overhead)) throw refuse(at, mismatch);
      } else if (spec.overhead) {
        throw refuse(at, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
      }
    },
  };
}
