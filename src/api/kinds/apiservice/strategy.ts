// What may be done to APIServices.
// Follows kube-aggregator pkg/registry/apiservice/strategy.go and pkg/apis/apiregistration/validation of v1.36.

import type { APIService } from '../../generated/types.ts';
import { type FieldError, FieldPath, invalid, notSupported, required } from '../../meta/errors.ts';
import { dns1035Label, dns1123Subdomain, pathSegmentName } from '../../meta/names.ts';
import { goQuote } from '../../meta/go-format.ts';
import { invalidEach, validateObjectMeta, validateObjectMetaUpdate } from '../../meta/validate-meta.ts';
import type { Strategy } from '../../scheme.ts';
import { assign, keepMetadata, metaOf } from '../common.ts';
import { localAvailability, withAvailability } from './conditions.ts';

const at = new FieldPath('spec');
const maxGroupPriority = 20_000;
const maxVersionPriority = 1000;

type Spec = NonNullable<APIService['spec']>;

function nameErrors({ group = '', version = '' }: Spec, object: APIService): FieldError[] {
  const wanted = `${version}.${group}`;
  return validateObjectMeta(metaOf(object), false, (name) => {
    const minimal = pathSegmentName(name);
    if (minimal.length > 0) return minimal;
    return name === wanted ? [] : [`must be \`spec.version+"."+spec.group\`: ${goQuote(wanted)}`];
  });
}

function groupVersionErrors({ group = '', version = '' }: Spec): FieldError[] {
  const groupPath = at.child('group');
  return [
    ...(group === '' && version !== 'v1'
      ? [required(groupPath, 'only v1 may have an empty group and it better be legacy kube')]
      : []),
    ...(group === '' ? [] : invalidEach(groupPath, group, dns1123Subdomain(group))),
    ...invalidEach(at.child('version'), version, dns1035Label(version)),
  ];
}

function priorityErrors({ groupPriorityMinimum = 0, versionPriority = 0 }: Partial<Spec>): FieldError[] {
  const within = (value: number, max: number): boolean => value > 0 && value <= max;
  const [ofGroup, ofVersion] = [at.child('groupPriorityMinimum'), at.child('versionPriority')];
  return [
    ...(within(groupPriorityMinimum, maxGroupPriority)
      ? []
      : [invalid(ofGroup, groupPriorityMinimum, 'must be positive and less than 20000')]),
    ...(within(versionPriority, maxVersionPriority)
      ? []
      : [invalid(ofVersion, versionPriority, 'must be positive and less than 1000')]),
  ];
}

function serviceErrors({ service, caBundle = '', insecureSkipTLSVerify = false }: Spec): FieldError[] {
  const [bundle, insecure] = [at.child('caBundle'), at.child('insecureSkipTLSVerify')];
  if (service === undefined) {
    const bytes = `${Buffer.byteLength(caBundle, 'base64')} bytes`;
    return [
      ...(caBundle === '' ? [] : [invalid(bundle, bytes, 'local APIServices may not have a caBundle')]),
      ...(insecureSkipTLSVerify
        ? [invalid(insecure, true, 'local APIServices may not have insecureSkipTLSVerify')]
        : []),
    ];
  }
  const where = at.child('service');
  return [
    ...(service.namespace ? [] : [required(where.child('namespace'))]),
    ...(service.name ? [] : [required(where.child('name'))]),
    ...(insecureSkipTLSVerify && caBundle !== ''
      ? [invalid(insecure, true, 'may not be true if caBundle is present')]
      : []),
  ];
}

function validate(object: APIService): FieldError[] {
  // A spec that was left out is one of empty fields.
  const spec = object.spec ?? { groupPriorityMinimum: 0, versionPriority: 0 };
  return [...nameErrors(spec, object), ...groupVersionErrors(spec), ...priorityErrors(spec), ...serviceErrors(spec)];
}

export const apiServiceStrategy: Strategy<APIService> = {
  allowUnconditionalUpdate: false,
  resetFields: [['status']],
  prepareForCreate(object, { now }) {
    object.status = object.spec?.service === undefined ? withAvailability(undefined, localAvailability, now) : {};
  },
  prepareForUpdate(object, old) {
    assign(object, 'status', old.status);
  },
  validateCreate: validate,
  validateUpdate: (object, old) => [...validateObjectMetaUpdate(metaOf(object), metaOf(old)), ...validate(object)],
};

const conditionStates = ['True', 'False', 'Unknown'];

export const apiServiceStatusStrategy: Strategy<APIService> = {
  allowUnconditionalUpdate: false,
  resetFields: [['metadata'], ['spec']],
  prepareForUpdate(object, old) {
    assign(object, 'spec', old.spec);
    keepMetadata(object, old);
  },
  validateCreate: () => [],
  validateUpdate: (object, old) => [
    ...validateObjectMetaUpdate(metaOf(object), metaOf(old)),
    ...(object.status?.conditions ?? []).flatMap(({ status }, i) =>
      conditionStates.includes(status)
        ? []
        : [notSupported(new FieldPath('status').child('conditions').index(i).child('status'), status, conditionStates)],
    ),
  ],
};
