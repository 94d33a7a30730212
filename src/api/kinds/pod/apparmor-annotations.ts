// Brings AppArmor profiles that old manifests name in annotations into the field, so that whoever acts on the field acts on them.
// Follows applyAppArmorVersionSkew in pkg/registry/core/pod/strategy.go of v1.36.

import type { AppArmorProfile, Pod } from '../../generated/types.ts';
import { equalJson } from '../../meta/equal.ts';
import { FieldPath } from '../../meta/errors.ts';
import { visitContainers } from '../../pod/containers.ts';
import { appArmorAnnotation } from './validation/annotations.ts';
import { validateAppArmorProfile } from './validation/security-context.ts';

const localhost = 'localhost/';

function profileOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  if (!annotation.startsWith(localhost) || annotation === localhost) return undefined;
  const profile: AppArmorProfile = { type: 'Localhost', localhostProfile: annotation.slice(localhost.length) };
  return validateAppArmorProfile(new FieldPath('metadata'), profile).length === 0 ? profile : undefined;
}

/** Sets the field of each container that has the annotation and no field; `warn` is told that the annotation is of the past. */
export function appArmorFromAnnotations(pod: Pod, warn: (text: string) => void): void {
  const { metadata: { annotations = {} } = {}, spec } = pod;
  if (spec === undefined || spec.os?.name === 'windows') return;
  for (const { container } of visitContainers(spec)) {
    const key = appArmorAnnotation + container.name;
    const annotation = annotations[key];
    if (annotation === undefined || container.securityContext?.appArmorProfile !== undefined) continue;
    const profile = profileOf(annotation);
    if (profile !== undefined && equalJson(profile, spec.securityContext?.appArmorProfile)) continue;
    if (profile !== undefined) container.securityContext = { ...container.securityContext, appArmorProfile: profile };
    const path = new FieldPath('metadata').child('annotations').key(key);
    warn(`${path.toString()}: deprecated since v1.30; use the "appArmorProfile" field instead`);
  }
}
