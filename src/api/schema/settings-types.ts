// The types of settings.k8s.io/v1alpha1, which v1.36 has no more: their schema, and what `kubectl explain` tells of them.
// Follows pkg/apis/settings/v1alpha1/types.go of v1.19.

import type { Definition, FieldSchema } from './schema.ts';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const core = 'io.k8s.api.core.v1.';
const settings = 'io.k8s.api.settings.v1alpha1.';
const gvk = (kind: string): NonNullable<Definition['gvk']> => [{ group: 'settings.k8s.io', version: 'v1alpha1', kind }];
const text: FieldSchema = { type: 'string' };
const listOf = (name: string): FieldSchema => ({ type: 'array', items: { type: 'ref', ref: `${core}${name}` } });

export const settingsDefinitions: readonly Definition[] = [
  {
    name: `${settings}PodPreset`,
    required: [],
    gvk: gvk('PodPreset'),
    fields: {
      apiVersion: text,
      kind: text,
      metadata: { type: 'ref', ref: `${meta}ObjectMeta`, zero: {} },
      spec: { type: 'ref', ref: `${settings}PodPresetSpec`, zero: {} },
    },
  },
  {
    name: `${settings}PodPresetSpec`,
    required: [],
    fields: {
      env: listOf('EnvVar'),
      envFrom: listOf('EnvFromSource'),
      selector: { type: 'ref', ref: `${meta}LabelSelector`, zero: {} },
      volumeMounts: listOf('VolumeMount'),
      volumes: listOf('Volume'),
    },
  },
  {
    name: `${settings}PodPresetList`,
    required: ['items'],
    gvk: gvk('PodPresetList'),
    fields: {
      apiVersion: text,
      items: { type: 'array', items: { type: 'ref', ref: `${settings}PodPreset` }, zero: null },
      kind: text,
      metadata: { type: 'ref', ref: `${meta}ListMeta`, zero: {} },
    },
  },
];

export const settingsDescriptions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  [`${settings}PodPreset`]: {
    '': 'PodPreset gives pods that it selects further environment, volumes and mounts when they are created.',
    spec: 'What is given, and to which pods.',
  },
  [`${settings}PodPresetSpec`]: {
    '': 'PodPresetSpec says what a preset gives to which pods of its namespace.',
    env: 'Variables that every container gets.',
    envFrom: 'Sources from which every container gets variables.',
    selector: 'Selects pods by their labels.',
    volumeMounts: 'Mounts that every container gets.',
    volumes: 'Volumes that the pod gets.',
  },
  [`${settings}PodPresetList`]: { '': 'PodPresetList is a list of PodPreset objects.' },
};
