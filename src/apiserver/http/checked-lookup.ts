// Looks names up for connections, and lets them lead only where they may.

import { lookup as dnsLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';

/** Every address of a name. */
export type ResolveName = (
  hostname: string,
  options: { all: true },
  done: (error: Error | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * A lookup for node's connections. What is connected to is what was checked: the name is asked for once, and an answer that changes
 * afterwards changes nothing. Fails with `address not allowed` where no address is.
 */
export const checkedLookup =
  (allowed: (address: string) => boolean, resolve: ResolveName = dnsLookup): LookupFunction =>
  (hostname, options, done) => {
    resolve(hostname, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return done(error, []);
      const good = addresses.filter(({ address }) => allowed(address));
      const [first] = good;
      if (first === undefined) return done(new Error('address not allowed'), []);
      return options.all === true ? done(null, good) : done(null, first.address, first.family);
    });
  };
