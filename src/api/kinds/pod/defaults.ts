// Fills in what a Pod leaves out. Follows pkg/apis/core/v1/defaults.go and conversion.go of v1.36.

import type {
  Container,
  EnvVar,
  EphemeralContainer,
  LifecycleHandler,
  Pod,
  PodSpec,
  PodStatus,
  Probe,
} from '../../generated/types.ts';
import { visitContainers } from '../../pod/containers.ts';
import { canonicalizeList, defaultPullPolicy, setDivisor } from './default-helpers.ts';
import { setPodLevelDefaults } from './pod-level-resources.ts';
import { setVolumeDefaults } from './volume-defaults.ts';

type AnyContainer = Container | EphemeralContainer;

function setHttpDefaults(handler: LifecycleHandler | Probe | undefined): void {
  if (!handler?.httpGet) return;
  handler.httpGet.path ||= '/';
  handler.httpGet.scheme ||= 'HTTP';
}

function setProbeDefaults(probe: Probe | undefined): void {
  if (!probe) return;
  setHttpDefaults(probe);
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  if (probe.grpc) probe.grpc.service ??= '';
}

/** Fills variables in place. */
export function setEnvDefaults(env: readonly EnvVar[] | undefined): void {
  for (const { valueFrom } of env ?? []) {
    if (valueFrom?.fieldRef) valueFrom.fieldRef.apiVersion ||= 'v1';
    if (valueFrom?.resourceFieldRef) setDivisor(valueFrom.resourceFieldRef);
    if (valueFrom?.fileKeyRef) valueFrom.fileKeyRef.optional ??= false;
  }
}

function setContainerDefaults(container: AnyContainer): void {
  container.imagePullPolicy ||= defaultPullPolicy(container.image);
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  container.resources ??= {};
  canonicalizeList(container.resources.requests);
  canonicalizeList(container.resources.limits);
  for (const port of container.ports ?? []) port.protocol ||= 'TCP';
  setEnvDefaults(container.env);
  setProbeDefaults(container.livenessProbe);
  setProbeDefaults(container.readinessProbe);
  setProbeDefaults(container.startupProbe);
  setHttpDefaults(container.lifecycle?.postStart);
  setHttpDefaults(container.lifecycle?.preStop);
}

// What is limited but not asked for is asked for in full.
function setRequests({ resources }: AnyContainer): void {
  for (const [name, value] of Object.entries(resources?.limits ?? {})) {
    if (resources && resources.requests?.[name] === undefined)
      resources.requests = { ...resources.requests, [name]: value };
  }
}

function setHostPorts(spec: PodSpec): void {
  for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
    for (const port of container.ports ?? []) if (!port.hostPort) port.hostPort = port.containerPort;
  }
}

/** What any PodSpec gets, of a pod or of a template. Follows SetDefaults_PodSpec and what is below it. */
function setSharedDefaults(spec: PodSpec): void {
  // The old name of the field always mirrors the new one.
  const account = spec.serviceAccountName || spec.serviceAccount;
  if (account) spec.serviceAccountName = spec.serviceAccount = account;
  spec.restartPolicy ||= 'Always';
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.schedulerName ||= 'default-scheduler';
  spec.terminationGracePeriodSeconds ??= 30;
  spec.securityContext ??= {};
  canonicalizeList(spec.overhead);
  canonicalizeList(spec.resources?.requests);
  canonicalizeList(spec.resources?.limits);
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume);
  for (const { container } of visitContainers(spec)) setContainerDefaults(container);
}

/** What only pods get. Follows SetDefaults_Pod. */
function setSpecDefaults(spec: PodSpec): void {
  setSharedDefaults(spec);
  spec.enableServiceLinks ??= true;
  for (const { container, type } of visitContainers(spec)) if (type !== 'ephemeral') setRequests(container);
  setPodLevelDefaults(spec);
  if (spec.hostNetwork) setHostPorts(spec);
}

/** Fills the defaults of a template's spec in place. Idempotent. */
export function setTemplateSpecDefaults(spec: PodSpec): void {
  setSharedDefaults(spec);
}

// Writers of the old single address and of the list agree in the end: the single one wins.
function setStatusDefaults(status: PodStatus): void {
  if (status.podIP && status.podIPs?.[0]?.ip !== status.podIP) status.podIPs = [{ ip: status.podIP }];
  const first = status.podIPs?.[0]?.ip;
  if (first) status.podIP = first;
}

/** Fills a Pod's defaults in place. Idempotent. A spec or status that is frozen has them, and is shared with an older version. */
export function setPodDefaults(pod: Pod): void {
  if (pod.spec && !Object.isFrozen(pod.spec)) {
    setSpecDefaults(pod.spec);
    // Of pods alone: a template keeps what it says. Follows conversion.go.
    if ((pod.spec.terminationGracePeriodSeconds ?? 0) < 0) pod.spec.terminationGracePeriodSeconds = 1;
  }
  if (pod.status && !Object.isFrozen(pod.status)) setStatusDefaults(pod.status);
}
