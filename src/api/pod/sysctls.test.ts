import { expect, test } from 'vitest';
import { dottedSysctl, sysctlNamespace } from './sysctls.ts';

test.each([
  ['kernel.sem', 'kernel.sem'],
  ['kernel/sem', 'kernel.sem'],
  ['net.ipv4.conf.eth0/100.forwarding', 'net.ipv4.conf.eth0/100.forwarding'],
  ['net/ipv4/conf/eth0.100/forwarding', 'net.ipv4.conf.eth0/100.forwarding'],
])('%s → %s', (name, dotted) => expect(dottedSysctl(name)).toBe(dotted));

test.each([
  ['kernel.shm_rmid_forced', 'IPC'],
  ['kernel/sem', 'IPC'],
  ['kernel.shm*', 'IPC'],
  ['fs.mqueue.msg_max', 'IPC'],
  ['fs.mqueue', undefined],
  ['net.core.somaxconn', 'Net'],
  ['net.*', 'Net'],
  ['network.x', undefined],
  ['kernel.shm_next_id', undefined],
  ['vm.swappiness', undefined],
])('%s is of %s', (name, namespace) => expect(sysctlNamespace(name)).toBe(namespace));
