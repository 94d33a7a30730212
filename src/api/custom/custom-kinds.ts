// Makes the kinds that a CustomResourceDefinition says are to be served: one for each version.
// Follows apiextensions-apiserver pkg/apiserver/customresource_handler.go and customresource_discovery_controller.go of v1.36.
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
  SelectableField,
} from '../generated/types.ts';
import type { SchemaRules } from '../cel/schema-rules.ts';
import { FieldPath } from '../meta/errors.ts';
import { goValue } from '../patch/json-tree.ts';
import type { KubeObject } from '../meta/types.ts';
import { loadSchema } from '../schema/load.ts';
import type { KindDefinition, Subresource, ScaleSubresource } from '../scheme.ts';
import { allVerbs } from '../kinds/common.ts';
import { decodeCustomObject, defaultCustomObject, fitToVersion, refreshStored } from './custom-object.ts';
import { type CustomSchema, schemaOfVersion } from './custom-schema.ts';
import { customScaleStrategy, customStatusStrategy, customStrategy, type CustomRules } from './custom-strategy.ts';
import { parseJsonPath } from './json-path.ts';
import { printerColumns } from './printer-columns.ts';
import { publishedName, publishedSchemas } from './published-schema.ts';
import { namesOf, scaleOf, setReplicas } from './scale.ts';
import { unsupportedField, validateStructural } from './structural.ts';
import { typedSchema } from './typed-schema.ts';
import { compareVersions } from './version-priority.ts';

/** Converts objects, each from its own apiVersion, to another. Throws an Error that says why it cannot. */
export type RemoteConversion = (objects: readonly KubeObject[], apiVersion: string) => Promise<KubeObject[]>;

/** What is needed beside the definition. */
export interface CustomKindOptions {
  /** The CEL rules of a version's schema. */
  rulesOf(schema: JSONSchemaProps): SchemaRules | undefined;
  /** Whether the definition is on its way out by now. */
  isTerminating(): boolean;
  /** Present where objects are converted by a webhook. */
  convert?: RemoteConversion;
}

/** The kinds of all versions that are served. */
export function customKinds(crd: CustomResourceDefinition, options: CustomKindOptions): KindDefinition[] {
  // Versions that are served no more still tell who owns what was written through them.
  const all: KindDefinition[] = crd.spec.versions.map((version) => ({
    ...customKind(crd, version, options),
    versions: () => all,
  }));
  return all.filter((_, index) => crd.spec.versions[index]?.served === true);
}

function customKind(
  crd: CustomResourceDefinition,
  version: CustomResourceDefinitionVersion,
  options: CustomKindOptions,
): KindDefinition {
  const { group, scope } = crd.spec;
  const names = crd.status?.acceptedNames ?? crd.spec.names;
  const { kind, plural, listKind = `${kind}List`, singular = kind.toLowerCase() } = names;
  const schema = schemaOfVersion(crd, version.name);
  const props = version.schema?.openAPIV3Schema;
  const rules: CustomRules = {
    namespaced: scope === 'Namespaced',
    schema,
    hasStatus: version.subresources?.status !== undefined,
    scale: version.subresources?.scale,
    rules: props === undefined ? undefined : options.rulesOf(props),
  };
  const definition = publishedName(group, version.name, kind);
  const published = publishedSchemas({
    group,
    version: version.name,
    kind,
    schema: () => (schema !== undefined && isStructural(schema) ? schema : undefined),
    selectableFields: version.selectableFields,
  });
  const source = { group, version: version.name, kind, listKind, plural, definition, schema, published };
  return {
    group,
    version: version.name,
    kind,
    listKind,
    resource: plural,
    singular,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: rules.namespaced,
    verbs: allVerbs,
    definition,
    schema: typedSchema(loadSchema(), source),
    decode: (object) => decodeCustomObject(object, schema),
    defaults: (object) => defaultCustomObject(object, schema),
    strategy: customStrategy(rules),
    ...selectable(version.selectableFields ?? []),
    columns: printerColumns(version.additionalPrinterColumns),
    subresources: subresourcesOf(rules),
    ...storageOf(crd, version.name, options),
    hasGeneration: true,
    createRefused: () =>
      options.isTerminating() ? 'create not allowed while custom resource definition is terminating' : undefined,
    ...deprecation(crd, version),
  };
}

function isStructural(schema: CustomSchema): boolean {
  return unsupportedField(schema) === undefined && validateStructural(new FieldPath(), schema).length === 0;
}

