// JSON answers as people read them: indented, or as YAML.
// Follows apimachinery pkg/runtime/serializer/json/json.go of v1.36.

import { DEFAULT_SCALAR_STYLE_RULES, dump, SCALAR_STYLE, type ScalarStyleRule } from 'js-yaml';

/** Indented as Go's MarshalIndent does with two spaces; nothing follows the last brace. */
export const indented = (json: string): string => JSON.stringify(JSON.parse(json), null, 2);

/** Go puts words that would be read as no text ("true", "1", times) in double quotes, and other text in single ones. */
const quoteWords: ScalarStyleRule = (layout) => {
  const isPlain = (layout.allowedStylesMask & (1 << SCALAR_STYLE.PLAIN)) !== 0;
  if (layout.style === SCALAR_STYLE.PLAIN && !isPlain && /^(?:[\w.+:~-]*[\w.~])?$/.test(layout.node.value))
    layout.style = SCALAR_STYLE.DOUBLE_QUOTED;
};

const { quoteInvalidPlain, fallbackToDoubleQuoted, ...firstRules } = DEFAULT_SCALAR_STYLE_RULES;
const scalarStyleRules = [...Object.values(firstRules), quoteWords, quoteInvalidPlain, fallbackToDoubleQuoted];

/** As sigs.k8s.io/yaml writes it: keys in order, lists not indented, no references, lines of any length. */
export const toYaml = (json: string): string =>
  dump(JSON.parse(json), { sortKeys: true, noRefs: true, lineWidth: -1, seqNoIndent: true, scalarStyleRules });
