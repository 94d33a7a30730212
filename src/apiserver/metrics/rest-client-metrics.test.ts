// The sizes that clients of this process are said to send and receive are those that others have on the wire.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { httpsClient, type HttpsClient } from '../../../test/support/https-client.ts';
import { ensurePki } from '../../host/pki.ts';
import { realClock } from '../../host/real-clock.ts';
import { createRegistry } from '../../lib/metrics-registry.ts';
import { createMemoryFiles } from '../../sim/memory-files.ts';
import { createSeededRandom } from '../../sim/seeded-random.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { outcome, startTestServer, type TestServer, verbs } from '../test-server.ts';

const cms = '/api/v1/namespaces/default/configmaps';
const registry = createRegistry();
let t: TestServer;
let http: HttpsClient;

beforeAll(async () => {
  const pki = await ensurePki({ dir: '/pki', files: createMemoryFiles(), clock: realClock, hosts: [] });
  // Time stands still, so that nobody else asks anything meanwhile.
  t = await startTestServer(createVirtualClock(), createSeededRandom(1), { metrics: registry });
  const { port } = await t.server.listen({ host: '127.0.0.1', port: 0, tls: { ...pki.apiserver, clientCa: pki.ca } });
  http = httpsClient(port, pki.ca, await pki.issueClientCert('admin', ['system:masters']));
});
afterAll(() => t.server.close());

const sum = (what: 'request' | 'response', verb: string): number => {
  const line = registry
    .text()
    .split('\n')
    .find((one) => one.startsWith(`rest_client_${what}_size_bytes_sum{`) && one.includes(`verb="${verb}"`));
  return Number(line?.slice(line.lastIndexOf(' ') + 1) ?? 0);
};
/** The bytes of one exchange: of the request, and of the answer. */
async function exchanged(verb: string, send: (client: ReturnType<typeof verbs>) => Promise<unknown>) {
  const before = [sum('request', verb), sum('response', verb)] as const;
  await outcome(send(verbs(t.admin)));
  return [sum('request', verb) - before[0], sum('response', verb) - before[1]];
}
const config = (name: string) => ({ metadata: { name }, data: { text: '\u20ac'.repeat(100) } });
const bytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

test('what is created, read, listed and refused', async () => {
  const body = config('sized');
  const [sent, received] = await exchanged('POST', ({ post }) => post(cms, body));
  expect(sent).toBe(bytes(body));
  expect(await exchanged('GET', ({ get }) => get(`${cms}/sized`))).toEqual([0, received]);
  await verbs(t.admin).post(cms, config('other'));
  for (const path of [`${cms}/sized`, cms, `${cms}/none`, `${cms}?limit=1`, '/api/v1', '/version']) {
    const [address = '', query = ''] = path.split('?');
    const own = await exchanged('GET', ({ get }) => get(address, Object.fromEntries(new URLSearchParams(query))));
    const { body: text } = await http.h1('GET', path);
    expect([path, own[1]]).toEqual([path, text.length]);
  }
});