function selectable(fields: readonly SelectableField[]): Pick<KindDefinition, 'fieldLabels' | 'selectableFields'> {
  if (fields.length === 0) return { fieldLabels: [] };
  const paths = fields.map(({ jsonPath }) => [jsonPath.replace(/^\./, ''), parseJsonPath(jsonPath)] as const);
  return {
    fieldLabels: paths.map(([name]) => name),
    selectableFields: (object) =>
      Object.fromEntries(
        paths.map(([name, path]) => {
          const [value] = path(object);
          return [name, value === undefined || value === null ? '' : goValue(value)];
        }),
      ),
  };
}

function subresourcesOf(rules: CustomRules): NonNullable<KindDefinition['subresources']> {
  const { hasStatus, scale } = rules;
  const status: Subresource = {
    kind: 'object',
    verbs: ['get', 'update', 'patch'],
    strategy: customStatusStrategy(rules),
  };
  if (scale === undefined) return hasStatus ? { status } : {};
  const { specReplicasPath } = scale;
  const scaling: ScaleSubresource = {
    kind: 'scale',
    verbs: ['get', 'update', 'patch'],
    bodyKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
    strategy: customScaleStrategy(rules, namesOf(specReplicasPath)),
    specReplicasPath,
    scaleOf: (object) => scaleOf(object, scale),
    setReplicas: (object, replicas) => setReplicas(object, specReplicasPath, replicas) === true,
  };
  return hasStatus ? { scale: scaling, status } : { scale: scaling };
}

const versionOf = ({ apiVersion = '' }: KubeObject): string => apiVersion.slice(apiVersion.indexOf('/') + 1);

/** How objects are kept, in the version that is marked for it, and shown in this one. */
function storageOf(
  crd: CustomResourceDefinition,
  version: string,
  { convert }: CustomKindOptions,
): Pick<KindDefinition, 'storage'> {
  const { group, names, versions } = crd.spec;
  const stored = versions.find(({ storage }) => storage)?.name ?? version;
  const served = `${group}/${version}`;
  const kept = `${group}/${stored}`;
  const refresh = (object: KubeObject): KubeObject => {
    refreshStored(object, schemaOfVersion(crd, versionOf(object)));
    return object;
  };
  const become = (object: KubeObject, apiVersion: string): KubeObject => {
    if (object.apiVersion === apiVersion) return object;
    object.apiVersion = apiVersion;
    fitToVersion(object, schemaOfVersion(crd, versionOf(object)));
    return object;
  };
  const place = { group, resource: names.plural };
  if (convert === undefined)
    return {
      storage: {
        ...place,
        toStorage(object) {
          // Admission may have added what the schema does not know.
          fitToVersion(object, schemaOfVersion(crd, version));
          return served === kept ? object : become(structuredClone(object), kept);
        },
        fromStorage: (object) => become(refresh(object), served),
      },
    };
  const fitted = (object: KubeObject): KubeObject => {
    fitToVersion(object, schemaOfVersion(crd, version));
    return object;
  };
  const remotely = async (objects: readonly KubeObject[], apiVersion: string): Promise<KubeObject[]> => {
    const others = objects.filter((object) => object.apiVersion !== apiVersion);
    const converted = others.length === 0 ? [] : await convert(others, apiVersion);
    for (const object of converted) fitToVersion(object, schemaOfVersion(crd, versionOf(object)));
    let next = 0;
    return objects.map((object) => (object.apiVersion === apiVersion ? object : (converted[next++] ?? object)));
  };
  return {
    storage: {
      ...place,
      toStorage: (object) => object,
      fromStorage: (object) => object,
      remote: {
        toStorage: (objects) => remotely(objects.map(fitted), kept),
        fromStorage: (objects) => remotely(objects.map(refresh), served),
        convert,
      },
    },
  };
}

function deprecation(
  { spec }: CustomResourceDefinition,
  { name, deprecated, deprecationWarning }: CustomResourceDefinitionVersion,
): Pick<KindDefinition, 'requestWarnings'> {
  if (deprecated !== true) return {};
  if (deprecationWarning !== undefined) return { requestWarnings: [deprecationWarning] };
  const { group, names, versions } = spec;
  const newer = versions
    .filter((one) => one.served && one.deprecated !== true && compareVersions(one.name, name) < 0)
    .map((one) => one.name)
    .sort(compareVersions);
  const use = newer[0] === undefined ? '' : `; use ${group}/${newer[0]} ${names.kind}`;
  return { requestWarnings: [`${group}/${name} ${names.kind} is deprecated${use}`] };
}
