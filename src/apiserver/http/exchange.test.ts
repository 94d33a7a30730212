import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { ApiError } from '../../api/meta/errors.ts';
import { silentLogger } from '../../lib/logger.ts';
import { createVirtualClock } from '../../sim/virtual-clock.ts';
import { createRegistry } from '../../lib/metrics-registry.ts';
import { requestMetrics } from '../metrics/request-metrics.ts';
import { defaultLimits, inFlight } from './limits.ts';
import { exchange, type Incoming } from './exchange.ts';
import type { Reply } from './reply.ts';

const user = { name: 'admin', groups: [] };

/** Answers a request with a Status of that code. */
async function answerWith(code: number, reply: Partial<Reply>, incoming: Partial<Incoming> = {}): Promise<void> {
  await exchange(
    {
      pipeline: () =>
        Promise.reject(
          new ApiError({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message: 'x', code }),
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
    {
      method: 'GET',
      target: '/api/v1/pods',
      header: () => '',
      headers: {},
      rawHeaders: [],
      body: Readable.from([]),
      ...incoming,
    },
    { user, proxyName: undefined },
    {
      closed: false,
      head() {},
      write: () => true,
      end() {},
      destroy() {},
      drained: () => Promise.resolve(),
      taken: () => Promise.resolve(),
      onClose() {},
      ...reply,
    },
  );
}

test('an answer that cannot be sent cuts the connection and is no failure of the process', async () => {
  let destroyed = false;
  await answerWith(700, {
    head(status) {
      if (status > 599) throw new RangeError(`Invalid status code: ${status}`);
    },
    destroy() {
      destroyed = true;
    },
  });
  expect(destroyed).toBe(true);
});

test.each([
  [undefined, true],
  [false, true],
  [true, null],
])('a body that nobody asked for flows off, but one that does not come is left alone (%s)', async (bodyless, flows) => {
  const body = Readable.from(['rest']);
  await answerWith(404, {}, { body, ...(bodyless === undefined ? {} : { bodyless }) });
  expect(body.readableFlowing).toBe(flows);
});
