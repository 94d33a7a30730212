// What stands for the control plane where none is started: certificates, and clients that nobody answers.

import { hostname } from 'node:os';
import { serviceUnavailable } from '../api/meta/errors.ts';
import type { Transport } from '../api/transport.ts';
import { createClient } from '../client/create-client.ts';
import { hostFiles } from '../host/files.ts';
import { ensurePki } from '../host/pki.ts';
import { realClock } from '../host/real-clock.ts';
import type { ControlPlane } from './control-plane.ts';
import type { DataDir } from './data-dir.ts';

const nobody = (): Error => serviceUnavailable('there is no API server: peapod was started with --without-api');

const away: Transport = {
  request: () => Promise.reject(nobody()),
  stream: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(nobody()) }) }),
};

/** `server` is empty. The node that uses it runs static pods, and leaves alone what the API gave it before. */
export async function withoutApi(paths: DataDir): Promise<ControlPlane> {
  const pki = await ensurePki({ dir: paths.pki, files: hostFiles, clock: realClock, hosts: [hostname()] });
  return {
    server: '',
    port: 0,
    pki,
    clientAs: () => createClient(away),
    listenAlso: async () => {},
    stop: async () => {},
  };
}
