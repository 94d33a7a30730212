// The PodPreset kind of settings.k8s.io/v1alpha1. Follows pkg/registry/settings/podpreset and pkg/apis/settings/validation of v1.19.

import type { EnvFromSource, EnvVar, Volume, VolumeMount } from '../../generated/types.ts';
import { type FieldError, FieldPath, required } from '../../meta/errors.ts';
import type { LabelSelectorObject } from '../../meta/label-selector.ts';
import type { KubeObject } from '../../meta/types.ts';
import { validateLabelSelector } from '../../meta/validate-meta.ts';
import type { KindDefinition } from '../../scheme.ts';
import { allVerbs, simpleStrategy } from '../common.ts';
import { setEnvDefaults } from '../pod/defaults.ts';
import { validateEnv, validateEnvFrom } from '../pod/validation/env.ts';
import { validateMounts } from '../pod/validation/mounts.ts';
import { validateVolumes } from '../pod/validation/volumes.ts';
import { setVolumeDefaults } from '../pod/volume-defaults.ts';

export interface PodPreset extends KubeObject {
  spec?: {
    selector?: LabelSelectorObject;
    env?: EnvVar[];
    envFrom?: EnvFromSource[];
    volumes?: Volume[];
    volumeMounts?: VolumeMount[];
  };
}

function validatePodPreset({ spec = {} }: PodPreset): FieldError[] {
  const at = new FieldPath('spec');
  const { selector, env, envFrom, volumes, volumeMounts } = spec;
  const errors = validateLabelSelector(at.child('selector'), selector);
  if (!env && !envFrom && !volumes && !volumeMounts)
    errors.push(required(at.child('volumes', 'env', 'envFrom', 'volumeMounts'), 'must specify at least one'));
  const found = validateVolumes(at.child('volumes'), volumes, '');
  const mounted = { name: '', ...(volumeMounts === undefined ? {} : { volumeMounts }) };
  return [
    ...errors,
    ...found.errors,
    ...validateEnv(at.child('env'), env),
    ...validateEnvFrom(at.child('envFrom'), envFrom),
    ...validateMounts(at.child('volumeMounts'), mounted, { volumes: found.volumes }),
  ];
}

export const podPresetKind: KindDefinition<PodPreset> = {
  group: 'settings.k8s.io',
  version: 'v1alpha1',
  kind: 'PodPreset',
  resource: 'podpresets',
  singular: 'podpreset',
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: allVerbs,
  definition: 'io.k8s.api.settings.v1alpha1.PodPreset',
  defaults({ spec }) {
    spec?.volumes?.forEach(setVolumeDefaults);
    if (spec) setEnvDefaults(spec.env);
  },
  strategy: simpleStrategy<PodPreset>({ namespaced: true, check: validatePodPreset }),
};
