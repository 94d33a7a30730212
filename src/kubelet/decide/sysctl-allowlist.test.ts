import { expect, test } from 'vitest';
import { createSysctlAllowlist, unsafeSysctlProblem } from './sysctl-allowlist.ts';

const list = createSysctlAllowlist('4.5.0-generic', ['kernel.msg*', 'net/core/somaxconn']);

test.each<[string, object, string | undefined]>([
  ['kernel.shm_rmid_forced', {}, undefined],
  ['kernel/shm_rmid_forced', {}, undefined],
  ['kernel.shm_rmid_forced', { hostIPC: true }, '"kernel.shm_rmid_forced" not allowed with host IPC enabled'],
  ['net.ipv4.tcp_syncookies', { hostIPC: true }, undefined],
  ['net.ipv4.tcp_syncookies', { hostNetwork: true }, '"net.ipv4.tcp_syncookies" not allowed with host Net enabled'],
  ['net.ipv4.tcp_keepalive_time', {}, undefined],
  ['net.ipv4.tcp_fin_timeout', {}, '"net.ipv4.tcp_fin_timeout" not allowlisted'],
  ['net.ipv4.tcp_rmem', {}, '"net.ipv4.tcp_rmem" not allowlisted'],
  ['kernel.msgmax', {}, undefined],
  ['kernel.msgmax', { hostIPC: true }, '"kernel.msgmax" not allowed with host IPC enabled'],
  ['net.core.somaxconn', {}, undefined],
  ['net.core.rmem_max', {}, '"net.core.rmem_max" not allowlisted'],
  ['kernel.sem', {}, '"kernel.sem" not allowlisted'],
])('%s with %j', (name, pod, refusal) => expect(list.refusal(name, pod)).toBe(refusal));

test('a newer kernel has more of them in namespaces', () => {
  expect(createSysctlAllowlist('6.1.0').refusal('net.ipv4.tcp_rmem', {})).toBeUndefined();
});

test.each<[string, RegExp | undefined]>([
  ['kernel.msg*', undefined],
  ['net.*', undefined],
  ['net/core/somaxconn', undefined],
  ['fs.mqueue.*', undefined],
  ['vm.swappiness', /the sysctl "vm\.swappiness" are not known to be namespaced/],
  ['kernel.*', /the sysctls "kernel\.\*" are not known to be namespaced/],
  ['*', /not known to be namespaced/],
  ['net.*.x', /must have at most 253 characters/],
  ['../../etc', /must have at most 253 characters/],
  [`net.${'a'.repeat(250)}`, /must have at most 253 characters/],
])('the flag %s', (pattern, problem) => {
  if (problem) expect(unsafeSysctlProblem(pattern)).toMatch(problem);
  else expect(unsafeSysctlProblem(pattern)).toBeUndefined();
});
