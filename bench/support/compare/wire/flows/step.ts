// A step of a flow, and how both servers are taken through it.
import type { Json } from '../../difference.ts';
import { type Comparison, parsed, type WireAnswer, type WireRequest } from '../exchange.ts';

export type Fields = { [key: string]: Json };

/** A request, or one made of what the same server answered last. */
export type Step = WireRequest | ((last: Json) => WireRequest);

export const types = {
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  json: 'application/json-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** A request with a JSON body, named by what it asks. */
export function ask(method: string, path: string, body?: Json, type = 'application/json'): WireRequest {
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const what = `${method} ${path} ${JSON.stringify(body ?? '').slice(0, 220)} (${type.split('/')[1]})`;
  return { what, method, path, headers: { 'content-type': type }, ...text };
}

const shown = ({ body }: WireAnswer): Json => parsed(body);

/** Sends the steps to both servers, one after the other. */
export async function run(comparison: Comparison, name: string, steps: readonly Step[]): Promise<void> {
  let [real, peapod]: [Json, Json] = [null, null];
  for (const step of steps) {
    const [of, asked] = [real, peapod].map((last) => (typeof step === 'function' ? step(last) : step)) as [
      WireRequest,
      WireRequest,
    ];
    const answers = await comparison.askEach(`${name}: ${of.what}`, [of, asked], shown);
    [real, peapod] = [parsed(answers[0].body), parsed(answers[1].body)];
  }
}
