// Named formats that strings are checked against. Follows apiserver pkg/cel/library/format.go of v1.36.

import { labelValueMessages, nameIs1035Label, nameIsLabel, nameIsSubdomain, qualifiedName } from '../../meta/names.ts';
import { define, type FunctionDeclaration, member, overload } from '../environment.ts';
import { parseTimestamp } from '../time.ts';
import * as types from '../types.ts';
import { ArrayList, Opaque, Optional, type Value } from '../values.ts';
import { urlProblem } from './urls.ts';

const formatType = types.opaque('kubernetes.NamedFormat');
const { string } = types;

class Format extends Opaque {
  readonly type = formatType;
  readonly name: string;
  /** What is wrong with a text. */
  readonly problems: (text: string) => string[];

  constructor(name: string, problems: (text: string) => string[]) {
    super();
    this.name = name;
    this.problems = problems;
  }

  equals(other: Value): boolean {
    return other instanceof Format && other.name === this.name;
  }
}

const says =
  (isRight: (text: string) => boolean, message: string) =>
  (text: string): string[] =>
    isRight(text) ? [] : [message];

const uuid = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/;
export const isBase64 = (text: string): boolean => base64.test(text);
export const isDate = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) && parseTimestamp(`${text}T00:00:00Z`) !== undefined;

const formats: ReadonlyMap<string, Format> = new Map(
  Object.entries({
    dns1123Label: new Format('DNS1123Label', (text) => nameIsLabel(text, false)),
    dns1123Subdomain: new Format('DNS1123Subdomain', (text) => nameIsSubdomain(text, false)),
    dns1035Label: new Format('DNS1035Label', (text) => nameIs1035Label(text, false)),
    qualifiedName: new Format('QualifiedName', qualifiedName),
    dns1123LabelPrefix: new Format('DNS1123LabelPrefix', (text) => nameIsLabel(text, true)),
    dns1123SubdomainPrefix: new Format('DNS1123SubdomainPrefix', (text) => nameIsSubdomain(text, true)),
    dns1035LabelPrefix: new Format('DNS1035LabelPrefix', (text) => nameIs1035Label(text, true)),
    labelValue: new Format('LabelValue', labelValueMessages),
    uri: new Format('URI', (text) => [urlProblem(text)].filter((problem) => problem !== undefined)),
    uuid: new Format(
      'uuid',
      says((text) => uuid.test(text), 'does not match the UUID format'),
    ),
    byte: new Format('byte', says(isBase64, 'invalid base64')),
    date: new Format('date', says(isDate, 'invalid date')),
    datetime: new Format(
      'datetime',
      says((text) => parseTimestamp(text) !== undefined, 'invalid datetime'),
    ),
  }),
);

function validate({ problems }: Format, text: string): Value {
  const found = problems(text);
  return found.length === 0 ? Optional.none : new Optional(new ArrayList(found));
}

export const formatFunctions: readonly FunctionDeclaration[] = [
  ...[...formats].map(([name, format]) =>
    define(
      `format.${name}`,
      overload(`format.${name}`, [], formatType, () => format),
    ),
  ),
  define('validate', member('format-validate', [formatType, string], types.optionalOf(types.listOf(string)), validate)),
  define(
    'format.named',
    overload('format-named', [string], types.optionalOf(formatType), (name: string) => {
      const format = formats.get(name);
      return format === undefined ? Optional.none : new Optional(format);
    }),
  ),
];
