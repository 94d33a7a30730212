// The CSIDriver kind. Follows pkg/registry/storage/csidriver and pkg/apis/storage of v1.36.

import type { CSIDriver, CSIDriverSpec, StorageV1TokenRequest } from '../../generated/types.ts';
import { duplicate, type FieldError, FieldPath, invalid, notSupported, required } from '../../meta/errors.ts';
import { nameIsSubdomain } from '../../meta/names.ts';
import { immutableField, validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import type { KindDefinition } from '../../scheme.ts';
import {
  ageColumn,
  allVerbs,
  booleanColumn,
  countSpecChange,
  idle,
  metaOf,
  nameColumn,
  textColumn,
} from '../common.ts';

const specPath = new FieldPath('spec');
const groupPolicies = ['File', 'None', 'ReadWriteOnceWithFSType'];
const lifecycleModes = ['Persistent', 'Ephemeral'];
const leastTokenSeconds = 600;
const mostTokenSeconds = 2 ** 32;
const leastUpdateSeconds = 10;

function validateTokens(requests: readonly StorageV1TokenRequest[]): FieldError[] {
  const seen = new Set<string>();
  return requests.flatMap(({ audience = '', expirationSeconds: seconds }, i) => {
    const at = specPath.child('tokenRequests').index(i);
    if (seen.has(audience)) return [duplicate(at.child('audience'), audience)];
    seen.add(audience);
    const wrong = (detail: string): FieldError[] => [invalid(at.child('expirationSeconds'), seconds, detail)];
    if (seconds === undefined) return [];
    if (seconds < leastTokenSeconds) return wrong('may not specify a duration less than 10 minutes');
    return seconds > mostTokenSeconds ? wrong('may not specify a duration larger than 2^32 seconds') : [];
  });
}

function validateSpec(spec: Partial<CSIDriverSpec>): FieldError[] {
  const at = (field: string): FieldPath => specPath.child(field);
  const need = (field: string, value: unknown): FieldError[] => (value === undefined ? [required(at(field))] : []);
  const { fsGroupPolicy, tokenRequests = [], volumeLifecycleModes = [] } = spec;
  const { nodeAllocatableUpdatePeriodSeconds: period, serviceAccountTokenInSecrets: inSecrets } = spec;
  return [
    // Upstream's path for it has a letter more than the field.
    ...need('attachedRequired', spec.attachRequired),
    ...need('podInfoOnMount', spec.podInfoOnMount),
    ...need('storageCapacity', spec.storageCapacity),
    ...(fsGroupPolicy === undefined || groupPolicies.includes(fsGroupPolicy)
      ? []
      : [notSupported(at('fsGroupPolicy'), fsGroupPolicy, groupPolicies)]),
    ...validateTokens(tokenRequests),
    ...volumeLifecycleModes.flatMap((mode) =>
      lifecycleModes.includes(mode) ? [] : [notSupported(at('volumeLifecycleModes'), mode, lifecycleModes)],
    ),
    ...need('seLinuxMount', spec.seLinuxMount),
    ...(period !== undefined && period < leastUpdateSeconds
      ? [
          invalid(
            at('nodeAllocatableUpdatePeriodSeconds'),
            period,
            `must be greater than or equal to ${leastUpdateSeconds} seconds`,
          ),
        ]
      : []),
    ...(inSecrets !== undefined && tokenRequests.length === 0
      ? [
          invalid(
            at('serviceAccountTokenInSecrets'),
            inSecrets,
            'serviceAccountTokenInSecrets is set but no tokenRequests are specified',
          ),
        ]
      : []),
  ];
}

/** Takes out what needs the feature VolumeLimitScaling, which is off in v1.36; upstream does it silently. */
function dropDisabled(
  { spec }: CSIDriver,
  old: CSIDriver | undefined,
  warn: ((text: string) => void) | undefined,
): void {
  if (spec?.preventPodSchedulingIfMissing === undefined) return;
  if (old?.spec?.preventPodSchedulingIfMissing !== undefined) return;
  delete spec.preventPodSchedulingIfMissing;
  warn?.(idle('spec.preventPodSchedulingIfMissing', 'the feature gate VolumeLimitScaling is off'));
}

function setDefaults({ spec }: CSIDriver): void {
  if (!spec) return;
  spec.attachRequired ??= true;
  spec.podInfoOnMount ??= false;
  spec.storageCapacity ??= false;
  spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
  if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
  spec.requiresRepublish ??= false;
  spec.seLinuxMount ??= false;
}

const listed = (values: readonly string[] | undefined): string => values?.join(',') || '<unset>';

export const csiDriverKind: KindDefinition<CSIDriver> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  resource: 'csidrivers',
  singular: 'csidriver',
  shortNames: [],
  categories: [],
  namespaced: false,
  verbs: allVerbs,
  definition: 'io.k8s.api.storage.v1.CSIDriver',
  defaults: setDefaults,
  strategy: {
    prepareForCreate: (object, { warn }) => dropDisabled(object, undefined, warn),
    validateCreate: (object) => [
      ...validateObjectMeta(metaOf(object), false, nameIsSubdomain),
      ...validateSpec(object.spec ?? {}),
    ],
    prepareForUpdate(object, old, { warn }) {
      dropDisabled(object, old, warn);
      countSpecChange(object, old);
    },
    validateUpdate: (object, old) => [
      ...validateObjectMetaUpdate(metaOf(object), metaOf(old)),
      ...validateSpec(object.spec ?? {}),
      ...immutableField(specPath.child('attachedRequired'), object.spec?.attachRequired, old.spec?.attachRequired),
      ...immutableField(
        specPath.child('volumeLifecycleModes'),
        object.spec?.volumeLifecycleModes,
        old.spec?.volumeLifecycleModes,
      ),
    ],
    warnings: (_, old) => (old === undefined ? [idle('spec', 'nodes speak to no CSI drivers yet')] : []),
    allowUnconditionalUpdate: false,
  },
  columns: [
    nameColumn,
    booleanColumn<CSIDriver>(
      'AttachRequired',
      'Whether volumes are attached before they are mounted.',
      ({ spec }) => spec?.attachRequired ?? true,
    ),
    booleanColumn<CSIDriver>(
      'PodInfoOnMount',
      'Whether the driver is told of the pod.',
      ({ spec }) => spec?.podInfoOnMount ?? false,
    ),
    booleanColumn<CSIDriver>(
      'StorageCapacity',
      'Whether room for volumes is looked at.',
      ({ spec }) => spec?.storageCapacity ?? false,
    ),
    textColumn<CSIDriver>('TokenRequests', 'The audiences of tokens that it gets.', ({ spec }) =>
      listed(spec?.tokenRequests?.map(({ audience }) => audience)),
    ),
    booleanColumn<CSIDriver>(
      'RequiresRepublish',
      'Whether volumes are published again and again.',
      ({ spec }) => spec?.requiresRepublish ?? false,
    ),
    textColumn<CSIDriver>('Modes', 'The kinds of volumes that it has.', ({ spec }) =>
      listed(spec?.volumeLifecycleModes),
    ),
    ageColumn,
  ],
};
