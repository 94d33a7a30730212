// Parses YAML request bodies into plain JSON values, as sigs.k8s.io/yaml does: YAML 1.1 scalars, bounded aliases, duplicate keys reported.
import {
  binaryTag,
  boolYaml11Tag,
  CORE_SCHEMA,
  defineScalarTag,
  intYaml11Tag,
  load,
  mergeTag,
  NOT_RESOLVED,
  YAMLException,
} from 'js-yaml';
import { goQuote } from '../meta/go-format.ts';
import { JsonSyntaxError, type ParsedBody } from './json.ts';

/** Octal file modes (0644) are numbers, but 22:22 is text: YAML 1.1's base 60 is not known upstream either. */
const integers = defineScalarTag<number>('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: ['-', '+', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
  resolve: (source, isExplicit, tagName) =>
    source.includes(':') ? NOT_RESOLVED : intYaml11Tag.resolve(source, isExplicit, tagName),
  identify: () => false,
});

const schema = CORE_SCHEMA.withTags(boolYaml11Tag, integers, binaryTag, mergeTag);

/** Values that one document may unfold to, aliases counted each time they are used. */
const maxNodes = 1_000_000;

/** The text is no YAML, or none that JSON can hold. */
export class YamlSyntaxError extends JsonSyntaxError {
  constructor(why: string) {
    super(`yaml: ${why}`);
    this.name = 'YamlSyntaxError';
  }
}

const syntaxError = (error: YAMLException): YamlSyntaxError =>
  new YamlSyntaxError(`${error.mark ? `line ${error.mark.line + 1}: ` : ''}${error.reason}`);

/** Copies a loaded value as plain JSON, so that no part is shared between two places. Throws where aliases unfold too far. */
function unfold(value: unknown, budget: { left: number }, depth: number): unknown {
  if (--budget.left < 0 || depth > 200) throw new YamlSyntaxError('document contains excessive aliasing');
  if (Array.isArray(value)) return value.map((item) => unfold(item, budget, depth + 1));
  if (value instanceof Uint8Array) return String.fromCharCode(...value);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unfold(item, budget, depth + 1)]));
  return value;
}

/** Go's words for a key that is there twice. The mark stands on the key itself, within its quotes. */
function duplicateKey(text: string, { mark }: YAMLException): string {
  const key = /^[^"':\r\n]*/.exec(text.slice(mark?.position ?? text.length))?.[0].trimEnd() ?? '';
  return `yaml: unmarshal errors:\n  line ${(mark?.line ?? 0) + 1}: key ${goQuote(key)} already set in map`;
}

const documentMarker = /^(?:---|\.\.\.)(?=\s|$)/gm;
/** A line that is neither blank, a comment nor a directive. */
const contentLine = /^(?!%)[ \t]*[^#\s]/m;

/** The text up to where a second document begins: nobody looks further. */
function firstDocument(text: string): string {
  let begun = false;
  for (const { index, 0: marker } of text.matchAll(documentMarker)) {
    if (begun || contentLine.test(text.slice(0, index))) return text.slice(0, index);
    begun = marker === '---';
  }
  return text;
}

/** A value that is whole by itself, such as {...}, without what stands behind it: upstream's parser never comes to that. */
function wholeValue(text: string, { reason, mark }: YAMLException): string | undefined {
  if (!reason.includes('end of the stream or a document separator')) return undefined;
  const value = text.slice(0, mark?.position ?? 0);
  return value.trim() === '' ? undefined : value;
}

/**
 * Parses the first YAML document. A key that is there twice is an error of strict validation only, so it is reported beside the value.
 * Throws YamlSyntaxError.
 */
export function parseYamlStrict(body: string): ParsedBody {
  const text = firstDocument(body);
  const duplicateFields: string[] = [];
  let value: unknown;
  try {
    value = load(text, { schema });
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const whole = wholeValue(text, error);
    if (whole !== undefined) return parseYamlStrict(whole);
    if (error.reason.includes('the input is empty')) return { value: null, duplicateFields };
    if (!error.reason.includes('duplicated mapping key')) throw syntaxError(error);
    duplicateFields.push(duplicateKey(text, error));
    try {
      value = load(text, { schema, json: true });
    } catch (second) {
      throw second instanceof YAMLException ? syntaxError(second) : second;
    }
  }
  return { value: unfold(value, { left: maxNodes }, 0), duplicateFields };
}
