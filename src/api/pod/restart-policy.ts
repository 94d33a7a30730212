// Whether a container that ended is started again. Follows ContainerShouldRestart in pkg/api/v1/pod/util.go of v1.36.

import type { Container, ContainerRestartRule, PodSpec } from '../generated/types.ts';

function matches({ exitCodes }: ContainerRestartRule, exitCode: number): boolean {
  const listed = exitCodes?.values?.includes(exitCode) ?? false;
  if (exitCodes?.operator === 'In') return listed;
  return exitCodes?.operator === 'NotIn' && !listed;
}

/** The first of the container's rules that matches the exit code. */
export const matchingRestartRule = (container: Container, exitCode: number): ContainerRestartRule | undefined =>
  container.restartPolicy === undefined
    ? undefined
    : container.restartPolicyRules?.find((rule) => matches(rule, exitCode));

/** The policy that counts for one container: its own, else the pod's, which is Always where it is unset. */
export const restartPolicyOf = (container: Container, spec: PodSpec): string =>
  container.restartPolicy ?? spec.restartPolicy ?? 'Always';

/** Whether it runs again after that exit code: by its rules, else its own policy, else the pod's. */
export function shouldRestart(container: Container, spec: PodSpec, exitCode: number): boolean {
  if (matchingRestartRule(container, exitCode)) return true;
  switch (restartPolicyOf(container, spec)) {
    case 'Never':
      return false;
    case 'OnFailure':
      return exitCode !== 0;
    default:
      return true;
  }
}

/** Whether some container's end can restart the whole pod. */
export const allContainersCouldRestart = (spec: PodSpec): boolean =>
  [...spec.containers, ...(spec.initContainers ?? [])].some((container) =>
    container.restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'),
  );
