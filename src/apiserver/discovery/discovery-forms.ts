// The forms in which discovery documents are given: JSON, YAML and protobuf.
// Follows apiserver pkg/endpoints/discovery/{root,version,legacy,util}.go of v1.36.

import { loadSchema } from '../../api/schema/load.ts';
import type { JsonObject } from '../../api/meta/types.ts';
import { toYaml } from '../http/human-forms.ts';
import { protobufEncoder } from '../protobuf/encode.ts';
import { sealEnvelope } from '../protobuf/envelope.ts';
import type { Media } from '../request.ts';
import { discoveryList, discoverySchema } from './discovery-schema.ts';

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/** The document in that form, from its JSON. What is of the core group names its kind alone, with no version, in every form. */
export function discoveryIn(media: Media, json: Buffer): Buffer {
  if (media === 'json') return json;
  const text = json.toString('utf8');
  if (media === 'yaml') return Buffer.from(toYaml(text));
  const document = JSON.parse(text) as JsonObject & { kind: string; apiVersion?: string };
  const isAggregated = document.kind === 'APIGroupDiscoveryList';
  const message = isAggregated
    ? protobufEncoder(discoverySchema()).message(discoveryList, document)
    : protobufEncoder(loadSchema()).message(`${meta}.${document.kind}`, document);
  return Buffer.concat(sealEnvelope(document.apiVersion ?? '', document.kind, [message]));
}
