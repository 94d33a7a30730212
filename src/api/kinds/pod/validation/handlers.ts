// Checks of probes and lifecycle hooks. Follows pkg/apis/core/validation/validation.go of v1.36.

import type { Container, HTTPGetAction, Lifecycle, LifecycleHandler, Probe } from '../../../generated/types.ts';
import { type FieldError, type FieldPath, forbiddenField, invalid, required } from '../../../meta/errors.ts';
import { httpHeaderName, portName, portNumber } from '../../../meta/names.ts';
import { nonNegative } from '../../../meta/validate-meta.ts';
import { need, oneOf, type PodContext } from './shared.ts';

function validatePort(path: FieldPath, port: string | number | undefined): FieldError[] {
  const value = port ?? 0;
  const messages = typeof value === 'number' ? portNumber(value) : portName(value);
  return messages.map((message) => invalid(path, value, message));
}

function validateHttpGet(path: FieldPath, http: HTTPGetAction): FieldError[] {
  return [
    ...need(path.child('path'), http.path),
    ...validatePort(path.child('port'), http.port),
    ...oneOf(path.child('scheme'), http.scheme ?? '', ['HTTP', 'HTTPS']),
    ...(http.httpHeaders ?? []).flatMap(({ name }) =>
      httpHeaderName(name).map((message) => invalid(path.child('httpHeaders'), name, message)),
    ),
  ];
}

type Handler = LifecycleHandler & Pick<Probe, 'grpc'>;

function validateHandler(path: FieldPath, handler: Handler, gracePeriod: number | undefined): FieldError[] {
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  const checks: [string, (() => FieldError[]) | undefined][] = [
    ['exec', exec && (() => need(path.child('exec', 'command'), exec.command))],
    ['httpGet', httpGet && (() => validateHttpGet(path.child('httpGet'), httpGet))],
    ['tcpSocket', tcpSocket && (() => validatePort(path.child('tcpSocket', 'port'), tcpSocket.port))],
    ['grpc', grpc && (() => validatePort(path.child('grpc', 'port'), grpc.port))],
    ['sleep', sleep && (() => validateSleep(path.child('sleep'), sleep.seconds, gracePeriod))],
  ];
  const given = checks.filter(([, check]) => check);
  if (given.length === 0) return [required(path, 'must specify a handler type')];
  return given.flatMap(([name, check], i) =>
    i === 0 ? (check?.() ?? []) : [forbiddenField(path.child(name), 'may not specify more than 1 handler type')],
  );
}

function validateSleep(path: FieldPath, seconds: number, gracePeriod: number | undefined): FieldError[] {
  if (gracePeriod === undefined || (seconds >= 0 && seconds <= gracePeriod)) return [];
  const detail = `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriod})`;
  return [invalid(path, seconds, detail)];
}

function validateProbe(path: FieldPath, probe: Probe, gracePeriod: number | undefined): FieldError[] {
  const errors = validateHandler(path, probe, gracePeriod);
  for (const field of [
    'initialDelaySeconds',
    'timeoutSeconds',
    'periodSeconds',
    'successThreshold',
    'failureThreshold',
  ] as const) {
    errors.push(...nonNegative(path.child(field), probe[field]));
  }
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0) {
    errors.push(invalid(path.child('terminationGracePeriodSeconds'), grace, 'must be greater than 0'));
  }
  return errors;
}

/** Checks liveness, readiness and startup probes, and hooks, of a container that may have them. */
export function validateProbesAndHooks(path: FieldPath, container: Container, context: PodContext): FieldError[] {
  const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container;
  const errors: FieldError[] = lifecycle ? validateLifecycle(path.child('lifecycle'), lifecycle, context) : [];
  const once = (at: FieldPath, probe: Probe): FieldError[] =>
    probe.successThreshold === 1
      ? []
      : [invalid(at.child('successThreshold'), probe.successThreshold ?? 0, 'must be 1')];
  if (livenessProbe) {
    const at = path.child('livenessProbe');
    errors.push(...validateProbe(at, livenessProbe, context.gracePeriod), ...once(at, livenessProbe));
  }
  if (readinessProbe) {
    const at = path.child('readinessProbe');
    errors.push(...validateProbe(at, readinessProbe, context.gracePeriod));
    const grace = readinessProbe.terminationGracePeriodSeconds;
    if (grace !== undefined) {
      errors.push(invalid(at.child('terminationGracePeriodSeconds'), grace, 'must not be set for readinessProbes'));
    }
  }
  if (startupProbe) {
    const at = path.child('startupProbe');
    errors.push(...validateProbe(at, startupProbe, context.gracePeriod), ...once(at, startupProbe));
  }
  return errors;
}

const realtime = [
  'SIGRTMIN',
  ...Array.from({ length: 15 }, (_, i) => `SIGRTMIN+${i + 1}`),
  ...Array.from({ length: 14 }, (_, i) => `SIGRTMAX-${i + 1}`),
  'SIGRTMAX',
];
const linuxSignals = [
  'ABRT',
  'ALRM',
  'BUS',
  'CHLD',
  'CLD',
  'CONT',
  'FPE',
  'HUP',
  'ILL',
  'INT',
  'IO',
  'IOT',
  'KILL',
  'PIPE',
  'POLL',
  'PROF',
  'PWR',
  'QUIT',
  'SEGV',
  'STKFLT',
  'STOP',
  'SYS',
  'TERM',
  'TRAP',
  'TSTP',
  'TTIN',
  'TTOU',
  'URG',
  'USR1',
  'USR2',
  'VTALRM',
  'WINCH',
  'XCPU',
  'XFSZ',
]
  .map((name) => `SIG${name}`)
  .concat(realtime)
  .sort();

function validateLifecycle(path: FieldPath, lifecycle: Lifecycle, { gracePeriod, os }: PodContext): FieldError[] {
  const errors: FieldError[] = [];
  if (lifecycle.postStart) errors.push(...validateHandler(path.child('postStart'), lifecycle.postStart, gracePeriod));
  if (lifecycle.preStop) errors.push(...validateHandler(path.child('preStop'), lifecycle.preStop, gracePeriod));
  if (lifecycle.stopSignal !== undefined) {
    const at = path.child('stopSignal');
    if (os === undefined) errors.push(forbiddenField(at, 'may not be set for containers with empty `spec.os.name`'));
    else if (os === 'windows') errors.push(...oneOf(at, lifecycle.stopSignal, ['SIGKILL', 'SIGTERM']));
    else if (os === 'linux') errors.push(...oneOf(at, lifecycle.stopSignal, linuxSignals));
  }
  return errors;
}
