// Decodes CustomResourceDefinitions, whose schemas hold schemas in places that the API's own schema leaves open.
// Follows apiextensions-apiserver pkg/apis/apiextensions/v1/marshal.go of v1.36.

import { checkObject, type DecodeResult, type DecodeSource, type OpenForm } from '../../schema/decode.ts';
import { loadSchema } from '../../schema/load.ts';

const prefix = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';
const object = `${prefix}.JSONSchemaProps`;

/** Where a schema may stand beside other forms: an array of schemas, a boolean, an array of names. */
const forms: Readonly<Record<string, OpenForm>> = {
  [`${prefix}.JSONSchemaPropsOrArray`]: { object, list: { type: 'ref', ref: object } },
  [`${prefix}.JSONSchemaPropsOrBool`]: { object, boolean: true, refusal: 'boolean or JSON schema expected' },
  [`${prefix}.JSONSchemaPropsOrStringArray`]: { object, list: { type: 'string' } },
  [`${prefix}.CustomResourceSubresourceStatus`]: { emptyStruct: 'v1.CustomResourceSubresourceStatus' },
};

/** Decodes the definition in place. Unknown fields of schemas in open places are dropped silently, as upstream does. */
export const decodeDefinition = (crd: unknown, from: DecodeSource): DecodeResult =>
  checkObject(loadSchema(), `${prefix}.CustomResourceDefinition`, crd, from, forms);
