// JSON answers as people read them: indented, or as YAML.
// Follows apimachinery pkg/runtime/serializer/json/json.go of v1.36.

import { dump } from 'js-yaml';

/** Indented as Go's MarshalIndent does with two spaces; nothing follows the last brace. */
export const indented = (json: string): string => JSON.stringify(JSON.parse(json), null, 2);

/** As sigs.k8s.io/yaml writes it: keys in order, no references, lines of any length. */
export const toYaml = (json: string): string => dump(JSON.parse(json), { sortKeys: true, noRefs: true, lineWidth: -1 });
