// Joins the two packages' models and the project's own table of list and patch semantics into the definitions of the API schema.
import type { Definition, FieldSchema } from '../../src/api/schema/schema.ts';
import {
  type AliasedModel,
  liveModelNames,
  packagesOfPreviewModels,
  type RawModel,
  readAliasedModels,
  readClientModel,
} from './parse-models.ts';

/** A table of facts (src/api/schema/field-semantics.json, go-types.json): by definition, then by field; the key '' is the type itself. */
export type FieldSemantics = Record<string, Record<string, Partial<FieldSchema> & Partial<Definition>>>;

/** A definition with the TypeScript name that its interface gets. */
export interface NamedDefinition {
  definition: Definition;
  typeName: string;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const apiextensions = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';

/** Types that have no fields of their own: how a reference to them reads. */
const scalars: Readonly<Record<string, FieldSchema>> = {
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { type: 'quantity' },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': { type: 'int-or-string', format: 'int-or-string' },
  [`${meta}.Time`]: { type: 'time', format: 'date-time' },
  [`${meta}.MicroTime`]: { type: 'micro-time', format: 'date-time' },
  [`${meta}.FieldsV1`]: { type: 'any', ref: `${meta}.FieldsV1` },
  [`${meta}.Patch`]: { type: 'any', ref: `${meta}.Patch` },
  'io.k8s.apimachinery.pkg.runtime.RawExtension': { type: 'any', ref: 'io.k8s.apimachinery.pkg.runtime.RawExtension' },
  ...Object.fromEntries(
    [
      'JSON',
      'JSONSchemaPropsOrArray',
      'JSONSchemaPropsOrBool',
      'JSONSchemaPropsOrStringArray',
      'CustomResourceSubresourceStatus',
    ].map((name) => [`${apiextensions}.${name}`, { type: 'any', ref: `${apiextensions}.${name}` } as const]),
  ),
};

/** Lists and maps whose elements the packages type no closer than number or string. */
const elementTypes: Readonly<Record<string, FieldSchema>> = {
  'io.k8s.api.core.v1.Secret.data': { type: 'bytes', format: 'byte' },
  'io.k8s.api.core.v1.ConfigMap.binaryData': { type: 'bytes', format: 'byte' },
  'io.k8s.api.core.v1.PodSecurityContext.supplementalGroups': { type: 'integer', format: 'int64' },
  'io.k8s.api.core.v1.LinuxContainerUser.supplementalGroups': { type: 'integer', format: 'int64' },
  'io.k8s.api.resource.v1.DeviceAttribute.ints': { type: 'integer', format: 'int64' },
  'io.k8s.api.resource.v1beta1.DeviceAttribute.ints': { type: 'integer', format: 'int64' },
  'io.k8s.api.resource.v1beta2.DeviceAttribute.ints': { type: 'integer', format: 'int64' },
};

/** Kinds of the core library that every API server serves without a group of their own. */
const metaKinds = new Set([
  'APIGroup',
  'APIGroupList',
  'APIResourceList',
  'APIVersions',
  'DeleteOptions',
  'Status',
  'WatchEvent',
]);

/** Packages whose API group is not found on any kind of kubernetes-models. */
const previewGroups: Readonly<Record<string, string>> = {
  'io.k8s.api.apiserverinternal': 'internal.apiserver.k8s.io',
  'io.k8s.api.storagemigration': 'storagemigration.k8s.io',
};

/** IoK8sApiCoreV1Pod becomes io.k8s.api.core.v1.Pod. */
export function definitionName(alias: string): string {
  const prefixes: [RegExp, string][] = [
    [/^IoK8sApiextensionsApiserverPkgApisApiextensionsV1/, `${apiextensions}.`],
    [/^IoK8sKubeAggregatorPkgApisApiregistrationV1/, 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.'],
    [/^IoK8sApimachineryPkgApisMetaV1/, `${meta}.`],
    [/^IoK8sApimachineryPkgApiResource/, 'io.k8s.apimachinery.pkg.api.resource.'],
    [/^IoK8sApimachineryPkgUtilIntstr/, 'io.k8s.apimachinery.pkg.util.intstr.'],
    [/^IoK8sApimachineryPkgRuntime/, 'io.k8s.apimachinery.pkg.runtime.'],
    [/^IoK8sApimachineryPkgVersion/, 'io.k8s.apimachinery.pkg.version.'],
  ];
  for (const [prefix, name] of prefixes) if (prefix.test(alias)) return alias.replace(prefix, name);
  const [, group = '', version = '', kind = ''] =
    /^IoK8sApi([A-Z][a-z]+)(V\d+(?:(?:alpha|beta)\d+)?)([A-Z]\w*)$/.exec(alias) ?? [];
  if (kind === '') throw new Error(`cannot read the definition name ${alias}`);
  return `io.k8s.api.${group.toLowerCase()}.${version.toLowerCase()}.${kind}`;
}

/** Reads a package's type text as a field schema; `refer` names the definition behind an identifier. */
export function parseType(text: string, format: string, refer: (identifier: string) => FieldSchema): FieldSchema {
  const list = /^Array<(.*)>$/.exec(text);
  if (list) return { type: 'array', items: parseType(list[1] ?? '', '', refer) };
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(text);
  if (map) return { type: 'map', items: parseType(map[1] ?? '', '', refer) };
  if (text.startsWith('"'))
    return { type: 'string', enum: text.split(' | ').map((literal) => JSON.parse(literal) as string) };
  switch (text) {
    case 'string':
      return format === 'byte' ? { type: 'bytes', format } : { type: 'string', ...(format ? { format } : {}) };
    case 'boolean':
      return { type: 'boolean' };
    case 'number':
      return format === 'double' ? { type: 'number', format } : { type: 'integer', format: format || 'int32' };
    case 'Date':
      return format === 'date-time-micro'
        ? { type: 'micro-time', format: 'date-time' }
        : { type: 'time', format: 'date-time' };
    case 'V1MicroTime':
      return { type: 'micro-time', format: 'date-time' };
    case 'IntOrString':
      return { type: 'int-or-string', format: 'int-or-string' };
    case 'any':
    case 'object':
    case 'unknown':
      return { type: 'any' };
    default:
      // An object spelt out in place says no more than the reference in the other package does.
      return text.startsWith('{') ? { type: 'any' } : refer(text);
  }
}

/** What both packages are read into before they are joined. */
interface Sources {
  aliased: Map<string, AliasedModel>;
  /** Definition name by client-node name. */
  names: Map<string, string>;
  clientRoot: string;
}

/** Finds which definition each live model of client-node is. */
function nameModels(clientRoot: string, aliased: Map<string, AliasedModel>): Map<string, string> {
  const bySuffix = new Map<string, string[]>();
  for (const alias of aliased.keys()) {
    const name = definitionName(alias);
    const parts = name.split('.');
    const kind = parts.at(-1) ?? '';
    const version = parts.at(-2) ?? '';
    const group = parts.at(-3) ?? '';
    const versioned = `${version.charAt(0).toUpperCase()}${version.slice(1)}${kind}`;
    for (const key of [versioned, `${group.charAt(0).toUpperCase()}${group.slice(1)}${versioned}`])
      bySuffix.set(key, [...(bySuffix.get(key) ?? []), name]);
  }
  const previews = packagesOfPreviewModels(clientRoot);
  const names = new Map<string, string>();
  const unnamed: string[] = [];
  for (const model of liveModelNames(clientRoot)) {
    const found = bySuffix.get(model) ?? [];
    if (found.length === 1 && found[0] !== undefined) names.set(model, found[0]);
    else if (model === 'VersionInfo') names.set(model, 'io.k8s.apimachinery.pkg.version.Info');
    else if (model === 'V1GroupResource') names.set(model, `${meta}.GroupResource`);
    else unnamed.push(model);
  }
  spreadPackages(clientRoot, unnamed, previews);
  for (const model of unnamed) {
    const [, version = '', kind = ''] = /^(V\d+(?:alpha|beta)\d+)(\w+)$/.exec(model) ?? [];
    const own = previews.get(model);
    if (own === undefined || kind === '') throw new Error(`no package known for the model ${model}`);
    const folder = own === 'internalapiserver' ? 'apiserverinternal' : own;
    names.set(model, `io.k8s.api.${folder}.${version.toLowerCase()}.${kind}`);
  }
  return names;
}

/** A preview model that no API takes or gives directly belongs to the package of the model that refers to it. */
function spreadPackages(clientRoot: string, unnamed: readonly string[], packages: Map<string, string>): void {
  const wanted = new Set(unnamed);
  const queue = [...packages.keys()].filter((model) => wanted.has(model));
  for (let model = queue.pop(); model !== undefined; model = queue.pop()) {
    for (const field of readClientModel(clientRoot, model).fields) {
      const referred = /V\d+(?:alpha|beta)\d+\w+/.exec(field.type)?.[0];
      if (referred === undefined || !wanted.has(referred) || packages.has(referred)) continue;
      packages.set(referred, packages.get(model) ?? '');
      queue.push(referred);
    }
  }
}

/** The schema of one field where only client-node has the type: numbers and times by format, quantities by the GA form of the type. */
function fieldOf(sources: Sources, definition: string, client: RawModel, index: number): FieldSchema {
  const own = client.fields[index];
  if (own === undefined) return { type: 'any' };
  const refer = (identifier: string): FieldSchema => {
    const name = sources.names.get(identifier);
    if (name === undefined) throw new Error(`${definition}.${own.name} refers to the unknown type ${identifier}`);
    return scalars[name] ?? { type: 'ref', ref: name };
  };
  return parseType(own.type, own.format, refer);
}

/** The richer of both packages' views: enums, quantities and references of kubernetes-models, formats of client-node. */
function mergeField(base: FieldSchema, rich: FieldSchema | undefined): FieldSchema {
  if (rich === undefined) return base;
  if (base.items && rich.items) return { ...base, items: mergeField(base.items, rich.items) };
  if (rich.type === 'quantity' || rich.type === 'int-or-string') return rich;
  if (rich.type === 'micro-time' || (base.type === 'any' && rich.type === 'any')) return rich;
  if (rich.enum && base.type === 'string') return { ...base, enum: rich.enum };
  return base;
}

/** Groups by package (io.k8s.api.rbac → rbac.authorization.k8s.io), learnt from the kinds of kubernetes-models. */
function groupsOf(aliased: Map<string, AliasedModel>): Map<string, string> {
  const groups = new Map(Object.entries(previewGroups));
  for (const model of aliased.values()) {
    if (model.apiVersion === undefined) continue;
    const slash = model.apiVersion.indexOf('/');
    const parts = definitionName(model.alias).split('.').slice(0, -2).join('.');
    groups.set(parts, slash < 0 ? '' : model.apiVersion.slice(0, slash));
  }
  return groups;
}

/** The kind's group, version and kind, where the definition is a kind. */
function gvkOf(
  name: string,
  fields: Readonly<Record<string, FieldSchema>>,
  groups: Map<string, string>,
): Definition['gvk'] {
  const parts = name.split('.');
  const kind = parts.at(-1) ?? '';
  if (name === `${meta}.${kind}`) return metaKinds.has(kind) ? [{ group: '', version: 'v1', kind }] : undefined;
  const metadata = fields['metadata']?.ref;
  const isKind = metadata === `${meta}.ObjectMeta` || metadata === `${meta}.ListMeta`;
  const group = groups.get(parts.slice(0, -2).join('.'));
  if (!isKind || !('kind' in fields) || group === undefined) return undefined;
  return [{ group, version: parts.at(-2) ?? '', kind }];
}

/** TypeScript names of clashing types that have one clear owner. */
const preferredNames: Readonly<Record<string, string>> = {
  AuthenticationV1TokenRequest: 'TokenRequest',
  RbacV1Subject: 'Subject',
};

/** Pod for V1Pod and CoreV1Event; other clashing types keep their group (EventsV1Event), other versions keep theirs (V2…, V1beta1…). */
export function typeNameOf(model: string): string {
  return preferredNames[model] ?? model.replace(/^(?:Core)?V1(?=[A-Z])/, '');
}

/** What the definition has of the GA form's richer types, when kubernetes-models knows only the GA form. */
function richModel(sources: Sources, name: string): AliasedModel | undefined {
  const exact = sources.aliased.get(name);
  if (exact) return exact;
  return sources.aliased.get(name.replace(/\.v\d+(?:alpha|beta)\d+\./, '.v1.'));
}

/** Builds one definition from both packages and the table of semantics. */
function buildDefinition(
  sources: Sources,
  model: string,
  facts: readonly FieldSemantics[],
  groups: Map<string, string>,
): Definition {
  const name = sources.names.get(model) ?? '';
  const client = readClientModel(sources.clientRoot, model);
  const rich = richModel(sources, name);
  const exact = rich !== undefined && definitionName(rich.alias) === name;
  const fields: Record<string, FieldSchema> = {};
  const refer = (identifier: string): FieldSchema => {
    const target = identifier === rich?.local ? name : definitionName(identifier.replace(/^II/, 'I'));
    return scalars[target] ?? { type: 'ref', ref: target };
  };
  client.fields.forEach((own, index) => {
    const richer = rich?.fields.find((f) => f.name === own.name);
    const literalKind = own.name === 'apiVersion' || own.name === 'kind';
    const view = richer && !literalKind ? parseType(richer.type, '', refer) : undefined;
    const field: Mutable<FieldSchema> = { ...mergeField(fieldOf(sources, name, client, index), view) };
    const element = elementTypes[`${name}.${own.name}`];
    if (element) field.items = element;
    const description = exact && richer?.description ? richer.description : own.description;
    if (description) field.description = description;
    for (const table of facts) {
      const { items, ...known } = table[name]?.[own.name] ?? {};
      Object.assign(field, known, items && { items: { ...field.items, ...items } });
    }
    fields[own.name] = field;
  });
  const definition: Mutable<Definition> = {
    name,
    fields,
    required: client.fields.filter((f) => !f.optional).map((f) => f.name),
  };
  const description = (exact ? rich.description : '') || client.description;
  if (description) definition.description = description;
  const gvk = gvkOf(name, fields, groups);
  if (gvk) definition.gvk = gvk;
  return Object.assign(definition, ...facts.map((table) => table[name]?.['']));
}

/** Every definition of this release, sorted by name. Throws where the inputs and the table do not fit each other. */
export function buildDefinitions(
  clientRoot: string,
  modelRoots: readonly string[],
  facts: readonly FieldSemantics[],
): NamedDefinition[] {
  const byAlias = new Map(modelRoots.flatMap((root) => [...readAliasedModels(root)]));
  const aliased = new Map([...byAlias.values()].map((model) => [definitionName(model.alias), model]));
  const sources: Sources = { aliased, names: nameModels(clientRoot, byAlias), clientRoot };
  const groups = groupsOf(byAlias);
  const built = [...sources.names.keys()].map((model) => ({
    typeName: typeNameOf(model),
    definition: buildDefinition(sources, model, facts, groups),
  }));
  const known = new Set(built.map((b) => b.definition.name));
  for (const name of facts.flatMap((table) => Object.keys(table)))
    if (!known.has(name)) throw new Error(`a table of facts knows ${name}, the packages do not`);
  return built.sort((a, b) => (a.definition.name < b.definition.name ? -1 : 1));
}
