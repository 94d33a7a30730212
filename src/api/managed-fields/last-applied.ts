// Keeps the annotation of client-side apply and server-side apply of kubectl in step, so that either can follow the other.
// Follows apimachinery util/managedfields/internal/lastappliedmanager.go and lastappliedupdater.go of v1.36.
import { byteLength, goJson } from '../meta/go-format.ts';
import type { KubeObject } from '../meta/types.ts';
import { isTree, type Tree } from '../patch/json-tree.ts';
import type { Schema } from '../schema/schema.ts';
import { compareWritten } from './compare.ts';
import { type FieldSet, subtractSets } from './field-set.ts';
import { fieldSetOf } from './object-fields.ts';
import { configurationError } from './validate-configuration.ts';

/** The manager that kubectl apply --server-side goes by; only it is kept in step. */
export const kubectlManager = 'kubectl';
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
/** Bytes that all annotations of an object may have together. */
const maxAnnotations = 256 * 1024;

function parseObject(text: string): Tree | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isTree(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The fields that client-side apply set last and that are still as it set them: kubectl may take them without force. Undefined
 * where client-side apply left nothing to go by.
 */
export function lastAppliedFields(
  schema: Schema,
  definition: string,
  apiVersion: string,
  live: KubeObject,
): FieldSet | undefined {
  const config = parseObject(live.metadata?.annotations?.[lastApplied] ?? '');
  if (config === undefined || config['apiVersion'] !== apiVersion) return undefined;
  if (configurationError(schema, definition, config) !== undefined) return undefined;
  const { changed, removed } = compareWritten(schema, definition, config, live);
  return subtractSets(subtractSets(fieldSetOf(schema, definition, config), changed), removed);
}

/** JSON as Go's encoder writes a map: keys in order. */
function sortedKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedKeys);
  if (!isTree(value)) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sortedKeys(value[key])]));
}

/** What client-side apply would have left of the configuration. */
function annotationText(config: KubeObject): string {
  const { annotations = {}, ...metadata } = (config.metadata ?? {}) as Tree & { annotations?: Tree };
  const { [lastApplied]: _, ...others } = annotations;
  const kept = Object.keys(others).length > 0 ? { ...metadata, annotations: others } : metadata;
  return `${goJson(sortedKeys({ ...config, metadata: kept }))}\n`;
}

/** Brings the annotation, where the object has it, up to what was applied just now. One that would be too large goes. */
export function updateLastApplied(object: KubeObject, config: KubeObject): void {
  const annotations = object.metadata?.annotations;
  if (!annotations?.[lastApplied]) return;
  const updated: Record<string, string> = { ...annotations, [lastApplied]: annotationText(config) };
  const size = Object.entries(updated).reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  if (size > maxAnnotations) delete updated[lastApplied];
  object.metadata = { ...object.metadata, annotations: updated };
}
