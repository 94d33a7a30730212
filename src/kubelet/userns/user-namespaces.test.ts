import { beforeEach, describe, expect, it } from 'vitest';
import type { Pod } from '../../api/generated/types.ts';
import type { RuntimeStatus } from '../../cri/runtime.ts';
import type { Files } from '../../lib/system.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createUserNamespaces, type UserNamespaces } from './user-namespaces.ts';

const k = 65_536;
const podOf = (uid: string, hostUsers?: boolean, runtimeClassName?: string): Pod =>
  ({ metadata: { uid }, spec: { containers: [], hostUsers, runtimeClassName } }) as unknown as Pod;
const users = (hostId: number) => {
  const mapping = { hostId, containerId: 0, length: k };
  return { mode: 'pod', uids: [mapping], gids: [mapping] };
};
const content = (uid: object, gid: object = uid): string => JSON.stringify({ uidMappings: [uid], gidMappings: [gid] });
const range = { hostId: k, containerId: 0, length: k };

let files: Files;
let features: RuntimeStatus['handlers'];
const create = (): UserNamespaces =>
  createUserNamespaces({
    root: '/k',
    files,
    random: { float: () => 0 },
    mostPods: 2,
    span: { first: k, length: 2 * k },
    handlers: async (name) => name ?? '',
    features: async () => features,
  });
const leave = async (uid: string, text: string): Promise<void> => {
  await files.mkdir(`/k/pods/${uid}`, { recursive: true });
  await files.writeFile(`/k/pods/${uid}/userns`, text);
};
beforeEach(async () => {
  files = createMemoryFiles();
  await files.mkdir('/k');
  features = [
    { name: '', recursiveReadOnlyMounts: true, userNamespaces: true },
    { name: 'old', recursiveReadOnlyMounts: true, userNamespaces: false },
  ];
});

describe('the users of a pod', () => {
  it.each([undefined, true])('are those of the node where hostUsers is %s', async (hostUsers) => {
    features = [];
    expect(await create().of(podOf('a', hostUsers))).toEqual({ mode: 'node', uids: [], gids: [] });
    expect(await files.lstat('/k/pods/a')).toBeUndefined();
  });

  it('are a range of its own, the same each time, written down for the next kubelet', async () => {
    const first = create();
    expect(await first.of(podOf('a', false))).toEqual(users(k));
    expect(await first.of(podOf('a', false))).toEqual(users(k));
    expect((await files.readFile('/k/pods/a/userns')).toString()).toBe(content(range));
    const next = create();
    await next.load(['a', 'without']);
    expect(await next.of(podOf('b', false))).toEqual(users(2 * k));
    expect(await next.of(podOf('a', false))).toEqual(users(k));
  });

  it('go to another once they are given back', async () => {
    const namespaces = create();
    await namespaces.of(podOf('a', false));
    await namespaces.of(podOf('b', false));
    await expect(namespaces.of(podOf('c', false))).rejects.toThrow(
      'create user namespace: could not find an empty slot to allocate a user namespace',
    );
    namespaces.release('a');
    expect(await namespaces.of(podOf('c', false))).toEqual(users(k));
  });

  it('are nobody else`s meanwhile, and free again, where they cannot be written down', async () => {
    const namespaces = create();
    await files.writeFile('/k/pods', 'in the way');
    await expect(namespaces.of(podOf('a', false))).rejects.toThrow('create user namespace: ');
    await files.unlink('/k/pods');
    expect(await namespaces.of(podOf('b', false))).toEqual(users(k));
    expect(await namespaces.of(podOf('c', false))).toEqual(users(2 * k));
  });

  it.each([
    ['old', 'RuntimeClass handler "old" does not support user namespaces'],
    ['odd', 'RuntimeClass handler "odd" does not support user namespaces: the handler "odd" is not known'],
  ])('are refused where the handler %s has none', async (handler, message) => {
    await expect(create().of(podOf('a', false, handler))).rejects.toThrow(
      new Error(`can't set \`spec.hostUsers: false\`, ${message}`),
    );
  });

  it('are refused by a runtime that tells of no handlers, as containerd 1.6', async () => {
    features = [];
    await expect(create().of(podOf('a', false))).rejects.toThrow(
      'can\'t set `spec.hostUsers: false`, runtime does not support user namespaces: the handler "" is not known',
    );
  });
});

describe('what an earlier kubelet left', () => {
  it.each([
    ['{', 'invalid user namespace mappings file'],
    ['{}', 'no more than one mapping allowed'],
    [JSON.stringify({ uidMappings: [range, range], gidMappings: [range] }), 'no more than one mapping allowed'],
    [JSON.stringify({ uidMappings: [range] }), 'GID and UID mappings should be identical'],
    [content(range, { ...range, hostId: 2 * k }), 'GID and UID mapping should be identical'],
    [content({ ...range, containerId: 1 }), 'UID 0 must be mapped'],
    [content({ ...range, length: 10 }), 'wrong user namespace length 10'],
    [content({ ...range, hostId: 9 * k }), 'id 589824 is out of range'],
    [content({ ...range, hostId: 'x' }), 'no more than one mapping allowed'],
  ])('%s is refused', async (text, message) => {
    await leave('a', text);
    const loading = create().load(['a']);
    await expect(loading).rejects.toThrow('record pod mappings for existing pod "a": ');
    await expect(loading).rejects.toThrow(message);
  });
  it('must not give one range to two pods', async () => {
    await leave('a', content(range));
    await leave('b', content(range));
    await expect(create().load(['a', 'b'])).rejects.toThrow('range picked for pod "b" already taken');
  });
});
