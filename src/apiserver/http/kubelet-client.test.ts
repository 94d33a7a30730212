import { expect, test } from 'vitest';
import { dialPod, isProxyable } from './kubelet-client.ts';

test.each([
  ['10.42.0.7', true],
  ['192.168.1.5', true],
  ['fd00::7', true],
  ['127.0.0.1', false],
  ['127.8.0.1', false],
  ['169.254.169.254', false],
  ['0.0.0.0', false],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['::', false],
  ['::1', false],
  ['fe80::1', false],
  ['fe80::1%lo', false],
  ['ff02::1', false],
  ['::ffff:127.0.0.1', false],
  ['::ffff:169.254.169.254', false],
  ['localhost', false],
  ['', false],
])('requests are passed on to %s: %s', (address, allowed) => {
  expect(isProxyable(address)).toBe(allowed);
});

test('a status that names another address than a pod can have is not followed', async () => {
  const { signal } = new AbortController();
  const dialled = dialPod.request({ scheme: 'http', host: '127.0.0.1', port: 1 }, { method: 'GET', path: '/', signal });
  await expect(dialled).rejects.toMatchObject({ status: { code: 400, message: 'address not allowed' } });
  const connecting = dialPod.connect({ scheme: 'https', host: '169.254.169.254', port: 1 });
  await expect(connecting).rejects.toMatchObject({ status: { code: 400, message: 'address not allowed' } });
});
