import { expect, test } from 'vitest';
import type { CustomSchema } from '../../custom/custom-schema.ts';
import type { CustomResourceDefinition } from '../../generated/types.ts';
import { fieldErrorText } from '../../meta/errors.ts';
import { decodeDefinition } from './decode.ts';
import { setDefinitionDefaults } from './defaults.ts';
import { decideStatus } from './conditions.ts';
import { definitionStrategy } from './strategy.ts';
import { validateDefinition, validateDefinitionUpdate } from './validate.ts';

type Change = (crd: CustomResourceDefinition) => void;

const context = { now: 0, user: 'u', dryRun: false, allowPrivileged: true };

/** A definition as validation sees it, right but for what is changed. */
function definition(...changes: Change[]): CustomResourceDefinition {
  const crd = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'things', kind: 'Thing' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  } as CustomResourceDefinition;
  for (const change of changes) change(crd);
  expect(decodeDefinition(crd, 'json').typeError).toBeUndefined();
  setDefinitionDefaults(crd);
  definitionStrategy.prepareForCreate?.(crd, context);
  return crd;
}

const first = (crd: CustomResourceDefinition) => crd.spec.versions[0]!;
const schema =
  (given: CustomSchema): Change =>
  (crd) =>
    (first(crd).schema = { openAPIV3Schema: structuredClone(given) as never });
const field = (given: CustomSchema): Change => schema({ type: 'object', properties: { x: given } });
const texts = (...changes: Change[]): string[] => validateDefinition(definition(...changes)).map(fieldErrorText);
const x = 'spec.validation.openAPIV3Schema.properties[x]';

test.each<[string, Change, string[]]>([
  ['nothing wrong', () => {}, []],
  [
    'another name',
    (crd) => (crd.metadata = { name: 'other.example.com' }),
    ['metadata.name: Invalid value: "other.example.com": must be spec.names.plural+"."+spec.group'],
  ],
  [
    'a group without a dot',
    (crd) => {
      crd.spec.group = 'example';
      crd.metadata = { name: 'things.example' };
    },
    ['spec.group: Invalid value: "example": should be a domain with at least one dot'],
  ],
  ['no scope', (crd) => (crd.spec.scope = ''), ['spec.scope: Required value']],
  [
    'an unknown scope',
    (crd) => (crd.spec.scope = 'Global'),
    ['spec.scope: Unsupported value: "Global": supported values: "Cluster", "Namespaced"'],
  ],
  ['no schema', (crd) => delete first(crd).schema, ['spec.versions[0].schema.openAPIV3Schema: Required value']],
  [
    'no storage version',
    (crd) => (first(crd).storage = false),
    [
      'spec.versions: Invalid value: [{"Name":"v1","Served":true,"Storage":false,"Deprecated":false,"DeprecationWarning":null,"Schema":null,"Subresources":null,"AdditionalPrinterColumns":null,"SelectableFields":null}]: must have exactly one version marked as storage version',
      'status.storedVersions: Invalid value: null: must have at least one stored version',
    ],
  ],
  [
    'no versions',
    (crd) => (crd.spec.versions = []),
    [
      'spec.versions: Invalid value: []: must have exactly one version marked as storage version',
      'status.storedVersions: Invalid value: null: must have at least one stored version',
    ],
  ],
  [
    'a version whose name is no label',
    (crd) => (first(crd).name = 'V'),
    [
      expect.stringContaining('spec.versions[0].name: Invalid value: "V": a DNS-1035 label'),
      expect.stringContaining('spec.version: Invalid value: "V": a DNS-1035 label'),
    ],
  ],
  [
    'the same kind for lists',
    (crd) => (crd.spec.names.listKind = 'Thing'),
    ['spec.names.listKind: Invalid value: "Thing": kind and listKind may not be the same'],
  ],
  [
    'a deprecation warning for what is not deprecated',
    (crd) => (first(crd).deprecationWarning = 'x'),
    ['spec.versions[0].deprecationWarning: Invalid value: "x": can only be set for deprecated versions'],
  ],
  [
    'preserveUnknownFields',
    (crd) => (crd.spec.preserveUnknownFields = true),
    [
      'spec.preserveUnknownFields: Invalid value: true: cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
    ],
  ],
  [
    'a group of Kubernetes',
    (crd) => {
      crd.spec.group = 'things.k8s.io';
      crd.metadata = { name: 'things.things.k8s.io' };
    },
    [
      'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
    ],
  ],
  [
    'a column of an unknown type',
    (crd) => (first(crd).additionalPrinterColumns = [{ name: 'A', type: 'text', jsonPath: 'spec' }]),
    [
      'spec.additionalPrinterColumns[0].type: Invalid value: "text": must be one of boolean,date,integer,number,string',
      'spec.additionalPrinterColumns[0].JSONPath: Invalid value: "spec": must be a simple json path starting with .',
    ],
  ],
  [
    'scale elsewhere',
    (crd) => (first(crd).subresources = { scale: { specReplicasPath: '.status.n', statusReplicasPath: '' } }),
    [
      'spec.subresources.scale.specReplicasPath: Invalid value: ".status.n": should be a json path under .spec',
      'spec.subresources.scale.statusReplicasPath: Required value',
    ],
  ],
  [
    'a selectable field that is an object',
    (crd) => {
      schema({ type: 'object', properties: { spec: { type: 'object', properties: { a: { type: 'string' } } } } })(crd);
      first(crd).selectableFields = [{ jsonPath: '.spec' }, { jsonPath: '.spec.a' }, { jsonPath: '.spec.a' }];
    },
    [
      'spec.selectableFields[0].jsonPath: Invalid value: ".spec": must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      'spec.selectableFields[2].jsonPath: Duplicate value: ".spec.a"',
    ],
  ],
  [
    'conversion without a webhook',
    (crd) => (crd.spec.conversion = { strategy: 'Webhook' }),
    [
      'spec.conversion.webhookClientConfig: Required value: required when strategy is set to Webhook',
      'spec.conversion.conversionReviewVersions: Required value',
    ],
  ],
  [
    'a webhook over HTTP, for reviews that nobody knows',
    (crd) =>
      (crd.spec.conversion = {
        strategy: 'Webhook',
        webhook: { clientConfig: { url: 'http://example.com' }, conversionReviewVersions: ['v7'] },
      }),
    [
      `spec.conversion.webhookClientConfig.url: Invalid value: "http": 'https' is the only allowed URL scheme; desired format: https://host[/path]`,
      'spec.conversion.conversionReviewVersions: Invalid value: ["v7"]: must include at least one of v1, v1beta1',
    ],
  ],
  [
    'a webhook without need',
    (crd) => (crd.spec.conversion = { strategy: 'None', webhook: { conversionReviewVersions: ['v1'] } }),
    ['spec.conversion.conversionReviewVersions: Forbidden: should not be set when strategy is not set to Webhook'],
  ],
])('%s', (_, change, wanted) => {
  expect(texts(change)).toEqual(wanted);
});

