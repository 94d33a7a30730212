import { expect, test } from 'vitest';
import { type HostPort, hostPortsOf, portsClash } from './host-ports.ts';

const port = (text: string): HostPort => {
  const [protocol = '', ip = '', number = ''] = text.split(' ');
  return { protocol, ip, port: Number(number) };
};

test.each([
  ['TCP 0.0.0.0 80', 'TCP 0.0.0.0 80', true],
  ['TCP 0.0.0.0 80', 'UDP 0.0.0.0 80', false],
  ['TCP 0.0.0.0 80', 'SCTP 0.0.0.0 80', false],
  ['TCP 0.0.0.0 80', 'TCP 0.0.0.0 81', false],
  ['TCP 127.0.0.1 80', 'TCP 0.0.0.0 80', true],
  ['TCP 0.0.0.0 80', 'TCP 127.0.0.1 80', true],
  ['TCP 127.0.0.1 80', 'TCP 127.0.0.2 80', false],
])('%s and %s: %s', (a, b, clash) => expect(portsClash(port(a), port(b))).toBe(clash));

test('containers and sidecars take ports, other init containers do not', () => {
  const ports = (hostPort: number) => [{ containerPort: 1, hostPort }, { containerPort: 2 }];
  const pod = {
    spec: {
      containers: [{ name: 'a', ports: ports(80) }],
      initContainers: [
        { name: 'b', ports: ports(81) },
        { name: 'c', ports: ports(82), restartPolicy: 'Always' },
      ],
    },
  };
  expect(hostPortsOf(pod)).toEqual([
    { ip: '0.0.0.0', protocol: 'TCP', port: 80 },
    { ip: '0.0.0.0', protocol: 'TCP', port: 82 },
  ]);
});
