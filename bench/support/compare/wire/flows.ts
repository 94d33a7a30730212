// Flows of requests on objects of every kind: server-side apply by several managers, strategic and JSON patches, subresources, requests for certificates and tokens, and quotas.
import { base64, certificateRequest } from '../../../../test/support/certificate-request.ts';
import { everyKind } from '../../../../test/support/every-kind-objects.ts';
import { mayBeKept } from '../changes.ts';
import { richObjects } from '../rich-objects.ts';
import type { Comparison } from './exchange.ts';
import { applySteps } from './flows/applied.ts';
import { certificateSteps } from './flows/certificates.ts';
import { jsonPatchSteps } from './flows/json-patches.ts';
import { nodeSteps } from './flows/nodes.ts';
import { podSteps } from './flows/pods.ts';
import { quotaSteps } from './flows/quotas.ts';
import { type Fields, run } from './flows/step.ts';
import { strategicSteps } from './flows/strategic.ts';
import { tokenSteps } from './flows/tokens.ts';

export async function compareFlows(comparison: Comparison, paths: ReadonlyMap<string, string>): Promise<void> {
  await run(comparison, 'strategic', strategicSteps);
  await Promise.all([
    run(comparison, 'json patch', jsonPatchSteps),
    run(comparison, 'pods', podSteps),
    run(comparison, 'tokens', tokenSteps),
    run(comparison, 'quotas', quotaSteps),
    run(comparison, 'nodes and namespaces', nodeSteps),
    run(comparison, 'certificates', await certificateSteps()),
  ]);
  const { pem } = await certificateRequest('CN=jane');
  for (const [name, object] of [...everyKind({ namespace: 'applied', request: base64(pem) }), ...richObjects]) {
    const path = paths.get(`${String(object['apiVersion'])}/${String(object['kind'])}`);
    if (path !== undefined && mayBeKept(object as Fields))
      await run(comparison, `applied ${name}`, applySteps(path, object as Fields));
  }
}
