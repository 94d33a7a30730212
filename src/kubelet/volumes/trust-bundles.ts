// Keeps the cluster's trust bundles for the volumes of pods that ask for them, from the first such pod on.
// Does what pkg/kubelet/clustertrustbundle/clustertrustbundle_manager.go of v1.36 does.

import { createHash } from 'node:crypto';
import type { V1beta1ClusterTrustBundle } from '../../api/generated/types.ts';
import { goQuote } from '../../api/meta/go-format.ts';
import {
  labelSelectorText,
  type LabelSelectorObject,
  matchesLabels,
  selectorOf,
} from '../../api/meta/label-selector.ts';
import { pemBlocks, pemText } from '../../api/pki/pem.ts';
import type { Client } from '../../client/client.ts';
import { createInformer, type Informer } from '../../client/informer.ts';
import { servedTrustBundles } from '../../client/served-trust-bundles.ts';
import { type Clock, sleep } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import { LruMap } from '../../lib/lru-map.ts';
import { nextTurn } from '../../lib/next-turn.ts';
import type { Random } from '../../lib/random.ts';

type Bundle = V1beta1ClusterTrustBundle;

/** Which bundles are meant: one by its name, or those of a signer that the selector selects (none without one). */
export type BundleChoice = { name: string } | { signerName: string; labelSelector?: LabelSelectorObject | undefined };

/** Gives trust anchors in PEM. */
export interface TrustBundleSource {
  /**
   * Every anchor of the chosen bundles, each once. Where there is no such bundle: empty if `optional`, else rejects with an
   * Error in upstream's words.
   */
  anchors(choice: BundleChoice, optional: boolean): Promise<string>;
}

export interface ChangedBundle {
  name: string;
  /** Empty where it belongs to none. */
  signerName: string;
}

/** A source that tells of changes. */
export interface WatchedTrustBundles extends TrustBundleSource {
  /** Calls back after a bundle was added, changed or deleted. Gives the way to stop it. */
  onChange(listener: (changed: ChangedBundle) => void): () => void;
  /** Stops watching. */
  close(): void;
}

export interface TrustBundlesOptions {
  client: Client;
  clock: Clock;
  random: Random;
  logger: Logger;
}

const syncWaitMs = 10_000;
/** Upstream keeps two for each pod that a node has room for. */
const keptTexts = 220;
const longestSelector = 100 * 1024;

/** What a node says whose feature gate is off, or whose API server serves no trust bundles. */
const unsupported = async (): Promise<never> => {
  throw new Error('ClusterTrustBundle projection is not supported in static kubelet mode');
};

/** A choice that `choiceKey` has checked, by name or by selector. */
function chosen(bundles: Informer<Bundle>, choice: BundleChoice): Bundle[] {
  if ('name' in choice) {
    const bundle = bundles.get(choice.name);
    return bundle === undefined ? [] : [bundle];
  }
  const selector = selectorOf(choice.labelSelector);
  return bundles
    .list()
    .filter(({ spec, metadata }) => spec.signerName === choice.signerName && matchesLabels(selector, metadata?.labels));
}

/** What tells the choice from others. Throws an Error where its selector is too long. */
function choiceKey(choice: BundleChoice): string {
  if ('name' in choice) return JSON.stringify([choice.name]);
  const text = labelSelectorText(selectorOf(choice.labelSelector));
  const { length } = Buffer.from(text);
  if (length > longestSelector) throw new Error(`label selector length (${length}) is larger than ${longestSelector}`);
  return JSON.stringify([choice.signerName, choice.labelSelector === undefined, text]);
}

const missing = (choice: BundleChoice): string =>
  'name' in choice
    ? `while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io ${goQuote(choice.name)} not found`
    : 'combination of signerName and labelSelector matched zero ClusterTrustBundles';

/** How many anchors are gone through in one turn of the event loop: that takes some 5 ms. */
const perTurn = 200;

/**
 * The anchors of all bundles, each once, as one PEM text. Their order is the same for one `salt`, whatever bundle they come from,
 * and another for another: nobody can come to rely on it. Takes a turn of the event loop for every two hundred of them.
 */
export async function mergedAnchors(bundles: readonly Bundle[], salt: string): Promise<string> {
  const ranked = new Map<string, string>();
  for (const [i, { der }] of bundles.flatMap(({ spec }) => pemBlocks(spec.trustBundle)).entries()) {
    if (i > 0 && i % perTurn === 0) await nextTurn();
    ranked.set(createHash('sha256').update(salt).update(der).digest('hex'), pemText('CERTIFICATE', der));
  }
  return [...ranked.keys()]
    .sort()
    .map((rank) => ranked.get(rank))
    .join('');
}

/** A source for a node with the feature gate on. Nothing is watched until the first anchors are asked for. */
export function createTrustBundles({ client, clock, random, logger }: TrustBundlesOptions): WatchedTrustBundles {
  const ending = new AbortController();
  const listeners = new Set<(changed: ChangedBundle) => void>();
  const salt = random.uuid();
  let texts = new LruMap<string, string>(keptTexts);
  let starting: Promise<Informer<Bundle> | undefined> | undefined;

  const changed = ({ metadata, spec }: Bundle): void => {
    texts = new LruMap(keptTexts);
    for (const listener of listeners) listener({ name: metadata?.name ?? '', signerName: spec.signerName ?? '' });
  };

  /** The bundles, once they are there or have been waited for; undefined where the API server has none. */
  const start = async (): Promise<Informer<Bundle> | undefined> => {
    const resource = await servedTrustBundles(client, ending.signal);
    if (resource === undefined) {
      logger.info('the API server serves no trust bundles');
      return undefined;
    }
    const bundles = createInformer({
      client,
      resource,
      clock,
      random,
      logger,
      onAdd: changed,
      onUpdate: (_, bundle) => changed(bundle),
      onDelete: changed,
    });
    bundles.start(ending.signal);
    await Promise.race([bundles.synced(), sleep(clock, syncWaitMs, ending.signal)]);
    return bundles;
  };

  const started = (): Promise<Informer<Bundle> | undefined> => {
    starting ??= start().catch((error: unknown) => {
      starting = undefined;
      const why = error instanceof Error ? error.message : String(error);
      throw new Error(
        `failed to ensure informer manager for ClusterTrustBundles: failed to determine which informer manager to choose: ${why}`,
      );
    });
    return starting;
  };

  return {
    async anchors(choice, optional) {
      const bundles = await started();
      if (bundles === undefined) return unsupported();
      if (!bundles.hasSynced()) throw new Error('ClusterTrustBundle informer has not yet synced');
      const key = choiceKey(choice);
      // What changes meanwhile has another map.
      const kept = texts;
      const known = kept.get(key);
      if (known !== undefined) return known;
      const found = chosen(bundles, choice);
      if (found.length === 0 && !optional) throw new Error(missing(choice));
      const text = await mergedAnchors(found, salt);
      if (found.length > 0) kept.set(key, text);
      return text;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => ending.abort(),
  };
}

/** The source of a node with the feature gate off. */
export const noTrustBundles: WatchedTrustBundles = { anchors: unsupported, onChange: () => () => {}, close() {} };
