// The service `kubernetes`, through which pods find the API server: made once the port is known, and kept.

import type { Transport } from '../../api/transport.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { bootstrapService } from '../bootstrap-service.ts';
import type { Foundation } from './foundation.ts';

const announceEveryMs = 10_000;

/** Gives a function that takes the port on which pods reach the server, as often as it changes. */
export function announcer(
  { serviceCidr, clock, logger, closing }: Foundation,
  transport: () => Transport,
): (port: number) => Promise<void> {
  let announced: number | undefined;
  return async (port) => {
    const isFirst = announced === undefined;
    announced = port;
    const make = (): Promise<void> => bootstrapService(transport(), serviceCidr, announced ?? port);
    await make();
    if (isFirst) void keepMade(make, clock, logger, closing.signal);
  };
}

/** Makes it again, should somebody have taken it away. As upstream's controller of the service does. */
async function keepMade(make: () => Promise<void>, clock: Clock, logger: Logger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(clock, announceEveryMs, signal);
    if (signal.aborted) return;
    await make().catch((error: unknown) =>
      logger.warn('the service kubernetes is not as it should be', { error: String(error) }),
    );
  }
}
