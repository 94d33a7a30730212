import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { ApiError } from '../../api/meta/errors.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { createRegistry } from '../../lib/metrics-registry.ts';
import { requestMetrics } from '../metrics/request-metrics.ts';
import { defaultLimits, inFlight } from './limits.ts';
import { exchange } from './exchange.ts';
import type { Reply } from './reply.ts';

test('an answer that cannot be sent cuts the connection and is no failure of the process', async () => {
  let destroyed = false;
  const reply: Reply = {
    closed: false,
    head(status) {
      if (status > 599) throw new RangeError(`Invalid status code: ${status}`);
    },
    write: () => true,
    end() {},
    destroy() {
      destroyed = true;
    },
    drained: () => Promise.resolve(),
    onClose() {},
  };
  const user = { name: 'admin', groups: [] };
  await exchange(
    {
      pipeline: () =>
        Promise.reject(
          new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'x', code: 700 }),
        ),
      identify: () => Promise.resolve(user),
      logger: silentLogger,
      now: () => 0,
      monotonic: () => 0,
      clock: createVirtualClock(),
      limits: defaultLimits,
      inFlight: inFlight(defaultLimits),
      metrics: requestMetrics(createRegistry(), () => false),
      closing: new AbortController().signal,
      isRemote: () => false,
    },
    { method: 'GET', target: '/api/v1/pods', header: () => '', headers: {}, rawHeaders: [], body: Readable.from([]) },
    { user, proxyName: undefined },
    reply,
  );
  expect(destroyed).toBe(true);
});
