// Posts a review to a webhook of the server's own configuration (not of admission's objects), and again where that may help.
// Follows apiserver pkg/util/webhook/webhook.go of v1.36.

import { type Clock, sleep } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import { refusedText } from './refused-answer.ts';

/** What came back from one POST. */
export interface ReviewAnswer {
  status: number;
  body: Buffer;
  /** Absent where the answer does not tell. */
  contentType?: string;
  /** Of a Retry-After header. */
  retryAfterSeconds?: number;
}

/** One POST. Rejects with an Error where there is no answer. */
export type PostReview = (body: Buffer, signal: AbortSignal) => Promise<ReviewAnswer>;

export interface ReviewExchangeOptions {
  post: PostReview;
  /** What one POST may take, in ms. */
  timeoutMs: number;
  /** How long it waits before the second one, in ms. Default 500. */
  firstDelayMs?: number;
}

export interface ReviewExchangeDeps {
  clock: Clock;
  random: Random;
  /** Aborts when the server closes. */
  signal: AbortSignal;
}

const attempts = 5;
const usualDelayMs = 500;
const delayGrowth = 1.5;
const jitter = 0.2;

/** Whether it is worth asking again. */
const isPassing = ({ status, retryAfterSeconds }: ReviewAnswer): boolean =>
  status === 500 || status === 504 || status === 429 || retryAfterSeconds !== undefined;

/** Whether an answer is a review, and not a refusal. */
export const isReviewed = ({ status }: ReviewAnswer): boolean => status >= 200 && status <= 206;

/** Gives the last answer, whatever it is. Rejects with the Error of a POST that had none. */
export function reviewExchange(
  { post, timeoutMs, firstDelayMs = usualDelayMs }: ReviewExchangeOptions,
  { clock, random, signal }: ReviewExchangeDeps,
): (body: Buffer) => Promise<ReviewAnswer> {
  const once = async (body: Buffer): Promise<ReviewAnswer> => {
    const limit = new AbortController();
    const timer = clock.after(timeoutMs, () => limit.abort());
    try {
      return await post(body, AbortSignal.any([limit.signal, signal]));
    } finally {
      timer.cancel();
    }
  };
  return async (body) => {
    let delay = firstDelayMs;
    for (let attempt = 1; ; attempt++) {
      const answer = await once(body);
      if (isReviewed(answer) || attempt === attempts || !isPassing(answer) || signal.aborted) return answer;
      await sleep(clock, delay * (1 + random.float() * jitter), signal);
      delay *= delayGrowth;
    }
  };
}

/**
 * The status of a review of that kind and apiVersion, from the answer to it; an empty object without one. Throws an Error, in
 * client-go's words, for a refusal and for anything that is no such review.
 */
export function reviewStatus(answer: ReviewAnswer, kind: string, apiVersion: string): Record<string, unknown> {
  const { status, body, contentType = '' } = answer;
  if (!isReviewed(answer)) throw new Error(refusedText({ status, body, contentType }));
  const value = parsed(body);
  if (value['kind'] !== kind || value['apiVersion'] !== apiVersion)
    throw new Error(`the webhook did not answer with a ${kind} of ${apiVersion}`);
  return isRecord(value['status']) ? value['status'] : {};
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parsed(body: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new Error("couldn't get version/kind; json parse error", { cause: error });
  }
  return isRecord(value) ? value : {};
}
