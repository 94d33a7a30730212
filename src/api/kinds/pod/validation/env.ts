// Checks of environment variables and of references to fields and resources.
// Follows pkg/apis/core/validation/validation.go of v1.36.

import type {
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  FileKeySelector,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from '../../../generated/types.ts';
import { type FieldError, type FieldPath, invalid, notSupported, required } from '../../../meta/errors.ts';
import { configMapKey, envVarName, nameIsSubdomain, qualifiedName } from '../../../meta/names.ts';
import { formatQuantity, parseQuantity } from '../../../meta/quantity.ts';
import { invalidEach } from '../../../meta/validate-meta.ts';
import { labelErrors, noBacksteps } from './shared.ts';

const envFields = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];

/** Fields that a downwardAPI volume can show. */
export const volumeFields = [
  'metadata.annotations',
  'metadata.labels',
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
];

// Labels that the API can convert at all; which of them may be used depends on the place.
const knownFields = new Set([
  ...envFields,
  ...volumeFields,
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
  'spec.host',
]);

const resourceFields = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];

export function validateEnv(path: FieldPath, vars: readonly EnvVar[] | undefined): FieldError[] {
  const errors: FieldError[] = [];
  vars?.forEach(({ name = '', value = '', valueFrom }, i) => {
    const messages = envVarName(name);
    if (name === '') errors.push(required(path.index(i).child('name')));
    else if (messages.length > 0) errors.push(...invalidEach(path.index(i).child('name'), name, messages));
    if (valueFrom) errors.push(...validateValueFrom(path.index(i).child('valueFrom'), value, valueFrom));
  });
  return errors;
}

function validateValueFrom(path: FieldPath, value: string, from: EnvVarSource): FieldError[] {
  const errors: FieldError[] = [];
  let sources = 0;
  if (from.fieldRef) {
    sources++;
    errors.push(...validateFieldRef(path.child('fieldRef'), from.fieldRef, envFields));
  }
  if (from.resourceFieldRef) {
    sources++;
    errors.push(...validateResourceFieldRef(path.child('resourceFieldRef'), from.resourceFieldRef, false));
  }
  if (from.configMapKeyRef) {
    sources++;
    errors.push(...validateKeyRef(path.child('configMapKeyRef'), from.configMapKeyRef));
  }
  if (from.secretKeyRef) {
    sources++;
    errors.push(...validateKeyRef(path.child('secretKeyRef'), from.secretKeyRef));
  }
  if (from.fileKeyRef) {
    sources++;
    errors.push(...validateFileKeyRef(path.child('fileKeyRef'), from.fileKeyRef));
  }
  if (sources === 0) {
    const choices = '`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';
    errors.push(invalid(path, '', `must specify one of: ${choices}`));
  } else if (value !== '') {
    errors.push(invalid(path, '', 'may not be specified when `value` is not empty'));
  } else if (sources > 1) {
    errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
  }
  return errors;
}

function validateKeyRef(path: FieldPath, { name = '', key }: { name?: string; key: string }): FieldError[] {
  const wrongKey = key ? invalidEach(path.child('key'), key, configMapKey(key)) : [required(path.child('key'))];
  return [...invalidEach(path.child('name'), name, nameIsSubdomain(name, false)), ...wrongKey];
}

function validateFileKeyRef(path: FieldPath, { key, volumeName, path: file }: FileKeySelector): FieldError[] {
  return [
    ...(key ? invalidEach(path.child('key'), key, envVarName(key)) : [required(path.child('key'))]),
    ...(volumeName ? labelErrors(path.child('volumeName'), volumeName) : [required(path.child('volumeName'))]),
    ...(file ? noBacksteps(path.child('path'), file) : [required(path.child('path'))]),
  ];
}

/** Splits metadata.labels['key'] into its path and key. Linear, whatever the text. */
function splitSubscript(text: string): { path: string; key: string } | undefined {
  const open = text.indexOf("['", 1);
  const end = text.length - 2;
  if (open < 0 || end < open + 2 || !text.endsWith("']")) return undefined;
  return { path: text.slice(0, open), key: text.slice(open + 2, end) };
}