test.each<[string, Change, string[]]>([
  [
    'an unknown type',
    field({ type: 'text' }),
    [
      `${x}.type: Unsupported value: "text": supported values: "array", "boolean", "integer", "number", "object", "string"`,
    ],
  ],
  [
    'uniqueItems',
    field({ type: 'array', items: { type: 'string' }, uniqueItems: true }),
    [`${x}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`],
  ],
  [
    'properties beside additionalProperties',
    field({ type: 'object', properties: { a: { type: 'string' } }, additionalProperties: { type: 'string' } }),
    [`${x}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`],
  ],
  [
    'a list type for what is no list',
    field({ type: 'string', 'x-kubernetes-list-type': 'set' }),
    [`${x}.type: Invalid value: "string": must be array if x-kubernetes-list-type is specified`],
  ],
  [
    'a map list without keys',
    field({ type: 'array', 'x-kubernetes-list-type': 'map', items: { type: 'object' } }),
    [`${x}.x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`],
  ],
  [
    'a map list whose key may be missing',
    field({
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
      items: { type: 'object', properties: { k: { type: 'string' } } },
    }),
    [
      `${x}.items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
    ],
  ],
  [
    '$ref',
    schema({ type: 'object', properties: { x: { $ref: '#/definitions/x' } } }),
    [`${x}.$ref: Forbidden: $ref is not supported`],
  ],
  [
    'nullable at the root',
    schema({ type: 'object', nullable: true }),
    ['spec.validation.openAPIV3Schema.nullable: Forbidden: nullable cannot be true at the root'],
  ],
  [
    'a rule that does not compile',
    field({ type: 'string', 'x-kubernetes-validations': [{ rule: 'self.size( > 1' }] }),
    [expect.stringContaining(`${x}.x-kubernetes-validations[0].rule: Invalid value: `) as unknown as string],
  ],
])('a schema with %s', (_, change, wanted) => {
  expect(texts(change)).toEqual(wanted);
});

test('an unknown field within items is dropped, one elsewhere is told', () => {
  const crd = definition() as unknown as { spec: { versions: { schema: { openAPIV3Schema: object } }[] } };
  crd.spec.versions[0]!.schema.openAPIV3Schema = {
    type: 'object',
    odd: 1,
    properties: { l: { type: 'array', items: { type: 'string', odd: 1 } } },
  };
  expect(decodeDefinition(crd, 'json').unknownFields).toEqual([
    'unknown field "spec.versions[0].schema.openAPIV3Schema.odd"',
  ]);
  expect(JSON.stringify(crd)).not.toContain('odd');
});

test('what decodes itself is told by its whole path, or dropped where it is nothing', () => {
  const decoded = (change: (schema: Record<string, unknown>, version: Record<string, unknown>) => void): unknown => {
    const crd = definition() as unknown as { spec: { versions: { schema: { openAPIV3Schema: object } }[] } };
    const schema = { type: 'object', properties: { l: { type: 'array', items: {} } } };
    crd.spec.versions[0]!.schema.openAPIV3Schema = schema;
    change(schema.properties.l, crd.spec.versions[0]! as never);
    return decodeDefinition(crd, 'json').typeError ?? schema.properties.l;
  };
  const path = 'spec.versions.schema.openAPIV3Schema.properties.items.properties';
  expect(decoded((list) => (list['items'] = { properties: { k: { type: 1 } } }))).toBe(
    `json: cannot unmarshal number into Go struct field JSONSchemaProps.${path}.type of type string`,
  );
  expect(decoded((list) => (list['items'] = 'x'))).toEqual({ type: 'array' });
  expect(decoded((list) => (list['additionalProperties'] = 'x'))).toBe('boolean or JSON schema expected');
  expect(decoded((_list, version) => (version['subresources'] = { status: 'x' }))).toBe(
    'json: cannot unmarshal string into Go struct field CustomResourceSubresources.spec.versions.subresources.status of type v1.CustomResourceSubresourceStatus',
  );
});

test('what is established keeps its scope and kind, and a stored version stays', () => {
  const old = definition();
  const now = definition(
    (crd) => (crd.spec.scope = 'Cluster'),
    (crd) => (crd.spec.names.kind = 'Other'),
    (crd) => (first(crd).name = 'v2'),
  );
  for (const crd of [old, now]) crd.metadata!.resourceVersion = '1';
  now.status = { storedVersions: ['v1', 'v2'] };
  const found = validateDefinitionUpdate(now, old, true).map(fieldErrorText);
  expect(found).toEqual([
    'spec.scope: Invalid value: "Cluster": field is immutable',
    'spec.names.kind: Invalid value: "Other": field is immutable',
    'status.storedVersions[0]: Invalid value: "v1": missing from spec.versions; v1 was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in v1 and removes v1 from status.storedVersions',
  ]);
  expect(validateDefinitionUpdate(now, old, false)).toHaveLength(1);
});

const conditions = (crd: CustomResourceDefinition, ...others: CustomResourceDefinition[]): string[] =>
  (decideStatus(crd, [crd, ...others], 0)?.conditions ?? []).map(
    ({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`,
  );

test('names that others have are not accepted, and what has none is not established', () => {
  const other = definition((crd) => {
    crd.metadata = { name: 'others.example.com' };
    crd.spec.names = { plural: 'others', kind: 'Thing', shortNames: ['t'] };
  });
  const taken = { ...other, status: decideStatus(other, [other], 0)! };
  expect(conditions(definition(), taken)).toEqual(
    [
      'NamesAccepted=False KindConflict: "Thing" is already in use',
      'Established=False NotAccepted: not all names are accepted',
    ].map((text) => text.replace('KindConflict: "Thing"', 'ListKindConflict: "ThingList"')),
  );
  const short = definition((crd) => {
    crd.spec.names = { plural: 'things', kind: 'Kind', shortNames: ['t'] };
  });
  expect(conditions(short, taken)[0]).toBe('NamesAccepted=False ShortNamesConflict: "t" is already in use');
  expect(conditions(definition())).toEqual([
    'NamesAccepted=True NoConflicts: no conflicts found',
    'Established=True InitialNamesAccepted: the initial names have been accepted',
  ]);
});

test('a status that is as it should be is left alone', () => {
  const crd = definition();
  crd.status = decideStatus(crd, [crd], 0)!;
  expect(decideStatus(crd, [crd], 5_000)).toBeUndefined();
});
