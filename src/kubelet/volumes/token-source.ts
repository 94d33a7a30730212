// The tokens of this node's pods: asked for once, kept, and renewed when four fifths of their life have passed.
// Follows pkg/kubelet/token/token_manager.go of v1.36.

import type { Pod, TokenRequest } from '../../api/generated/types.ts';
import { serviceAccounts } from '../../client/resources.ts';
import type { Client } from '../../client/client.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { goErrorText } from '../go-error.ts';
import type { TokenSource } from './payload.ts';

export interface TokenSourceOptions {
  client: Client;
  clock: Clock;
  logger: Logger;
  /** A token of that pod should be renewed: its volumes are worth another look. */
  due(podUid: string): void;
}

export interface KeptTokens extends TokenSource {
  /** Forgets every token and stops reminding. */
  close(): void;
}

interface Kept {
  token: string;
  /** ms since the epoch. */
  issuedAt: number;
  expiresAt: number;
  timer: Timer;
}

const renewShare = 0.8;
/** Long-lived tokens are renewed daily. */
const maxAgeMs = 24 * 3_600_000;
/** A renewal that failed is tried again after this. */
const retryMs = 60_000;

const dueAt = ({ issuedAt, expiresAt }: Pick<Kept, 'issuedAt' | 'expiresAt'>): number =>
  Math.min(issuedAt + (expiresAt - issuedAt) * renewShare, issuedAt + maxAgeMs);

export function createTokenSource({ client, clock, logger, due }: TokenSourceOptions): KeptTokens {
  const byPod = new Map<string, Map<string, Kept>>();
  const request = async (
    pod: Pod,
    wanted: Parameters<TokenSource['token']>[1],
    signal: AbortSignal | undefined,
  ): Promise<Omit<Kept, 'timer'>> => {
    const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
    const body: TokenRequest = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: {
        audiences: wanted.audience === '' ? [] : [wanted.audience],
        expirationSeconds: wanted.expirationSeconds,
        boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
      },
    };
    const account = { namespace, name: pod.spec?.serviceAccountName ?? '' };
    const issuedAt = clock.now();
    const answer = await client.createSubresource<TokenRequest>(
      serviceAccounts,
      account,
      'token',
      body,
      signal === undefined ? {} : { signal },
    );
    const { token = '', expirationTimestamp = '' } = answer.status ?? {};
    return { token, issuedAt, expiresAt: Date.parse(expirationTimestamp) };
  };
  const forget = (podUid: string): void => {
    for (const { timer } of byPod.get(podUid)?.values() ?? []) timer.cancel();
    byPod.delete(podUid);
  };
  return {
    async token(pod, wanted, signal) {
      const uid = pod.metadata?.uid ?? '';
      const id = JSON.stringify([wanted.audience, wanted.expirationSeconds, pod.spec?.serviceAccountName]);
      const known = byPod.get(uid)?.get(id);
      const remind = (at: number): Timer => clock.after(Math.max(1000, at - clock.now()), () => due(uid));
      if (known !== undefined && clock.now() < dueAt(known)) return known.token;
      try {
        const made = await request(pod, wanted, signal);
        known?.timer.cancel();
        const tokens = byPod.get(uid) ?? new Map<string, Kept>();
        tokens.get(id)?.timer.cancel();
        tokens.set(id, { ...made, timer: remind(dueAt(made)) });
        byPod.set(uid, tokens);
        return made.token;
      } catch (error) {
        if (signal?.aborted || known === undefined || clock.now() >= known.expiresAt)
          throw new Error(`failed to fetch token: ${goErrorText(error)}`, { cause: error });
        logger.warn('a token could not be renewed yet', { pod: pod.metadata?.name, error: goErrorText(error) });
        known.timer.cancel();
        known.timer = remind(clock.now() + retryMs);
        return known.token;
      }
    },
    forget,
    close() {
      for (const uid of byPod.keys()) forget(uid);
    },
  };
}
