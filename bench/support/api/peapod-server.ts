// The API server alone, over a durable store, in a process of its own.
import { join } from 'node:path';
import { enabledGates } from '../../../src/api/feature-gates.ts';
import { allKinds } from '../../../src/api/kinds/all.ts';
import { loadSchema } from '../../../src/api/schema/load.ts';
import { schemaMachinery } from '../../../src/apiserver/schema-machinery.ts';
import { createApiServer } from '../../../src/apiserver/server.ts';
import { realClock } from '../../../src/host/real-clock.ts';
import { realRandom } from '../../../src/host/real-random.ts';
import { silentLogger } from '../../../src/lib/logger.ts';
import { openEmbeddedStore } from '../../../src/store/embedded.ts';
import { prepare, serve } from './answer.ts';

const { folder, pki, admin } = await prepare();
const store = await openEmbeddedStore({ path: join(folder, 'store'), clock: realClock });
const server = createApiServer({
  store,
  machinery: schemaMachinery(loadSchema()),
  kinds: allKinds,
  clock: realClock,
  random: realRandom,
  logger: silentLogger,
  version: 'bench',
  gates: enabledGates('ClusterTrustBundle=true,ClusterTrustBundleProjection=true'),
});
await server.ready();
const { port } = await server.listen({ host: '127.0.0.1', port: 0, tls: { ...pki.apiserver, clientCa: pki.ca } });
await server.announce(port);
const compact = async (): Promise<void> => store.compact(store.revision());
serve({ port, ca: pki.ca, ...admin }, { compact });
