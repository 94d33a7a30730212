// Decides what to do about flow schemas and priority levels: those that every cluster has, and what each schema's status says.
// Follows pkg/registry/flowcontrol/ensurer and apiserver pkg/util/flowcontrol/apf_controller.go (syncFlowSchemaStatuses) of v1.36.

import type { FlowSchema, FlowSchemaCondition, PriorityLevelConfiguration } from '../../api/generated/types.ts';
import {
  autoUpdateAnnotation,
  mandatoryPriorityLevels,
} from '../../api/kinds/prioritylevelconfiguration/system-priority-levels.ts';
import { equalJson } from '../../api/meta/equal.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import { formatTime } from '../../api/meta/time.ts';

export type Configuration = FlowSchema | PriorityLevelConfiguration;

/** One write to a configuration object. */
export type Upkeep =
  | { do: 'create'; object: Configuration }
  | { do: 'update'; object: Configuration }
  | { do: 'delete'; object: Configuration };

/** A condition to write into the status of the flow schema of that name. */
export interface StatusUpdate {
  name: string;
  condition: FlowSchemaCondition;
}

const nameOf = ({ metadata }: Configuration): string => metadata?.name ?? '';

/** Whether the server keeps its spec: as its annotation says, or as long as nobody has changed it. */
function keepsItself({ metadata }: Configuration): boolean {
  const said = metadata?.annotations?.[autoUpdateAnnotation];
  return said === 'true' || (said !== 'false' && metadata?.generation === 1);
}

/** The spec that it shall have. The shares of `exempt` are its administrator's. */
function specFor(found: Configuration, wanted: Configuration): Configuration['spec'] {
  if (wanted.kind !== 'PriorityLevelConfiguration' || nameOf(wanted) !== 'exempt') return wanted.spec;
  const { exempt } = (found as PriorityLevelConfiguration).spec ?? {};
  const spec = (wanted as PriorityLevelConfiguration).spec;
  return spec && exempt ? { ...spec, exempt } : spec;
}

function mend(found: Configuration, wanted: Configuration, isMandatory: boolean): Upkeep[] {
  const isKept = isMandatory || keepsItself(found);
  const spec = isKept ? specFor(found, wanted) : found.spec;
  const said = String(isKept);
  const { annotations } = found.metadata ?? {};
  if (annotations?.[autoUpdateAnnotation] === said && equalJson(found.spec, spec)) return [];
  const metadata = { ...found.metadata, annotations: { ...annotations, [autoUpdateAnnotation]: said } };
  return [{ do: 'update', object: { ...found, metadata, spec } as Configuration }];
}

/** What is missing, what differs from what it shall be, and what an earlier version left behind. All are of one kind. */
export function decideUpkeep(
  found: readonly Configuration[],
  mandatory: readonly Configuration[],
  suggested: readonly Configuration[],
): Upkeep[] {
  const byName = new Map(found.map((object) => [nameOf(object), object]));
  const made = [...mandatory, ...suggested].flatMap((wanted, i): Upkeep[] => {
    const one = byName.get(nameOf(wanted));
    byName.delete(nameOf(wanted));
    return one === undefined ? [{ do: 'create', object: wanted }] : mend(one, wanted, i < mandatory.length);
  });
  const left = [...byName.values()].filter(
    ({ metadata }) =>
      metadata?.annotations?.[autoUpdateAnnotation] === 'true' && metadata.deletionTimestamp === undefined,
  );
  return [...made, ...left.map((object) => ({ do: 'delete', object }) as const)];
}

/** The mandatory levels count as there while they are being made again. */
const alwaysThere = mandatoryPriorityLevels.map(nameOf);

/** Whether each schema's priority level exists, where its status does not say so yet. `now` in ms. */
export function decideStatus(
  schemas: readonly FlowSchema[],
  levels: readonly PriorityLevelConfiguration[],
  now: number,
): StatusUpdate[] {
  const known = new Set([...levels.map(nameOf), ...alwaysThere]);
  return schemas.flatMap((schema) => {
    const level = schema.spec?.priorityLevelConfiguration?.name ?? '';
    const exists = known.has(level);
    const named = `This FlowSchema references the PriorityLevelConfiguration object named ${goQuote(level)}`;
    const wanted = {
      type: 'Dangling',
      status: exists ? 'False' : 'True',
      reason: exists ? 'Found' : 'NotFound',
      message: `${named} ${exists ? 'and it exists' : 'but there is no such object'}`,
    };
    const { status, reason, message } = schema.status?.conditions?.find(({ type }) => type === 'Dangling') ?? {};
    if (status === wanted.status && reason === wanted.reason && message === wanted.message) return [];
    return [{ name: nameOf(schema), condition: { ...wanted, lastTransitionTime: formatTime(now) } }];
  });
}
