// An object of each kind that can be made.

/** How kubectl names it, and the object. */
type Named = [string, Record<string, unknown>];

/** `own` names what has no namespace, `request` is the certificate request in base64. */
type Scope = { namespace: string; request: string };

const metadata = { name: 'all' };

function core({ namespace }: Scope): Named[] {
  const about = { kind: 'Pod', name: 'x', namespace };
  const container = { name: 'c', image: 'busybox:1.28' };
  const v1 = (kind: string, more: object): Record<string, unknown> => ({ apiVersion: 'v1', kind, metadata, ...more });
  return [
    [`namespace/${namespace}`, v1('Namespace', { metadata: { name: namespace } })],
    ['configmap/all', v1('ConfigMap', { data: { a: 'b' } })],
    ['secret/all', v1('Secret', { stringData: { a: 'b' } })],
    ['serviceaccount/all', v1('ServiceAccount', {})],
    ['service/all', v1('Service', { spec: { ports: [{ port: 80 }] } })],
    [
      'event/all-core',
      v1('Event', {
        metadata: { name: 'all-core' },
        involvedObject: about,
        reason: 'Test',
        message: 'hello',
        type: 'Normal',
      }),
    ],
    [
      'event.events.k8s.io/all-new',
      {
        apiVersion: 'events.k8s.io/v1',
        kind: 'Event',
        metadata: { name: 'all-new' },
        eventTime: '2026-01-01T00:00:00.000000Z',
        reportingController: 'c',
        reportingInstance: 'i',
        action: 'a',
        reason: 'Test',
        regarding: about,
        note: 'hello',
        type: 'Normal',
      },
    ],
    ['limitrange/all', v1('LimitRange', { spec: { limits: [{ type: 'Container', max: { cpu: '1' } }] } })],
    ['resourcequota/all', v1('ResourceQuota', { spec: { hard: { 'services.nodeports': '5' } } })],
    [
      'podtemplate/all',
      v1('PodTemplate', { template: { metadata: { labels: { a: 'b' } }, spec: { containers: [container] } } }),
    ],
    [
      `persistentvolume/${namespace}`,
      v1('PersistentVolume', {
        metadata: { name: namespace },
        spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/tmp/all' } },
      }),
    ],
    [
      'persistentvolumeclaim/all',
      v1('PersistentVolumeClaim', {
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '2Gi' } }, storageClassName: 'all' },
      }),
    ],
    [`node/${namespace}`, v1('Node', { metadata: { name: namespace }, spec: { unschedulable: true } })],
    ['pod/all', v1('Pod', { spec: { nodeSelector: { no: 'node' }, containers: [container] } })],
  ];
}

function access({ namespace, request }: Scope): Named[] {
  const rbac = 'rbac.authorization.k8s.io/v1';
  const role = { apiGroup: 'rbac.authorization.k8s.io', name: 'all' };
  const user = { apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'somebody' };
  const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
  const own = { name: namespace };
  return [
    ['role.rbac.authorization.k8s.io/all', { apiVersion: rbac, kind: 'Role', metadata, rules }],
    [
      'rolebinding.rbac.authorization.k8s.io/all',
      { apiVersion: rbac, kind: 'RoleBinding', metadata, roleRef: { ...role, kind: 'Role' }, subjects: [user] },
    ],
    [
      `clusterrole.rbac.authorization.k8s.io/${namespace}`,
      { apiVersion: rbac, kind: 'ClusterRole', metadata: own, rules: [] },
    ],
    [
      `clusterrolebinding.rbac.authorization.k8s.io/${namespace}`,
      {
        apiVersion: rbac,
        kind: 'ClusterRoleBinding',
        metadata: own,
        roleRef: { ...role, kind: 'ClusterRole' },
        subjects: [user],
      },
    ],
    [
      `certificatesigningrequest.certificates.k8s.io/${namespace}`,
      {
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: own,
        spec: { request, signerName: 'example.com/nobody', usages: ['client auth'] },
      },
    ],
  ];
}

function extension({ namespace }: Scope): Named[] {
  const group = `${namespace}.example.com`;
  const schema = { openAPIV3Schema: { type: 'object' } };
  const webhooks = (kind: string): Named => [
    `${kind.toLowerCase()}.admissionregistration.k8s.io/${namespace}`,
    { apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata: { name: namespace }, webhooks: [] },
  ];
  return [
    [
      `customresourcedefinition.apiextensions.k8s.io/things.${group}`,
      {
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: `things.${group}` },
        spec: {
          group,
          scope: 'Namespaced',
          names: { plural: 'things', kind: 'Thing' },
          versions: [{ name: 'v1', served: true, storage: true, schema }],
        },
      },
    ],
    [
      `apiservice.apiregistration.k8s.io/v1.other.${group}`,
      {
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: { name: `v1.other.${group}` },
        // Without a service it is the server's own.
        spec: { group: `other.${group}`, version: 'v1', groupPriorityMinimum: 1, versionPriority: 1 },
      },
    ],
    webhooks('MutatingWebhookConfiguration'),
    webhooks('ValidatingWebhookConfiguration'),
  ];
}

