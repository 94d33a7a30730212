// Works out the kubelet path of pods/log, exec, attach and portforward, and checks the container that is meant.
// Follows pkg/registry/core/pod/strategy.go (LogLocation, streamLocation, PortForwardLocation) and rest/log.go of v1.36.

import type { Pod } from '../../api/generated/types.ts';
import {
  badRequest,
  FieldPath,
  type FieldError,
  invalid,
  invalidObject,
  forbiddenField,
} from '../../api/meta/errors.ts';
import { isTrue } from '../request-info.ts';
import type { RemoteCommandOptions } from '../http/streams/remote-command.ts';

const names = (containers: readonly { name?: string }[] | undefined): string[] =>
  (containers ?? []).map((c) => c.name ?? '');

/** The container that a request means. Throws 400 in upstream's words. */
export function chooseContainer(pod: Pod, asked: string): string {
  const name = pod.metadata?.name ?? '';
  const apps = names(pod.spec?.containers);
  const init = names(pod.spec?.initContainers);
  const ephemeral = names(pod.spec?.ephemeralContainers);
  if (asked !== '') {
    if (apps.includes(asked) || init.includes(asked) || ephemeral.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  const [only] = apps;
  if (only !== undefined && apps.length === 1) return only;
  if (apps.length === 0) throw badRequest(`a container name must be specified for pod ${name}`);
  let text = `a container name must be specified for pod ${name}, choose one of: [${apps.join(' ')}]`;
  if (init.length > 0) text += ` or one of the init containers: [${init.join(' ')}]`;
  if (ephemeral.length > 0) text += ` or one of the ephemeral containers: [${ephemeral.join(' ')}]`;
  throw badRequest(text);
}

function integerOption(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
  return Number(text);
}

/** The path of a container's log at the kubelet; undefined while the pod has no node. Throws 400 and 422. */
export function logPath(pod: Pod, query: URLSearchParams): string | undefined {
  const path = new FieldPath();
  const errors: FieldError[] = [];
  const tail = integerOption(query, 'tailLines');
  const limit = integerOption(query, 'limitBytes');
  const since = integerOption(query, 'sinceSeconds');
  const sinceTime = query.get('sinceTime') ?? '';
  if (tail !== undefined && tail < 0)
    errors.push(invalid(path.child('tailLines'), tail, 'must be greater than or equal to 0'));
  if (limit !== undefined && limit < 1) errors.push(invalid(path.child('limitBytes'), limit, 'must be greater than 0'));
  if (since !== undefined && sinceTime !== '')
    errors.push(forbiddenField(path, 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  else if (since !== undefined && since < 1)
    errors.push(invalid(path.child('sinceSeconds'), since, 'must be greater than 0'));
  if (errors.length > 0) throw invalidObject({ group: '', kind: 'PodLogOptions' }, pod.metadata?.name ?? '', errors);
  const container = chooseContainer(pod, query.get('container') ?? '');
  if (!pod.spec?.nodeName) return undefined;
  const params = new URLSearchParams();
  for (const flag of ['follow', 'previous', 'timestamps']) if (isTrue(query.get(flag))) params.set(flag, 'true');
  if (since !== undefined) params.set('sinceSeconds', String(since));
  if (sinceTime !== '') params.set('sinceTime', sinceTime);
  if (tail !== undefined) params.set('tailLines', String(tail));
  if (limit !== undefined) params.set('limitBytes', String(limit));
  const stream = query.get('stream') ?? '';
  if (stream !== '' && stream !== 'All') params.set('stream', stream);
  return withQuery(`/containerLogs/${podPath(pod)}/${encodeURIComponent(container)}`, params);
}

/** Which streams an exec or attach is to have. */
export function streamOptions(query: URLSearchParams): RemoteCommandOptions {
  // What the query leaves out is true by the options' defaults (core/v1 SetDefaults_PodExecOptions).
  const byDefault = (name: string): boolean => query.get(name) === null || isTrue(query.get(name));
  return {
    stdin: isTrue(query.get('stdin')),
    stdout: byDefault('stdout'),
    stderr: byDefault('stderr'),
    tty: isTrue(query.get('tty')),
  };
}

/** The path of exec or attach at the kubelet. Throws 400. */
export function streamPath(pod: Pod, kind: 'exec' | 'attach', query: URLSearchParams): string {
  const container = chooseContainer(pod, query.get('container') ?? '');
  assertAssigned(pod);
  const params = new URLSearchParams();
  const { stdin, stdout, stderr, tty } = streamOptions(query);
  if (stdin) params.set('input', '1');
  if (stdout) params.set('output', '1');
  if (stderr) params.set('error', '1');
  if (tty) params.set('tty', '1');
  if (kind === 'exec') {
    const command = query.getAll('command');
    if (command.length === 0) throw badRequest('you must specify at least 1 command for the container');
    for (const word of command) params.append('command', word);
  }
  if (!params.has('input') && !params.has('output') && !params.has('error'))
    throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  return withQuery(`/${kind}/${podPath(pod)}/${encodeURIComponent(container)}`, params);
}

/** The path of port-forward at the kubelet. */
export function portForwardPath(pod: Pod, query: URLSearchParams): string {
  assertAssigned(pod);
  const params = new URLSearchParams();
  for (const port of query.getAll('ports').flatMap((p) => p.split(','))) params.append('port', port);
  return withQuery(`/portForward/${podPath(pod)}`, params);
}

function assertAssigned(pod: Pod): void {
  if (!pod.spec?.nodeName) throw badRequest(`pod ${pod.metadata?.name ?? ''} does not have a host assigned`);
}

const podPath = (pod: Pod): string =>
  `${encodeURIComponent(pod.metadata?.namespace ?? '')}/${encodeURIComponent(pod.metadata?.name ?? '')}`;

const withQuery = (path: string, params: URLSearchParams): string =>
  params.size === 0 ? path : `${path}?${params.toString()}`;
