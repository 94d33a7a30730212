// What an API server is made with, and what it gives.

import type { EnabledGates } from '../../api/feature-gates.ts';
import type { AnyKind } from '../../api/scheme.ts';
import type { Transport } from '../../api/transport.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Registry } from '../../lib/metrics-registry.ts';
import type { Random } from '../../lib/random.ts';
import type { Store } from '../../store/store.ts';
import type { AdmissionPlugin } from '../admission/admission.ts';
import type { ImagePolicyWebhook } from '../admission/image-policy.ts';
import type { PluginConfiguration } from '../admission/plugin-configuration.ts';
import type { PluginName } from '../admission/plugin-names.ts';
import type { WebhookCaller } from '../admission/webhook/webhook-caller.ts';
import type { ExtensionDialer } from '../aggregation/extension-dialer.ts';
import type { AuthenticationOptions } from '../authn/create-authentication.ts';
import type { RuleSource } from '../authz/authorizer.ts';
import type { ConfiguredAuthorizer } from '../authz/modes.ts';
import type { HealthCheck } from '../health.ts';
import type { RequestLimits } from '../http/limits.ts';
import type { ListenOptions, TlsMaterial } from '../http/listener.ts';
import type { ObjectMachinery } from '../machinery.ts';
import type { UserInfo } from '../request.ts';
import type { KubeletConnector } from '../subresources/kubelet-connector.ts';
import type { PodDialer } from '../subresources/pod-proxy.ts';

export interface ApiServerOptions {
  store: Store;
  /** Of the API's schema: schemaMachinery(loadSchema()). */
  machinery: ObjectMachinery;
  kinds: readonly AnyKind[];
  clock: Clock;
  random: Random;
  logger: Logger;
  /** Peapod's own version, shown as v1.36.0+peapod.<version>. */
  version: string;
  /** Shown by /version: linux/amd64. */
  platform?: string;
  /** How kubelets are reached (log, exec, attach, port-forward, nodes/proxy); 503 without. */
  kubeletConnector?: KubeletConnector;
  /** How pods are reached (pods/proxy); 503 without. */
  dialPod?: PodDialer;
  /** How much is served at once and how long it may take; upstream's defaults for what is absent. */
  limits?: Partial<RequestLimits>;
  /** Whether /metrics tells of this process too. */
  processMetrics?: boolean;
  /** How extension API servers are reached; over HTTPS, with no certificate of a front proxy, when absent. */
  extensionDialer?: ExtensionDialer;
  /** How webhooks are reached; over HTTPS when absent. */
  callWebhook?: WebhookCaller;
  /** The admission plugins that run; those of enabledPlugins([], []) when absent. */
  admissionPlugins?: ReadonlySet<PluginName>;
  /** What the admission plugins are told. */
  admissionConfiguration?: PluginConfiguration;
  /** Who decides about images, for the plugin ImagePolicyWebhook. */
  imagePolicyWebhook?: ImagePolicyWebhook | undefined;
  /** Whether privileged containers are let in. Default true. */
  allowPrivileged?: boolean;
  /** The feature gates that are on beside those of v1.36 itself. Default none. */
  gates?: EnabledGates;
  /** Further admission after the built-in plugins. */
  admission?: readonly AdmissionPlugin[];
  /** Rules by user; those of roles and of the bootstrap when absent. */
  rules?: RuleSource;
  /** The addresses of services. Default 10.43.0.0/16. */
  serviceCidr?: string;
  /** Who decides what may be done, as configured now; Node and RBAC when absent. */
  authorization?: () => readonly ConfiguredAuthorizer[];
  /** How clients are known, beside their certificates and the tokens of service accounts. */
  authentication?: AuthenticationOptions;
  /** Where metrics are kept that /metrics tells; a registry of its own when absent. */
  metrics?: Registry;
  /** Bytes that the store takes on its disk; told at /metrics. */
  storageBytes?: () => number;
  /** The scheduler and the like, where they run: v1/componentstatuses tells of them. */
  components?: readonly HealthCheck[];
  /** PEM of the key that signs service account tokens where the options name none; a new one for this run when absent. */
  serviceAccountKey?: string;
}

export interface ApiServer {
  /** Serves HTTPS; gives the port. May be called again for another address of the same server. */
  listen(options: ListenOptions): Promise<{ port: number }>;
  /** Makes the service `kubernetes`, with the port on which pods reach the server, and keeps it. */
  announce(port: number): Promise<void>;
  /** Takes renewed certificates for new connections. */
  renew(tls: TlsMaterial): void;
  /** A transport that acts as that user, without a socket. */
  inProcess(user: UserInfo): Transport;
  /** Resolves once the caches are loaded and the system's namespaces exist. */
  ready(): Promise<void>;
  close(): Promise<void>;
}
