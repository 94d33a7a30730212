// Label and field selectors as requests carry them, made ready for matching many objects.

import { badRequest } from '../../api/meta/errors.ts';
import { FieldSelectorError, matchesFields, parseFieldSelector as parseFields } from '../../api/meta/field-selector.ts';
import { matchesLabels, parseLabelSelector as parseLabels, SelectorError } from '../../api/meta/label-selector.ts';

/** A selector over a map of strings. */
export interface Selector {
  readonly empty: boolean;
  readonly keys: readonly string[];
  matches(values: Readonly<Record<string, string>>): boolean;
  /** The one value that the key must have, when the selector says so. */
  exact(key: string): string | undefined;
}

export const everything: Selector = { empty: true, keys: [], matches: () => true, exact: () => undefined };

/** Parses a label selector. Throws 400. */
export function parseLabelSelector(text: string | null): Selector {
  if (text === null || text === '') return everything;
  try {
    const selector = parseLabels(text);
    if (selector.requirements.length === 0) return everything;
    return {
      empty: false,
      keys: selector.requirements.map((r) => r.key),
      matches: (values) => matchesLabels(selector, values),
      exact: () => undefined,
    };
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(error.message);
    throw error;
  }
}

/** Parses a field selector; `aliases` are old names of labels. For a label that is not `supported`, `refusal` words the 400. */
export function parseFieldSelector(
  text: string | null,
  supported: (label: string) => boolean,
  aliases: Readonly<Record<string, string>> = {},
  refusal: (label: string) => string = (label) => `field label not supported: ${label}`,
): Selector {
  if (text === null || text === '') return everything;
  try {
    const terms = parseFields(text).map((term) =>
      Object.hasOwn(aliases, term.field) ? { ...term, field: aliases[term.field] ?? '' } : term,
    );
    const unknown = terms.find((term) => !supported(term.field));
    if (unknown !== undefined) throw badRequest(refusal(unknown.field));
    if (terms.length === 0) return everything;
    // Of several values for one key the first counts; nothing matches them all.
    const exact = new Map(
      terms
        .filter((t) => t.operator === '=')
        .map((t) => [t.field, t.value] as const)
        .reverse(),
    );
    return {
      empty: false,
      keys: terms.map((t) => t.field),
      matches: (values) => matchesFields(terms, values),
      exact: (key) => exact.get(key),
    };
  } catch (error) {
    if (error instanceof FieldSelectorError) throw badRequest(error.message);
    throw error;
  }
}
