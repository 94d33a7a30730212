// Reads the two packages that hold Kubernetes' types: kubernetes-models (names, enums, quantities) and client-node (formats, alpha and beta).
import { readFileSync, readdirSync } from 'node:fs';

/** One field as a package declares it; `type` is TypeScript text. */
export interface RawField {
  name: string;
  type: string;
  optional: boolean;
  description: string;
  format: string;
}

export interface RawModel {
  description: string;
  fields: RawField[];
}

/** A model of kubernetes-models with the definition alias it is exported as (IoK8sApiCoreV1Pod). */
export interface AliasedModel extends RawModel {
  alias: string;
  /** apps/v1, where the type is a kind of its own. */
  apiVersion: string | undefined;
  /** The name of the interface within its file, that recursive types use. */
  local: string;
}

const member =
  /^ {4}(?:(\/\*\*[\s\S]*?\*\/)\n {4})?["']([^"']+)["'](\?)?: ([^\n]*\{\n[\s\S]*?\n {4}\}[^\n]*|[^\n]*?);$/gm;

/** The text of a doc comment, without its stars. */
function commentText(comment: string | undefined): string {
  if (!comment) return '';
  return comment
    .replace(/^\/\*\*\s?/, '')
    .replace(/\s*\*\/$/, '')
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .trim()
    .replaceAll('*\\/', '*/');
}

/** Members of an interface or class body; types that span lines (maps) stay one type. */
function members(body: string): RawField[] {
  const fields: RawField[] = [];
  for (const [, comment, name = '', optional, type = ''] of body.matchAll(member)) {
    fields.push({
      name,
      type: type.replace(/\s+/g, ' ').trim(),
      optional: optional === '?',
      description: commentText(comment),
      format: '',
    });
  }
  return fields;
}

/** Every exported model below `root`, by alias. */
export function readAliasedModels(root: string): Map<string, AliasedModel> {
  const models = new Map<string, AliasedModel>();
  for (const entry of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
    if (!entry.endsWith('.d.ts') || entry.includes('_schemas') || entry.endsWith('index.d.ts')) continue;
    const text = readFileSync(`${root}/${entry}`, 'utf8');
    const alias = /export type \{ \w+ as I?(IoK8s\w+)/.exec(text)?.[1];
    const shape =
      /(\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n)?export interface (\w+)(?: extends TypeMeta)? \{\n([\s\S]*?)^\}/m.exec(text);
    if (alias === undefined || shape === null) continue;
    const [, comment, local = '', body = ''] = shape;
    const fields = members(body);
    const apiVersion = /^"([^"]+)"$/.exec(fields.find((f) => f.name === 'apiVersion')?.type ?? '')?.[1];
    models.set(alias, { alias, local, apiVersion, description: commentText(comment?.trim()), fields });
  }
  return models;
}

/** The names of client-node's models that are of this release, and not left over from an older one. */
export function liveModelNames(root: string): string[] {
  const text = readFileSync(`${root}/models/ObjectSerializer.js`, 'utf8');
  const table = text.slice(text.indexOf('let typeMap'));
  return [...table.slice(0, table.indexOf('};')).matchAll(/"(\w+)":/g)].map((m) => m[1] ?? '');
}

/** One model of client-node, with the JSON names and formats of its attribute table. */
export function readClientModel(root: string, name: string): RawModel {
  const declared = readFileSync(`${root}/models/${name}.d.ts`, 'utf8');
  const source = readFileSync(`${root}/models/${name}.js`, 'utf8');
  const comment = /(\/\*\*(?:(?!\*\/)[\s\S])*\*\/)\nexport declare class/.exec(declared)?.[1];
  const byName = new Map(members(declared.slice(declared.indexOf('export declare class'))).map((f) => [f.name, f]));
  const fields: RawField[] = [];
  const row = /"name": "([^"]+)",\s*"baseName": "([^"]+)",\s*"type": "([^"]+)",\s*"format": "([^"]*)"/g;
  for (const [, own = '', name = '', type = '', format = ''] of source.matchAll(row)) {
    const field = byName.get(own);
    const description = (field?.description ?? '').replaceAll("\\'", "'").replaceAll('\\"', '"');
    fields.push({ name, type, format, optional: field?.optional ?? true, description });
  }
  return { description: commentText(comment), fields };
}

/** The package (apps, resource, rbac …) of every model that an alpha or beta API serves, by its client-node name. */
export function packagesOfPreviewModels(root: string): Map<string, string> {
  const packages = new Map<string, string>();
  for (const file of readdirSync(`${root}/apis`)) {
    const match = /^(\w+?)(V\d+(?:alpha|beta)\d+)Api\.d\.ts$/.exec(file);
    if (match === null) continue;
    const [, group = '', version = ''] = match;
    const text = readFileSync(`${root}/apis/${file}`, 'utf8');
    for (const [, model = ''] of text.matchAll(/import \{ (\w+) \} from '\.\.\/models\//g))
      if (model.startsWith(version)) packages.set(model, group.toLowerCase());
  }
  return packages;
}