/** Checks a reference to a field of the pod; `allowed` are the fields that can be shown there. */
export function validateFieldRef(path: FieldPath, ref: ObjectFieldSelector, allowed: readonly string[]): FieldError[] {
  if (!ref.apiVersion) return [required(path.child('apiVersion'))];
  if (!ref.fieldPath) return [required(path.child('fieldPath'))];
  const fail = (why: string): FieldError[] => [
    invalid(path.child('fieldPath'), ref.fieldPath, `error converting fieldPath: ${why}`),
  ];
  if (ref.apiVersion !== 'v1') return fail(`unsupported pod version: ${ref.apiVersion}`);
  const subscript = splitSubscript(ref.fieldPath);
  if (subscript) {
    switch (subscript.path) {
      case 'metadata.annotations':
        return invalidEach(path, subscript.key.toLowerCase(), qualifiedName(subscript.key.toLowerCase()));
      case 'metadata.labels':
        return invalidEach(path, subscript.key, qualifiedName(subscript.key));
      default:
        return fail(`field label does not support subscript: ${ref.fieldPath}`);
    }
  }
  if (!knownFields.has(ref.fieldPath)) return fail(`field label not supported: ${ref.fieldPath}`);
  const field = ref.fieldPath === 'spec.host' ? 'spec.nodeName' : ref.fieldPath;
  return allowed.includes(field) ? [] : [notSupported(path.child('fieldPath'), field, allowed)];
}

const units = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];

function validateDivisor(path: FieldPath, resource: string, divisor: string | undefined): FieldError[] {
  const quantity = parseQuantity(divisor ?? '0');
  if (quantity.nanos === 0n) return [];
  const text = formatQuantity(quantity);
  const fail = (values: string, name: string): FieldError[] => [
    invalid(path.child('divisor'), resource, `only divisor's values ${values} are supported with the ${name} resource`),
  ];
  const name = resource.slice(resource.indexOf('.') + 1);
  if (name === 'cpu') return ['1m', '1'].includes(text) ? [] : fail('1m and 1', 'cpu');
  const shown =
    name === 'memory'
      ? 'memory'
      : name === 'ephemeral-storage'
        ? 'local ephemeral storage'
        : name.startsWith('hugepages-')
          ? 'hugepages'
          : undefined;
  return shown === undefined || units.includes(text) ? [] : fail(units.join(', '), shown);
}

/** Checks a reference to a container's resource; in a volume it must name the container. */
export function validateResourceFieldRef(path: FieldPath, ref: ResourceFieldSelector, inVolume: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (inVolume && !ref.containerName) errors.push(required(path.child('containerName')));
  else if (!ref.resource) errors.push(required(path.child('resource')));
  else if (!resourceFields.includes(ref.resource) && !/^(limits|requests)\.hugepages-/.test(ref.resource)) {
    errors.push(notSupported(path.child('resource'), ref.resource, resourceFields));
  }
  return [...errors, ...validateDivisor(path, ref.resource ?? '', ref.divisor)];
}

export function validateEnvFrom(path: FieldPath, sources: readonly EnvFromSource[] | undefined): FieldError[] {
  return (sources ?? []).flatMap((source, i) => {
    const at = path.index(i);
    const errors = source.prefix ? invalidEach(at.child('prefix'), source.prefix, envVarName(source.prefix)) : [];
    const refs = [
      ['configMapRef', source.configMapRef],
      ['secretRef', source.secretRef],
    ] as const;
    const given = refs.filter(([, ref]) => ref !== undefined);
    for (const [field, ref] of given) {
      const namePath = at.child(field, 'name');
      errors.push(
        ...(ref?.name ? invalidEach(namePath, ref.name, nameIsSubdomain(ref.name, true)) : [required(namePath)]),
      );
    }
    // Upstream points at the list, not at the entry.
    if (given.length === 0) errors.push(invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    if (given.length > 1) errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
    return errors;
  });
}
