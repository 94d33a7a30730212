// Has custom resources converted by the webhook of their definition.
// Follows apiextensions-apiserver pkg/apiserver/conversion/webhook_converter.go of v1.36.

import type { RemoteConversion } from '../../api/custom/custom-kinds.ts';
import { conversionReview, convertedObjects, kindOf, reviewVersionOf } from '../../api/custom/conversion-review.ts';
import type { WebhookConversion } from '../../api/generated/types.ts';
import { type CallDeps, postJson } from '../admission/webhook/call.ts';

const timeoutSeconds = 30;
/** Objects sent at once. */
const batchSize = 500;

/** Converts by the webhook; rejects with an Error in upstream's words. */
export function conversionWebhook(
  deps: CallDeps,
  { clientConfig = {}, conversionReviewVersions }: WebhookConversion,
  signal: AbortSignal,
): RemoteConversion {
  const version = reviewVersionOf(conversionReviewVersions);
  return async (objects, apiVersion) => {
    if (version === undefined) throw new Error('no supported conversion review versions');
    const converted = [];
    for (let at = 0; at < objects.length; at += batchSize) {
      const batch = objects.slice(at, at + batchSize);
      const uid = deps.random.uuid();
      const body = Buffer.from(JSON.stringify(conversionReview(version, uid, batch, apiVersion)));
      const answer = await postJson(
        deps,
        { clientConfig, timeoutSeconds, query: `?timeout=${timeoutSeconds}s` },
        body,
        signal,
      ).catch((error: unknown) => {
        const why = error instanceof Error ? error.message : String(error);
        throw new Error(`conversion webhook for ${kindOf(batch[0] ?? {})} failed: ${why}`, { cause: error });
      });
      converted.push(...convertedObjects(version, uid, answer, batch, apiVersion));
    }
    return converted;
  };
}
