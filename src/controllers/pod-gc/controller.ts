// Takes away pods that nobody else will: of nodes that are gone, finished ones beyond the limit, deleted ones never placed.

import type { Pod } from '../../api/generated/types.ts';
import { isApiError } from '../../api/meta/errors.ts';
import { formatTime } from '../../api/meta/time.ts';
import { nodes, pods } from '../../client/resources.ts';
import { sleep } from '../../lib/clock.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { decidePodGc, type PodGcAction, type PodGcState } from './decide.ts';

const periodMs = 20_000;

export const podGcController: Controller = (context) => {
  const { clock, logger, informers } = context;
  const { pods: podInformer, nodes: nodeInformer } = informers;
  return async (signal) => {
    let state: PodGcState = { missingSince: new Map() };
    while (!signal.aborted) {
      const round = decidePodGc(podInformer.list(), nodeInformer.list(), state, clock.now());
      ({ state } = round);
      const present = new Map<string, Promise<boolean>>();
      for (const action of round.actions) {
        if (signal.aborted) return;
        try {
          await carryOut(context, action, present, signal);
        } catch (error) {
          // The next round tries again.
          if (!signal.aborted)
            logger.warn('podgc: a pod could not be deleted', { pod: action.pod.metadata?.name, error });
        }
      }
      await sleep(clock, periodMs, signal);
    }
  };
};

/** `present` remembers which nodes the API was asked for in this round. */
async function carryOut(
  context: ControllerContext,
  action: PodGcAction,
  present: Map<string, Promise<boolean>>,
  signal: AbortSignal,
): Promise<void> {
  if (action.why === 'orphaned') {
    const asked = present.get(action.nodeName) ?? nodeExists(context, action.nodeName, signal);
    present.set(action.nodeName, asked);
    if (await asked) return;
  }
  try {
    await markFailed(context, action, signal);
    const { name = '', namespace = '', uid } = action.pod.metadata ?? {};
    const preconditions = uid === undefined ? {} : { preconditions: { uid } };
    await context.client.delete(pods, { name, namespace }, { gracePeriodSeconds: 0, ...preconditions, signal });
  } catch (error) {
    // Gone already, or a new pod of that name.
    if (!isApiError(error, 'NotFound') && !isApiError(error, 'Conflict')) throw error;
  }
}

async function nodeExists({ client }: ControllerContext, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    await client.get(nodes, { name }, { signal });
    return true;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return false;
    throw error;
  }
}

/** A pod that never ended says so before it goes, so that its controller and users see it as failed. */
async function markFailed(
  { client, clock }: ControllerContext,
  action: PodGcAction,
  signal: AbortSignal,
): Promise<void> {
  const { pod } = action;
  if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return;
  const body = { status: { phase: 'Failed', ...disruption(action, clock.now()) } };
  const { name = '', namespace = '' } = pod.metadata ?? {};
  await client.patch(pods, { name, namespace }, { type: 'strategic', body }, { subresource: 'status', signal });
}

function disruption(action: PodGcAction, now: number): Pick<NonNullable<Pod['status']>, 'conditions'> {
  if (action.why !== 'orphaned') return {};
  return {
    conditions: [
      {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'DeletionByPodGC',
        message: 'PodGC: node no longer exists',
        lastTransitionTime: formatTime(now),
      },
    ],
  };
}
