// What every controller is given and gives.

import type {
  CertificateSigningRequest,
  ClusterRole,
  ConfigMap,
  IPAddress,
  Lease,
  Namespace,
  Node,
  ObjectReference,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  ResourceQuota,
  Secret,
  ServiceAccount,
  ServiceCIDR,
  StorageClass,
  ValidatingAdmissionPolicy,
  VolumeAttributesClass,
} from '../api/generated/types.ts';
import type { Transport } from '../api/transport.ts';
import type { Client } from '../client/client.ts';
import type { Informer } from '../client/informer.ts';
import type { WorkqueueMetrics } from '../client/workqueue-metrics.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/logger.ts';
import type { Random } from '../lib/random.ts';

/** What controllers need of an event recorder; client/event-recorder.ts has it. */
export interface ControllerEvents {
  event(object: ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void;
}

/** Local copies that controllers share; only those that some controller asks for are kept. */
export interface SharedInformers {
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly persistentVolumes: Informer<PersistentVolume>;
  readonly persistentVolumeClaims: Informer<PersistentVolumeClaim>;
  readonly storageClasses: Informer<StorageClass>;
  readonly volumeAttributesClasses: Informer<VolumeAttributesClass>;
  readonly serviceCidrs: Informer<ServiceCIDR>;
  readonly ipAddresses: Informer<IPAddress>;
  readonly namespaces: Informer<Namespace>;
  readonly serviceAccounts: Informer<ServiceAccount>;
  readonly clusterRoles: Informer<ClusterRole>;
  readonly resourceQuotas: Informer<ResourceQuota>;
  readonly podDisruptionBudgets: Informer<PodDisruptionBudget>;
  readonly certificateSigningRequests: Informer<CertificateSigningRequest>;
  readonly validatingAdmissionPolicies: Informer<ValidatingAdmissionPolicy>;
  /** Bootstrap tokens: the secrets of that type in kube-system. */
  readonly bootstrapTokens: Informer<Secret>;
  /** The cluster-info of kube-public, and nothing else. */
  readonly clusterInfoConfigMaps: Informer<ConfigMap>;
  /** The kube-root-ca.crt of every namespace, and nothing else. */
  readonly rootCaConfigMaps: Informer<ConfigMap>;
  /** Of the namespace kube-node-lease. */
  readonly nodeLeases: Informer<Lease>;
}

export interface ControllerContext {
  client: Client;
  /** A client that acts as that service account of kube-system, with the rights of its role and no more. */
  clientFor(account: string): Client;
  /** For discovery, which the typed client does not do. */
  transport: Transport;
  clock: Clock;
  random: Random;
  logger: Logger;
  /** What is told of the controllers' queues, which have upstream's names. */
  metrics?: WorkqueueMetrics | undefined;
  /** Records events as the component of that name. */
  events(component: string): ControllerEvents;
  informers: SharedInformers;
  /** PEM of the CA that clients in pods should trust. */
  clusterCaPem: string;
  /** Deletes that folder of the machine with all that is in it; rejects where there is no such machine. */
  removeHostPath(path: string): Promise<void>;
  /** Signs a certificate request (PEM) with that CA, for those usages, to hold `ttlMs`. */
  signCertificate(pem: string, usages: readonly string[], ttlMs: number): Promise<string>;
}

/** Runs until the signal aborts; resolves when its work has ended. Its informers are started and filled by then. */
export type RunController = (signal: AbortSignal) => Promise<void>;

/** Registers its informer handlers at once and gives what runs it. */
export type Controller = (context: ControllerContext) => RunController;

/** How many keys a controller works on at a time. */
export const defaultWorkers = 5;
