// Checks of a container's ports, volume mounts and volume devices. Follows pkg/apis/core/validation/validation.go of v1.36.

import type { Container, ContainerPort, VolumeDevice, VolumeMount } from '../../../generated/types.ts';
import {
  duplicate,
  type FieldError,
  type FieldPath,
  forbiddenField,
  invalid,
  notFoundValue,
  required,
} from '../../../meta/errors.ts';
import { portName, portNumber } from '../../../meta/names.ts';
import { descendingPath, noBacksteps, oneOf, type PodContext, requiredOneOf } from './shared.ts';

export const protocols = ['SCTP', 'TCP', 'UDP'];

const numberErrors = (path: FieldPath, port: number): FieldError[] =>
  portNumber(port).map((message) => invalid(path, port, message));

export function validatePorts(path: FieldPath, ports: readonly ContainerPort[] | undefined): FieldError[] {
  const names = new Set<string>();
  return (ports ?? []).flatMap((port, i) => {
    const at = path.index(i);
    const errors: FieldError[] = [];
    if (port.name) {
      const messages = portName(port.name);
      for (const message of messages) errors.push(invalid(at.child('name'), port.name, message));
      if (messages.length === 0 && names.has(port.name)) errors.push(duplicate(at.child('name'), port.name));
      if (messages.length === 0) names.add(port.name);
    }
    if (!port.containerPort) errors.push(required(at.child('containerPort')));
    else errors.push(...numberErrors(at.child('containerPort'), port.containerPort));
    if (port.hostPort) errors.push(...numberErrors(at.child('hostPort'), port.hostPort));
    return [...errors, ...requiredOneOf(at.child('protocol'), port.protocol, protocols)];
  });
}

/** No two ports of these containers may claim the same port of the host. */
export function hostPortConflicts(path: FieldPath, containers: readonly Container[]): FieldError[] {
  const taken = new Set<string>();
  return containers.flatMap((container, c) =>
    (container.ports ?? []).flatMap((port, p) => {
      if (!port.hostPort) return [];
      const claim = `${port.protocol ?? ''}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (taken.has(claim)) return [duplicate(path.index(c).child('ports').index(p).child('hostPort'), claim)];
      taken.add(claim);
      return [];
    }),
  );
}

export function validateMounts(
  path: FieldPath,
  container: Container,
  { volumes }: Pick<PodContext, 'volumes'>,
): FieldError[] {
  const devices = container.volumeDevices ?? [];
  const points = new Set<string>();
  return (container.volumeMounts ?? []).flatMap((mount, i) => {
    const at = path.index(i);
    const name = mount.name ?? '';
    const mountPath = mount.mountPath ?? '';
    const errors: FieldError[] = [];
    if (name === '') errors.push(required(at.child('name')));
    if (!volumes.has(name)) errors.push(notFoundValue(at.child('name'), name));
    if (mountPath === '') errors.push(required(at.child('mountPath')));
    if (points.has(mountPath)) errors.push(invalid(at.child('mountPath'), mountPath, 'must be unique'));
    points.add(mountPath);
    if (devices.some((device) => device.name === name)) {
      errors.push(invalid(at.child('name'), name, 'must not already exist in volumeDevices'));
    }
    if (devices.some((device) => device.devicePath === mountPath)) {
      errors.push(invalid(at.child('mountPath'), mountPath, 'must not already exist as a path in volumeDevices'));
    }
    return [...errors, ...validateSubPaths(path, at, mount), ...validatePropagation(path, mount, container)];
  });
}

// Upstream puts some of these errors on the list instead of the entry.
function validateSubPaths(list: FieldPath, at: FieldPath, { subPath, subPathExpr }: VolumeMount): FieldError[] {
  const errors = subPath ? descendingPath(list.child('subPath'), subPath) : [];
  if (!subPathExpr) return errors;
  if (subPath)
    errors.push(invalid(at.child('subPathExpr'), subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
  return [...errors, ...descendingPath(list.child('subPathExpr'), subPathExpr)];
}

function validatePropagation(list: FieldPath, mount: VolumeMount, container: Container): FieldError[] {
  const { mountPropagation: mode, recursiveReadOnly: recursive } = mount;
  const errors: FieldError[] = [];
  if (mode !== undefined) {
    const path = list.child('mountPropagation');
    errors.push(...oneOf(path, mode, ['Bidirectional', 'HostToContainer', 'None']));
    if (mode === 'Bidirectional' && !container.securityContext?.privileged) {
      errors.push(forbiddenField(path, 'Bidirectional mount propagation is available only to privileged containers'));
    }
  }
  if (recursive === undefined || recursive === 'Disabled') return errors;
  const path = list.child('recursiveReadOnly');
  if (recursive !== 'Enabled' && recursive !== 'IfPossible') {
    return [...errors, ...oneOf(path, recursive, ['Disabled', 'Enabled', 'IfPossible'])];
  }
  if (!mount.readOnly) errors.push(forbiddenField(path, 'may only be specified when readOnly is true'));
  if (mode !== undefined && mode !== 'None') {
    errors.push(forbiddenField(path, 'may only be specified when mountPropagation is None or not specified'));
  }
  return errors;
}

export function validateDevices(path: FieldPath, container: Container, { volumes }: PodContext): FieldError[] {
  const mounts = container.volumeMounts ?? [];
  const names = new Set<string>();
  const paths = new Set<string>();
  return (container.volumeDevices ?? []).flatMap((device: VolumeDevice, i) => {
    const at = path.index(i);
    const { name, devicePath } = device;
    const [namePath, pathPath] = [at.child('name'), at.child('devicePath')];
    const volume = volumes.get(name);
    const errors: FieldError[] = [];
    if (name === '') errors.push(required(namePath));
    if (names.has(name)) errors.push(invalid(namePath, name, 'must be unique'));
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral) {
      const detail = 'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode';
      errors.push(invalid(namePath, name, detail));
    }
    if (!volume) errors.push(notFoundValue(namePath, name));
    if (devicePath === '') errors.push(required(pathPath));
    if (paths.has(devicePath)) errors.push(invalid(pathPath, devicePath, 'must be unique'));
    if (noBacksteps(pathPath, devicePath).length)
      errors.push(invalid(pathPath, devicePath, "can not contain backsteps ('..')"));
    else paths.add(devicePath);
    if (mounts.some((mount) => mount.name === name))
      errors.push(invalid(namePath, name, 'must not already exist in volumeMounts'));
    if (mounts.some((mount) => mount.mountPath === devicePath)) {
      errors.push(invalid(pathPath, devicePath, 'must not already exist as a path in volumeMounts'));
    }
    if (name) names.add(name);
    return errors;
  });
}
