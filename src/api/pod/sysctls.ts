// Names of sysctls and the kernel namespaces that they belong to. Follows component-helpers node/util/sysctl of v1.36.

/** The namespace of a sysctl, as messages name it. */
export type SysctlNamespace = 'Net' | 'IPC';

const ipcSysctls = new Set([
  'kernel.sem',
  'kernel.shmall',
  'kernel.shmmax',
  'kernel.shmmni',
  'kernel.shm_rmid_forced',
  'kernel.shm',
  'kernel.msgmax',
  'kernel.msgmnb',
  'kernel.msgmni',
  'kernel.msg',
]);

/** A sysctl's name with dots: where slashes separate, dots in it belong to a name such as that of a VLAN device. */
export function dottedSysctl(name: string): string {
  const separator = /[./]/.exec(name)?.[0];
  if (separator !== '/') return name;
  return name.replace(/[./]/g, (character) => (character === '/' ? '.' : '/'));
}

/** The kernel namespace that a sysctl, or a pattern that ends in `*`, belongs to; undefined for one of the whole machine. */
export function sysctlNamespace(name: string): SysctlNamespace | undefined {
  const [plain = ''] = dottedSysctl(name).split('*', 1);
  if (ipcSysctls.has(plain) || plain.startsWith('fs.mqueue.')) return 'IPC';
  return plain.startsWith('net.') ? 'Net' : undefined;
}
