import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensurePki, type KeyPair, type Pki } from '../../host/pki.ts';
import { realClock } from '../../host/real-clock.ts';
import { realRandom } from '../../host/real-random.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { startTestServer, type TestServer } from '../test-server.ts';

let t: TestServer;
let pki: Pki;
let admin: KeyPair;
let port: number;

beforeAll(async () => {
  pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  admin = await pki.issueClientCert('admin', ['system:masters']);
  t = await startTestServer(realClock, realRandom);
  ({ port } = await t.server.listen({ host: '127.0.0.1', port: 0, tls: { ...pki.apiserver, clientCa: pki.ca } }));
});
afterAll(() => t.server.close());

/** The cipher that the server chooses for a client with these options. */
const chosen = (options: { ciphers?: string; maxVersion?: 'TLSv1.2' }): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ca: pki.ca, ...admin, ...options }, () => {
      resolve(socket.getCipher().name);
      socket.destroy();
    });
    socket.once('error', reject);
  });

test.each([
  ['that leaves the choice', {}, 'TLS_AES_128_GCM_SHA256'],
  ['that has another order', { ciphers: 'TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256' }, 'TLS_AES_128_GCM_SHA256'],
  ['that wants AES-256 only', { ciphers: 'TLS_AES_256_GCM_SHA384' }, 'TLS_AES_256_GCM_SHA384'],
  ['that has no AES', { ciphers: 'TLS_CHACHA20_POLY1305_SHA256' }, 'TLS_CHACHA20_POLY1305_SHA256'],
  ['of TLS 1.2', { maxVersion: 'TLSv1.2' }, 'ECDHE-ECDSA-AES128-GCM-SHA256'],
] as const)('a client %s gets its cipher', async (_, options, cipher) => {
  expect(await chosen(options)).toBe(cipher);
});
