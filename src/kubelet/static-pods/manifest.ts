// Turns a manifest file into the static pod that it describes, or says why it is none. Pure.
// Follows pkg/kubelet/config/common.go and file.go of v1.36.

import { createHash } from 'node:crypto';
import type { Pod, Toleration } from '../../api/generated/types.ts';
import { podKind } from '../../api/kinds/pod/definition.ts';
import { validatePodCreate } from '../../api/kinds/pod/validate.ts';
import { equalJson } from '../../api/meta/equal.ts';
import { fieldErrorText } from '../../api/meta/errors.ts';
import { apiObjectReference } from '../../api/pod/api-references.ts';
import { configHashAnnotation, configSourceAnnotation } from '../../api/pod/static-pod.ts';
import { checkObject } from '../../api/schema/decode.ts';
import { JsonSyntaxError } from '../../api/schema/json.ts';
import { loadSchema } from '../../api/schema/load.ts';
import { fillUnsetFields } from '../../api/schema/unset-fields.ts';
import { parseYamlStrict } from '../../api/schema/yaml.ts';

/** Why a file gives no pod. */
export class ManifestError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ManifestError';
  }
}

/** What makes the pods of one file this node's own. */
export interface ManifestOrigin {
  /** The file's path. */
  path: string;
  nodeName: string;
}

/** Nothing that befalls the node evicts a static pod. */
const stays: Toleration = { operator: 'Exists', effect: 'NoExecute' };

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Only the first document of a file counts, as for the kubelet everywhere. JSON is YAML, too. */
const firstDocument = (text: string): string =>
  text.split(/^---(?:[ \t].*)?$/m).find((document) => document.split('\n').some((line) => /^\s*[^\s#]/.test(line))) ??
  '';

function parse(text: string): Record<string, unknown> {
  const { value } = parseYamlStrict(firstDocument(text));
  if (!isRecord(value)) throw new ManifestError('the manifest is no object');
  const { apiVersion, kind } = value;
  if (typeof kind !== 'string' || kind === '') throw new ManifestError("Object 'Kind' is missing");
  if (typeof apiVersion !== 'string' || apiVersion === '') throw new ManifestError("Object 'apiVersion' is missing");
  if (apiVersion !== 'v1' || kind !== 'Pod') throw new ManifestError(`invalid pod: it is a ${kind} of ${apiVersion}`);
  return value;
}

/** The pod with everything that the API server would have filled in. */
function decode(text: string): Pod {
  const value = parse(text);
  const schema = loadSchema();
  const { typeError } = checkObject(schema, podKind.definition, value);
  if (typeError !== undefined) throw new ManifestError(typeError);
  const pod: Pod = value;
  fillUnsetFields(schema, podKind.definition, pod);
  podKind.defaults?.(pod);
  return pod;
}

/** 32 hex digits of the pod's content, the node and the file: the same as long as none of them changes. */
function uidOf(pod: Pod, { path, nodeName }: ManifestOrigin): string {
  return createHash('sha256')
    .update(`${JSON.stringify(pod)}host:${nodeName}file:${path}`)
    .digest('hex')
    .slice(0, 32);
}

function own(pod: Pod, origin: ManifestOrigin): Pod {
  const { metadata = {}, spec = { containers: [] } } = pod;
  const uid = metadata.uid || uidOf(pod, origin);
  const tolerations = spec.tolerations ?? [];
  return {
    ...pod,
    metadata: {
      ...metadata,
      uid,
      name: `${metadata.name}-${origin.nodeName.toLowerCase()}`,
      namespace: metadata.namespace || 'default',
      annotations: { ...metadata.annotations, [configHashAnnotation]: uid, [configSourceAnnotation]: 'file' },
    },
    spec: {
      ...spec,
      nodeName: origin.nodeName,
      tolerations: tolerations.some((each) => equalJson(each, stays)) ? tolerations : [...tolerations, stays],
    },
    status: { phase: 'Pending' },
  };
}

/** The static pod of a manifest. Throws ManifestError, in upstream's words where it has some, for one that cannot be run. */
export function readManifest(text: string, origin: ManifestOrigin): Pod {
  let decoded: Pod;
  try {
    decoded = decode(text);
  } catch (error) {
    if (!(error instanceof ManifestError) && !(error instanceof JsonSyntaxError)) throw error;
    throw new ManifestError(`${origin.path}: couldn't parse as pod(${error.message}), please check manifest file`);
  }
  if (!decoded.metadata?.name) throw new ManifestError('invalid pod: name is needed for the pod');
  const pod = own(decoded, origin);
  const errors = validatePodCreate(pod);
  if (errors.length > 0) throw new ManifestError(`invalid pod: [${errors.map(fieldErrorText).join(', ')}]`);
  const reference = pod.spec && apiObjectReference(pod.spec);
  if (reference !== undefined) throw new ManifestError(`static pods may not reference ${reference}`);
  return pod;
}
