// The condition Available of APIServices. Follows kube-aggregator pkg/apis/apiregistration/helpers.go of v1.36. Pure.

import type { APIServiceCondition, APIServiceStatus } from '../../generated/types.ts';
import { formatTime } from '../../meta/time.ts';

/** What is known of a server; when it changed is added where it is noted. */
export type Availability = Required<Omit<APIServiceCondition, 'lastTransitionTime' | 'type'>>;

export const availableCondition = (status: APIServiceStatus | undefined): APIServiceCondition | undefined =>
  status?.conditions?.find(({ type }) => type === 'Available');

/** Of what this server answers itself. */
export const localAvailability: Availability = {
  status: 'True',
  reason: 'Local',
  message: 'Local APIServices are always available',
};

/** The status with that condition; the time is kept where True stays True, and so on. `now` in ms. */
export function withAvailability(
  status: APIServiceStatus | undefined,
  availability: Availability,
  now: number,
): APIServiceStatus {
  const old = availableCondition(status);
  const since = old?.status === availability.status ? old.lastTransitionTime : undefined;
  const made = { type: 'Available', ...availability, lastTransitionTime: since ?? formatTime(now) };
  const conditions = status?.conditions ?? [];
  return {
    ...status,
    conditions: old === undefined ? [...conditions, made] : conditions.map((one) => (one === old ? made : one)),
  };
}

/** Whether the status says just that. */
export function saysSo(status: APIServiceStatus | undefined, { status: is, reason, message }: Availability): boolean {
  const old = availableCondition(status);
  return old?.status === is && old.reason === reason && old.message === message;
}