function policies(scope: Scope): Named[] {
  const matchConstraints = {
    resourceRules: [{ apiGroups: ['example.com'], apiVersions: ['v1'], operations: ['CREATE'], resources: ['things'] }],
  };
  const validations = [{ expression: 'true' }];
  const change = "Object{metadata: Object.metadata{labels: {'a': 'b'}}}";
  const mutations = [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: change } }];
  const policyName = scope.namespace;
  return ofGroup('admissionregistration.k8s.io', scope, {
    ValidatingAdmissionPolicy: [false, { spec: { matchConstraints, validations } }],
    ValidatingAdmissionPolicyBinding: [false, { spec: { policyName, validationActions: ['Warn'] } }],
    MutatingAdmissionPolicy: [false, { spec: { matchConstraints, mutations, reinvocationPolicy: 'Never' } }],
    MutatingAdmissionPolicyBinding: [false, { spec: { policyName } }],
  });
}

/** Of one group: by kind, whether it has a namespace, and the rest of the object. */
function ofGroup(group: string, { namespace }: Scope, kinds: Record<string, [boolean, object]>): Named[] {
  return Object.entries(kinds).map(([kind, [isNamespaced, more]]) => {
    const name = isNamespaced ? 'all' : namespace;
    return [`${kind.toLowerCase()}.${group}/${name}`, { apiVersion: `${group}/v1`, kind, metadata: { name }, ...more }];
  });
}

function networking(scope: Scope): Named[] {
  const address = '192.0.2.7';
  const path = { path: '/', pathType: 'Prefix', backend: { service: { name: 'all', port: { number: 80 } } } };
  return [
    ...ofGroup('networking.k8s.io', scope, {
      Ingress: [
        true,
        { spec: { ingressClassName: scope.namespace, rules: [{ host: 'a.example.com', http: { paths: [path] } }] } },
      ],
      IngressClass: [false, { spec: { controller: 'example.com/nobody' } }],
      NetworkPolicy: [true, { spec: { podSelector: { matchLabels: { a: 'b' } } } }],
      ServiceCIDR: [false, { spec: { cidrs: ['192.0.2.0/24'] } }],
    }),
    [
      `ipaddress.networking.k8s.io/${address}`,
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'IPAddress',
        metadata: { name: address },
        spec: { parentRef: { group: 'example.com', resource: 'things', name: 'all' } },
      },
    ],
  ];
}

const storage = (scope: Scope): Named[] =>
  ofGroup('storage.k8s.io', scope, {
    StorageClass: [false, { provisioner: 'example.com/disk' }],
    VolumeAttributesClass: [false, { driverName: 'example.com', parameters: { iops: '5' } }],
    CSIDriver: [false, { spec: {} }],
    CSINode: [false, { spec: { drivers: [{ name: 'example.com', nodeID: 'n' }] } }],
    CSIStorageCapacity: [true, { storageClassName: 'fast', capacity: '1Gi' }],
    VolumeAttachment: [
      false,
      { spec: { attacher: 'example.com', nodeName: 'n', source: { persistentVolumeName: 'pv' } } },
    ],
  });

function devices(scope: Scope): Named[] {
  const claim = { devices: { requests: [{ name: 'r', exactly: { deviceClassName: scope.namespace } }] } };
  const pool = { name: 'p', generation: 1, resourceSliceCount: 1 };
  return ofGroup('resource.k8s.io', scope, {
    DeviceClass: [false, { spec: { selectors: [{ cel: { expression: 'device.driver == "example.com"' } }] } }],
    ResourceClaim: [true, { spec: claim }],
    ResourceClaimTemplate: [true, { spec: { spec: claim } }],
    ResourceSlice: [false, { spec: { driver: 'example.com', nodeName: 'n', pool, devices: [{ name: 'd' }] } }],
  });
}

const others = (scope: Scope): Named[] => [
  ...ofGroup('coordination.k8s.io', scope, {
    Lease: [true, { spec: { holderIdentity: 'me', leaseDurationSeconds: 30 } }],
  }),
  ...ofGroup('scheduling.k8s.io', scope, { PriorityClass: [false, { value: 5 }] }),
  ...ofGroup('node.k8s.io', scope, { RuntimeClass: [false, { handler: 'runc' }] }),
  ...ofGroup('apps', scope, { ControllerRevision: [true, { data: { a: 'b' }, revision: 1 }] }),
  ...ofGroup('policy', scope, {
    PodDisruptionBudget: [true, { spec: { minAvailable: '50%', selector: { matchLabels: { a: 'b' } } } }],
  }),
  ...ofGroup('flowcontrol.apiserver.k8s.io', scope, {
    FlowSchema: [false, { spec: { priorityLevelConfiguration: { name: 'exempt' } } }],
    PriorityLevelConfiguration: [false, { spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' } } } }],
  }),
];

/** An object of each kind; the first is the namespace of the others. What has no namespace bears its name. */
export const everyKind = (scope: Scope): Named[] =>
  [core, access, extension, policies, networking, storage, devices, others].flatMap((some) => some(scope));
