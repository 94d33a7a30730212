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

/** A pod's tokens, by what was asked for. */
interface PodTokens {
  byRequest: Map<string, Kept>;
  /** The pod is gone: an answer that is still on its way is not kept. */
  forgotten: boolean;
}

export function createTokenSource({ client, clock, logger, due }: TokenSourceOptions): KeptTokens {
  const byPod = new Map<string, PodTokens>();
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
    const expiresAt = Date.parse(expirationTimestamp);
    if (token === '' || Number.isNaN(expiresAt))
      throw new Error('the answer has no token, or not until when it is good');
    return { token, issuedAt, expiresAt };
  };
  const forget = (podUid: string): void => {
    const tokens = byPod.get(podUid);
    if (tokens === undefined) return;
    tokens.forgotten = true;
    for (const { timer } of tokens.byRequest.values()) timer.cancel();
    byPod.delete(podUid);
  };
  return {
    async token(pod, wanted, signal) {
      const uid = pod.metadata?.uid ?? '';
      const id = JSON.stringify([wanted.audience, wanted.expirationSeconds, pod.spec?.serviceAccountName]);
      const tokens = byPod.get(uid) ?? { byRequest: new Map<string, Kept>(), forgotten: false };
      byPod.set(uid, tokens);
      const known = tokens.byRequest.get(id);
      const remind = (at: number): Timer => clock.after(Math.max(1000, at - clock.now()), () => due(uid));
      if (known !== undefined && clock.now() < dueAt(known)) return known.token;
      try {
        const made = await request(pod, wanted, signal);
        if (tokens.forgotten) return made.token;
        tokens.byRequest.get(id)?.timer.cancel();
        tokens.byRequest.set(id, { ...made, timer: remind(dueAt(made)) });
        return made.token;
      } catch (error) {
        if (signal?.aborted || known === undefined || clock.now() >= known.expiresAt)
          throw new Error(`failed to fetch token: ${goErrorText(error)}`, { cause: error });
        logger.warn('a token could not be renewed yet', { pod: pod.metadata?.name, error: goErrorText(error) });
        known.timer.cancel();
        if (!tokens.forgotten) known.timer = remind(clock.now() + retryMs);
        return known.token;
      }
    },
    forget,
    close() {
      for (const uid of byPod.keys()) forget(uid);
    },
  };
}
