// Brings a mutating webhook's patch over the object that is admitted.
// Follows apiserver pkg/admission/plugin/webhook/mutating/dispatcher.go (callAttrMutatingHook) of v1.36.

import { internalError } from '../../../api/meta/errors.ts';
import { equalJson } from '../../../api/meta/equal.ts';
import { goQuote } from '../../../api/meta/go-format.ts';
import type { KubeObject } from '../../../api/meta/types.ts';
import { applyJsonPatch } from '../../../api/patch/json-patch.ts';
import { cloneTree } from '../../../api/patch/json-tree.ts';
import type { ObjectMachinery } from '../../machinery.ts';
import type { ResourceInfo } from '../../resources.ts';
import { CallFailure } from './call.ts';
import { convertObject } from './cover.ts';
import type { ReviewSubject, Verdict } from './review.ts';

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** The operations of the patch. Throws CallFailure. */
function operations(hook: string, { patch, patchType }: Verdict): unknown[] {
  if (patch === '') return [];
  let value: unknown;
  try {
    value = JSON.parse(patch);
    if (!Array.isArray(value)) throw new Error('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  } catch (error) {
    throw new CallFailure(hook, `received undecodable patch in webhook response: ${textOf(error)}`, 503);
  }
  if (value.length > 0 && patchType !== 'JSONPatch')
    throw new CallFailure(hook, `unsupported patch type ${goQuote(patchType)}`, 400);
  return value;
}

/** The object that the patch makes, decoded and defaulted like one that a client sends. Throws 500. */
function patched(machinery: ObjectMachinery, resource: ResourceInfo, object: KubeObject, ops: unknown[]): KubeObject {
  const { kind } = resource;
  let made: KubeObject;
  try {
    made = applyJsonPatch<KubeObject>(cloneTree(object), ops);
  } catch (error) {
    throw internalError(textOf(error));
  }
  if (made.kind !== object.kind || made.apiVersion !== object.apiVersion)
    throw internalError(
      `no kind ${goQuote(made.kind ?? '')} is registered for version ${goQuote(made.apiVersion ?? '')}`,
    );
  // The options of a connection and the bodies of some subresources are not the resource's own kind.
  if (object.kind !== kind.kind) return made;
  const { typeError } = machinery.check(kind, made, 'json');
  if (typeError !== undefined) throw internalError(typeError);
  kind.defaults?.(made);
  return made;
}

/** Changes what is admitted as the verdict asks; tells whether that changed anything. Throws CallFailure, and 500. */
export async function applyVerdict(
  machinery: ObjectMachinery,
  hook: string,
  subject: ReviewSubject,
  verdict: Verdict,
): Promise<boolean> {
  const ops = operations(hook, verdict);
  if (ops.length === 0) return false;
  const { at, resource, object } = subject;
  if (object === undefined || at.object === undefined) {
    const what = 'attempted to modify the object, which is not supported for this operation';
    throw internalError(`admission webhook ${goQuote(hook)} ${what}`);
  }
  const made = patched(machinery, resource, object, ops);
  if (equalJson(made, object)) return false;
  replaceContents(at.object, await convertObject(resource, at.resource, made));
  return true;
}

/** Puts the fields of one object in place of another's: whoever holds it sees the new ones. */
function replaceContents(target: KubeObject, source: KubeObject): void {
  for (const field of Object.keys(target)) Reflect.deleteProperty(target, field);
  Object.assign(target, source);
}
