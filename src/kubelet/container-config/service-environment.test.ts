import { describe, expect, it } from 'vitest';
import type { Service } from '../../api/generated/types.ts';
import { serviceEnvironment } from './service-environment.ts';

const service = (namespace: string, name: string, clusterIP: string, ports: object[]): Service =>
  ({ metadata: { namespace, name }, spec: { clusterIP, ports } }) as unknown as Service;
const services = [
  service('default', 'kubernetes', '10.43.0.1', [{ name: 'https', port: 443, protocol: 'TCP' }]),
  service('shop', 'my-db', '10.43.0.9', [
    { port: 5432, protocol: 'TCP' },
    { name: 'stats-udp', port: 9000, protocol: 'UDP' },
  ]),
  service('shop', 'headless', 'None', [{ port: 1 }]),
  service('other', 'far', '10.43.0.8', [{ port: 1 }]),
];

describe('serviceEnvironment', () => {
  it('has only the API server without service links', () => {
    expect(Object.fromEntries(serviceEnvironment(services, 'shop', false))).toEqual({
      KUBERNETES_SERVICE_HOST: '10.43.0.1',
      KUBERNETES_SERVICE_PORT: '443',
      KUBERNETES_SERVICE_PORT_HTTPS: '443',
      KUBERNETES_PORT: 'tcp://10.43.0.1:443',
      KUBERNETES_PORT_443_TCP: 'tcp://10.43.0.1:443',
      KUBERNETES_PORT_443_TCP_PROTO: 'tcp',
      KUBERNETES_PORT_443_TCP_PORT: '443',
      KUBERNETES_PORT_443_TCP_ADDR: '10.43.0.1',
    });
  });
  it("adds the namespace's own with a cluster IP", () => {
    const variables = serviceEnvironment(services, 'shop', true);
    expect([...variables.keys()].filter((key) => !key.startsWith('KUBERNETES_'))).toEqual([
      'MY_DB_SERVICE_HOST',
      'MY_DB_SERVICE_PORT',
      'MY_DB_SERVICE_PORT_STATS_UDP',
      'MY_DB_PORT',
      'MY_DB_PORT_5432_TCP',
      'MY_DB_PORT_5432_TCP_PROTO',
      'MY_DB_PORT_5432_TCP_PORT',
      'MY_DB_PORT_5432_TCP_ADDR',
      'MY_DB_PORT_9000_UDP',
      'MY_DB_PORT_9000_UDP_PROTO',
      'MY_DB_PORT_9000_UDP_PORT',
      'MY_DB_PORT_9000_UDP_ADDR',
    ]);
    expect(variables.get('MY_DB_PORT_9000_UDP')).toBe('udp://10.43.0.9:9000');
  });
  it('brackets IPv6', () => {
    const six = [service('default', 'kubernetes', 'fd00::1', [{ port: 443 }])];
    expect(serviceEnvironment(six, 'x', true).get('KUBERNETES_PORT')).toBe('tcp://[fd00::1]:443');
  });
});
