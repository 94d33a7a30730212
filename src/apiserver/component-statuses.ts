// Answers v1/componentstatuses: the health of what runs beside the API server, looked at when asked for.
// Follows pkg/registry/core/componentstatus/rest.go of v1.36.

import type { ComponentCondition } from '../api/generated/types.ts';
import { componentStatusKind } from '../api/kinds/componentstatus/definition.ts';
import { methodNotAllowed, methodNotServed, notFound } from '../api/meta/errors.ts';
import type { HealthCheck } from './health.ts';
import { renderingOf } from './negotiation.ts';
import { listOptions } from './registry/list-options.ts';
import { encodeObject, ObjectVersion, type StoredObject } from './registry/object-version.ts';
import { selects } from './registry/resource-cache.ts';
import { resourceInfo } from './resources.ts';
import type { VirtualResource } from './virtual.ts';

const info = resourceInfo(componentStatusKind);

/** What the check says of it; one that cannot be made is an error. */
async function conditionOf({ check }: HealthCheck): Promise<ComponentCondition> {
  try {
    const fault = await check();
    return { type: 'Healthy', status: fault === undefined ? 'True' : 'False', message: fault ?? 'ok' };
  } catch (error) {
    return { type: 'Healthy', status: 'False', error: error instanceof Error ? error.message : String(error) };
  }
}

async function statusOf(component: HealthCheck): Promise<ObjectVersion> {
  const { name } = component;
  const conditions = [await conditionOf(component)];
  const bytes = encodeObject({
    kind: 'ComponentStatus',
    apiVersion: 'v1',
    metadata: { name },
    conditions,
  } as StoredObject);
  return new ObjectVersion(componentStatusKind, { key: name, namespace: '', name }, bytes, 0, 0);
}

/** The resource, for these components: in their order, each with its check. */
export function componentStatuses(components: readonly HealthCheck[]): VirtualResource {
  return {
    ...componentStatusKind,
    async read(request, { verb, name }) {
      if (verb === 'list') {
        const rendering = renderingOf(request, info, 'list');
        const { selection } = listOptions(info, '', name, request.query, false);
        const all = await Promise.all(components.map(statusOf));
        const objects = all.filter((one) => selects(selection, one));
        const list = { objects, revision: 0, continue: '', remainingItemCount: undefined };
        return { type: 'list', resource: info, list, rendering };
      }
      if (verb === 'watch') throw methodNotAllowed(info.qualified, 'watch');
      if (verb !== 'get') throw methodNotServed();
      const rendering = renderingOf(request, info, 'object');
      const component = components.find((one) => one.name === name);
      // Upstream names the resource in the singular here.
      if (component === undefined) throw notFound({ group: '', resource: 'componentstatus' }, name);
      return { type: 'object', code: 200, resource: info, object: await statusOf(component), rendering };
    },
  };
}
