// Field selectors (`status.phase=Running,spec.nodeName!=`): parsing and matching on a kind's field labels.
// Follows apimachinery pkg/fields/selector.go of v1.36.

export interface FieldTerm {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** All terms must hold; empty matches everything. */
export type FieldSelector = readonly FieldTerm[];

/** A selector that does not parse; `message` is upstream's text. */
export class FieldSelectorError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FieldSelectorError';
  }
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === ',') {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function unescape(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i);
    if (c === ',' || c === '=') {
      throw new FieldSelectorError(`invalid field selector: unescaped character in value: ${c.charCodeAt(0)}`);
    }
    if (c !== '\\') {
      out += c;
      continue;
    }
    const next = text.charAt(++i);
    if (next !== '\\' && next !== ',' && next !== '=') {
      throw new FieldSelectorError(`invalid field selector: invalid escape sequence: \\${next}`);
    }
    out += next;
  }
  return out;
}

/** Parses a field selector. Throws FieldSelectorError in upstream's words. */
export function parseFieldSelector(text: string): FieldSelector {
  const terms: FieldTerm[] = [];
  for (const part of splitTerms(text).sort()) {
    if (part === '') continue;
    const match = /^(.*?)(!=|==|=)(.*)$/s.exec(part);
    if (!match) throw new FieldSelectorError(`invalid selector: '${text}'; can't understand '${part}'`);
    terms.push({ field: match[1] ?? '', operator: match[2] === '!=' ? '!=' : '=', value: unescape(match[3] ?? '') });
  }
  return terms;
}

/** Whether the field labels satisfy every term; an absent label reads as the empty string. */
export const matchesFields = (selector: FieldSelector, fields: Readonly<Record<string, string>>): boolean =>
  selector.every((term) => ((fields[term.field] ?? '') === term.value) === (term.operator === '='));

/** The value that the selector requires of a field, or undefined: lets a list go straight to one key. */
export const requiredValue = (selector: FieldSelector, field: string): string | undefined =>
  selector.find((term) => term.field === field && term.operator === '=')?.value;

/** The text that parses back to the same selector. */
export const fieldSelectorText = (selector: FieldSelector): string =>
  selector.map((t) => `${t.field}${t.operator}${t.value.replace(/[\\,=]/g, (c) => `\\${c}`)}`).join(',');
