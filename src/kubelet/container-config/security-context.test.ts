import { describe, expect, it } from 'vitest';
import type { Container, Pod, PodSpec } from '../../api/generated/types.ts';
import {
  containerSecurityContext,
  effectiveSecurityContext,
  namespaceOptions,
  verifyRunAsNonRoot,
} from './security-context.ts';

const podOf = (spec: Partial<PodSpec>): Pod =>
  ({ metadata: { name: 'web', namespace: 'shop', uid: 'u-1' }, spec: { containers: [], ...spec } }) as unknown as Pod;
const container = (securityContext?: Container['securityContext']): Container => ({
  name: 'app',
  ...(securityContext ? { securityContext } : {}),
});
const options = { image: {}, seccompRoot: '/k/seccomp', userns: undefined };

describe('effectiveSecurityContext', () => {
  it("lets the container override the pod, field by field, and keeps the pod's groups out", () => {
    const pod = podOf({ securityContext: { runAsUser: 1, runAsGroup: 2, runAsNonRoot: true, fsGroup: 3 } });
    expect(effectiveSecurityContext(pod, container({ runAsUser: 9, privileged: true }))).toEqual({
      runAsUser: 9,
      runAsGroup: 2,
      runAsNonRoot: true,
      privileged: true,
    });
  });
});

describe('verifyRunAsNonRoot', () => {
  const where = '(pod: "web_shop(u-1)", container: app)';
  const strict = podOf({ securityContext: { runAsNonRoot: true } });
  it.each([
    ['root by user', strict, container({ runAsUser: 0 }), {}, `container's runAsUser breaks non-root policy ${where}`],
    ['root image', strict, container(), { uid: 0 }, `container has runAsNonRoot and image will run as root ${where}`],
    ['silent image', strict, container(), {}, `container has runAsNonRoot and image will run as root ${where}`],
    [
      'named image user',
      strict,
      container(),
      { username: 'www' },
      `container has runAsNonRoot and image has non-numeric user (www), cannot verify user is non-root ${where}`,
    ],
  ])('refuses %s', (_, pod, c, image, message) => {
    expect(() => verifyRunAsNonRoot(pod, c, image)).toThrow(new Error(message));
  });
  it.each([
    ['numeric image user', strict, container(), { uid: 33 }],
    ['own user', strict, container({ runAsUser: 1000 }), { uid: 0 }],
    ['no demand', podOf({}), container(), { uid: 0 }],
    ['container that lifts it', strict, container({ runAsNonRoot: false }), { uid: 0 }],
  ])('lets a %s pass', (_, pod, c, image) => expect(() => verifyRunAsNonRoot(pod, c, image)).not.toThrow());
});

describe('namespaceOptions', () => {
  it.each([
    [{}, { network: 'pod', ipc: 'pod', pid: 'container' }],
    [{ hostNetwork: true }, { network: 'node', ipc: 'pod', pid: 'container' }],
    [
      { hostIPC: true, hostPID: true },
      { network: 'pod', ipc: 'node', pid: 'node' },
    ],
    [{ shareProcessNamespace: true }, { network: 'pod', ipc: 'pod', pid: 'pod' }],
  ])('%j', (spec, expected) => {
    const userns = { mode: 'node' as const, uids: [], gids: [] };
    expect(namespaceOptions(podOf(spec), userns)).toEqual({ ...expected, userns });
  });
});

describe('containerSecurityContext', () => {
  it('has safe defaults', () => {
    const context = containerSecurityContext(podOf({}), container(), options);
    expect(context).toMatchObject({
      runAsUser: 0,
      privileged: false,
      readonlyRootfs: false,
      noNewPrivs: false,
      supplementalGroups: [],
      seccomp: { type: 'unconfined' },
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    });
    expect(context.maskedPaths).toContain('/proc/kcore');
    expect(context).not.toHaveProperty('capabilities');
    expect(context).not.toHaveProperty('apparmor');
  });

  it('maps every field', () => {
    const pod = podOf({
      securityContext: {
        runAsUser: 1000,
        runAsGroup: 3000,
        fsGroup: 2000,
        supplementalGroups: [4000],
        seccompProfile: { type: 'RuntimeDefault' },
      },
    });
    const context = containerSecurityContext(
      pod,
      container({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
        procMount: 'Unmasked',
        appArmorProfile: { type: 'Localhost', localhostProfile: 'strict' },
      }),
      options,
    );
    expect(context).toEqual({
      namespaceOptions: { network: 'pod', ipc: 'pod', pid: 'container' },
      runAsUser: 1000,
      runAsGroup: 3000,
      supplementalGroups: [2000, 4000],
      seccomp: { type: 'runtimeDefault' },
      apparmor: { type: 'localhost', localhostRef: 'strict' },
      privileged: false,
      readonlyRootfs: true,
      noNewPrivs: true,
      capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
      maskedPaths: [],
      readonlyPaths: [],
    });
  });

  it.each([
    [{ uid: 33 }, { runAsUser: 33 }],
    [{ username: 'www' }, { runAsUsername: 'www' }],
  ])('runs as the image says: %j', (image, expected) => {
    const context = containerSecurityContext(podOf({}), container(), { ...options, image });
    expect(context).toMatchObject(expected);
  });

  it('resolves localhost profiles in their folder only', () => {
    const of = (localhostProfile: string): unknown =>
      containerSecurityContext(
        podOf({}),
        container({ seccompProfile: { type: 'Localhost', localhostProfile } }),
        options,
      ).seccomp;
    expect(of('a/b.json')).toEqual({ type: 'localhost', localhostRef: '/k/seccomp/a/b.json' });
    expect(() => of('')).toThrow('localhostProfile must be set if seccompProfile type is Localhost.');
    expect(() => of('../x')).toThrow('relative path');
    expect(() => of('/etc/x')).toThrow('relative path');
  });

  it('refuses a strict group policy that the runtime does not know', () => {
    const pod = podOf({ securityContext: { supplementalGroupsPolicy: 'Strict' } });
    expect(() => containerSecurityContext(pod, container(), options)).toThrow('SupplementalGroupsPolicy=Strict');
    expect(
      containerSecurityContext(pod, container(), { ...options, supportsGroupsPolicy: true }).supplementalGroupsPolicy,
    ).toBe('strict');
  });

  it("joins its target's processes, where each container has its own", () => {
    const target = { ...options, targetContainerId: 'abc' };
    const own = containerSecurityContext(podOf({}), container(), target);
    expect(own.namespaceOptions).toMatchObject({ pid: 'target', targetId: 'abc' });
    const shared = containerSecurityContext(podOf({ shareProcessNamespace: true }), container(), target);
    expect(shared.namespaceOptions).toMatchObject({ pid: 'pod' });
  });
});
