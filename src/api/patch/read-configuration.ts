// Reads the configuration that server-side apply is sent: YAML, or JSON as a part of it.
// Follows apiserver pkg/endpoints/handlers/patch.go (applyPatcher) of v1.36 and sigs.k8s.io/yaml.
import { badRequest } from '../meta/errors.ts';
import { jsonKind } from '../schema/decode-scalars.ts';
import { JsonSyntaxError, type ParsedBody, parseJsonStrict } from '../schema/json.ts';
import { parseYamlStrict } from '../schema/yaml.ts';
import { cloneTree, isTree, type Tree } from './json-tree.ts';

/** A configuration, and what a strict parser objects to: keys that are there twice. */
export interface Configuration {
  config: Tree;
  strictErrors: string[];
}

/** JSON is read as such, which is faster; what is no JSON, or has keys twice, is told of as YAML. */
function parse(text: string): ParsedBody {
  if (/^\s*\{/.test(text))
    try {
      const parsed = parseJsonStrict(text);
      if (parsed.duplicateFields.length === 0) return parsed;
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
    }
  return parseYamlStrict(text);
}

function parseText(text: string): ParsedBody {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof JsonSyntaxError)
      throw badRequest(`error decoding YAML: error converting YAML to JSON: ${error.message}`);
    throw error;
  }
}

/** The configuration in a request's body; nothing reads as an empty one. Throws 400. */
export function readConfiguration(
  body: { type: 'bytes'; bytes: Buffer } | { type: 'object'; object: unknown },
): Configuration {
  const { value, duplicateFields } =
    body.type === 'object'
      ? { value: cloneTree(body.object), duplicateFields: [] }
      : parseText(body.bytes.toString('utf8'));
  const config = value ?? {};
  if (!isTree(config))
    throw badRequest(
      `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonKind(config)} into Go value of type map[string]interface {}`,
    );
  return { config, strictErrors: duplicateFields.map((message) => `error converting YAML to JSON: ${message}`) };
}
