// Objects that have most of the fields of their kinds, so that each can be spoilt.

const metadata = {
  name: 'all',
  labels: { a: 'b' },
  annotations: { c: 'd' },
  finalizers: ['example.com/x'],
  ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'o', uid: 'u' }],
};
const probe = {
  httpGet: { path: '/x', port: 'http', scheme: 'HTTP', httpHeaders: [{ name: 'X', value: 'y' }] },
  initialDelaySeconds: 1,
  periodSeconds: 2,
  timeoutSeconds: 3,
  successThreshold: 1,
  failureThreshold: 4,
  terminationGracePeriodSeconds: 5,
};
const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata,
  spec: {
    activeDeadlineSeconds: 30,
    automountServiceAccountToken: false,
    dnsPolicy: 'None',
    dnsConfig: { nameservers: ['1.2.3.4'], searches: ['a.b'], options: [{ name: 'ndots', value: '2' }] },
    hostAliases: [{ ip: '1.2.3.4', hostnames: ['a.b'] }],
    hostname: 'h',
    subdomain: 's',
    nodeSelector: { a: 'b' },
    priorityClassName: 'system-node-critical',
    preemptionPolicy: 'PreemptLowerPriority',
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 5,
    enableServiceLinks: false,
    shareProcessNamespace: true,
    schedulerName: 'x',
    readinessGates: [{ conditionType: 'a.b/c' }],
    os: { name: 'linux' },
    schedulingGates: [{ name: 'a.b/c' }],
    hostPID: false,
    securityContext: {
      runAsUser: 1,
      runAsGroup: 2,
      fsGroup: 3,
      fsGroupChangePolicy: 'Always',
      supplementalGroups: [4],
      supplementalGroupsPolicy: 'Merge',
      runAsNonRoot: true,
      sysctls: [{ name: 'kernel.shm_rmid_forced', value: '1' }],
      seccompProfile: { type: 'Localhost', localhostProfile: 'a.json' },
      seLinuxOptions: { level: 'x' },
      appArmorProfile: { type: 'RuntimeDefault' },
    },
    tolerations: [{ key: 'a', operator: 'Equal', value: 'b', effect: 'NoExecute', tolerationSeconds: 3 }],
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'z',
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'a', operator: 'In', values: ['b'] }] },
        minDomains: 2,
        nodeAffinityPolicy: 'Honor',
        nodeTaintsPolicy: 'Ignore',
        matchLabelKeys: ['x'],
      },
    ],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [
            {
              matchExpressions: [{ key: 'a', operator: 'Gt', values: ['1'] }],
              matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }],
            },
          ],
        },
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 5, preference: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } },
        ],
      },
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey: 'z', labelSelector: { matchLabels: { a: 'b' } }, namespaces: ['x'], namespaceSelector: {} },
        ],
      },
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 100, podAffinityTerm: { topologyKey: 'z', labelSelector: { matchLabels: { a: 'b' } } } },
        ],
      },
    },
    initContainers: [{ name: 'i', image: 'x', restartPolicy: 'Always', startupProbe: { exec: { command: ['a'] } } }],
    containers: [
      {
        name: 'c',
        image: 'x:1',
        imagePullPolicy: 'Always',
        command: ['a'],
        args: ['b'],
        workingDir: '/w',
        ports: [{ name: 'http', containerPort: 80, hostPort: 81, protocol: 'TCP', hostIP: '1.2.3.4' }],
        env: [
          { name: 'A', value: 'b' },
          { name: 'B', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.name' } } },
          { name: 'C', valueFrom: { configMapKeyRef: { name: 'x', key: 'y', optional: true } } },
          { name: 'D', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '1m', containerName: 'c' } } },
          { name: 'E', valueFrom: { secretKeyRef: { name: 'x', key: 'y' } } },
        ],
        envFrom: [{ prefix: 'X', configMapRef: { name: 'x' } }, { secretRef: { name: 'x', optional: false } }],
        resources: {
          requests: { cpu: '100m', memory: '1Mi' },
          limits: { cpu: '200m', memory: '2Mi', 'example.com/x': '1' },
        },
        resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'NotRequired' }],
        volumeMounts: [
          {
            name: 'cm',
            mountPath: '/m',
            subPath: 's',
            readOnly: true,
            mountPropagation: 'None',
            recursiveReadOnly: 'Disabled',
          },
          { name: 'e', mountPath: '/e', subPathExpr: '$(A)' },
        ],
        volumeDevices: [{ name: 'pvc', devicePath: '/dev/x' }],
        livenessProbe: probe,
        readinessProbe: { tcpSocket: { port: 80, host: 'h' } },
        startupProbe: { grpc: { port: 80, service: 's' } },
        lifecycle: { preStop: { sleep: { seconds: 1 } }, postStart: { exec: { command: ['x'] } } },
        terminationMessagePath: '/t',
        terminationMessagePolicy: 'File',
        securityContext: {
          privileged: false,
          allowPrivilegeEscalation: false,
          capabilities: { add: ['A'], drop: ['ALL'] },
          readOnlyRootFilesystem: true,
          procMount: 'Default',
          runAsUser: 5,
        },
        stdin: true,
        stdinOnce: true,
        tty: true,
      },
    ],
    volumes: [
      { name: 'e', emptyDir: { medium: 'Memory', sizeLimit: '1Mi' } },
      {
        name: 'cm',
        configMap: { name: 'x', items: [{ key: 'a', path: 'b', mode: 420 }], defaultMode: 292, optional: true },
      },
      { name: 's', secret: { secretName: 'x', items: [{ key: 'a', path: 'b' }] } },
      { name: 'd', downwardAPI: { items: [{ path: 'a', fieldRef: { fieldPath: 'metadata.labels' } }] } },
      {
        name: 'p',
        projected: {
          sources: [
            { serviceAccountToken: { path: 't', expirationSeconds: 3600, audience: 'x' } },
            { configMap: { name: 'x' } },
          ],
        },
      },
      { name: 'h', hostPath: { path: '/x', type: 'Directory' } },
      { name: 'pvc', persistentVolumeClaim: { claimName: 'x', readOnly: true } },
      { name: 'nfs', nfs: { server: 's', path: '/p' } },
      { name: 'csi', csi: { driver: 'd.e', volumeAttributes: { a: 'b' } } },
      { name: 'im', image: { reference: 'x', pullPolicy: 'Always' } },
      {
        name: 'eph',
        ephemeral: {
          volumeClaimTemplate: {
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
          },
        },
      },
    ],
  },
};
const svc = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata,
  spec: {
    selector: { a: 'b' },
    type: 'NodePort',
    ports: [
      { name: 'x', port: 80, targetPort: 'http', protocol: 'TCP', nodePort: 30080, appProtocol: 'a.b/c' },
      { name: 'y', port: 81, targetPort: 8080 },
    ],
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } },
    externalIPs: ['1.2.3.4'],
    externalTrafficPolicy: 'Local',
    internalTrafficPolicy: 'Cluster',
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    publishNotReadyAddresses: true,
    trafficDistribution: 'PreferClose',
  },
};
const crd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'foos.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'foos', singular: 'foo', kind: 'Foo', shortNames: ['fo'], categories: ['all'] },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                required: ['a'],
                properties: {
                  a: { type: 'string', pattern: '^a', maxLength: 5, default: 'a' },
                  b: {
                    type: 'array',
                    items: { type: 'object', properties: { k: { type: 'string' } }, required: ['k'] },
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['k'],
                  },
                  n: { type: 'integer', minimum: 1, enum: [1, 2] },
                },
                'x-kubernetes-validations': [
                  { rule: 'self.a.size() < 4', message: 'm', fieldPath: '.a', reason: 'FieldValueInvalid' },
                ],
              },
              status: { type: 'object' },
            },
          },
        },
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.n', statusReplicasPath: '.status.n', labelSelectorPath: '.status.s' },
        },
        additionalPrinterColumns: [{ name: 'A', type: 'string', jsonPath: '.spec.a', priority: 1 }],
        selectableFields: [{ jsonPath: '.spec.a' }],
      },
    ],
    conversion: { strategy: 'None' },
  },
};

const requiredTerm = (key: string): object => ({
  nodeSelectorTerms: [
    {
      matchExpressions: [{ key, operator: 'In', values: ['x'] }],
      matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }],
    },
  ],
});

/** Volumes with sources that are all valid, one each. */
const volumes = Object.entries({
  hostPath: { path: '/x', type: 'Directory' },
  gcePersistentDisk: { pdName: 'x', fsType: 'ext4', partition: 1, readOnly: true },
  awsElasticBlockStore: { volumeID: 'x', fsType: 'ext4', partition: 1 },
  glusterfs: { endpoints: 'x', path: '/x', endpointsNamespace: 'n' },
  flocker: { datasetName: 'x' },
  nfs: { server: 's', path: '/x', readOnly: true },
  rbd: { monitors: ['x'], image: 'x', secretRef: { name: 's', namespace: 'n' } },
  quobyte: { registry: 'a:1', volume: 'x', tenant: 't' },
  cephfs: { monitors: ['x'], secretRef: { name: 's', namespace: 'n' } },
  iscsi: {
    targetPortal: '1.2.3.4',
    iqn: 'iqn.2014-12.com.example:test',
    lun: 1,
    chapAuthSession: true,
    secretRef: { name: 's' },
    initiatorName: 'iqn.2014-12.com.example:test',
  },
  cinder: { volumeID: 'x', secretRef: { name: 's', namespace: 'n' } },
  fc: { targetWWNs: ['x'], lun: 1 },
  flexVolume: { driver: 'x', options: { 'a.kubernetes.io/x': 'b' } },
  azureFile: { secretName: 's', shareName: 'x', secretNamespace: 'n' },
  vsphereVolume: { volumePath: 'x' },
  photonPersistentDisk: { pdID: 'x' },
  portworxVolume: { volumeID: 'x' },
  azureDisk: { diskName: 'x', diskURI: 'https://x' },
  scaleIO: { gateway: 'g', system: 's', volumeName: 'v', secretRef: { name: 's' } },
  local: { path: '/x', fsType: 'ext4' },
  storageos: { volumeName: 'v', volumeNamespace: 'n', secretRef: { kind: 'x', name: 's', namespace: 'n' } },
  csi: {
    driver: 'a.example.com',
    volumeHandle: 'h',
    volumeAttributes: { a: 'b' },
    nodePublishSecretRef: { name: 's', namespace: 'n' },
    controllerExpandSecretRef: { name: 's', namespace: 'n' },
  },
}).map(([kind, source]): [string, Record<string, unknown>] => [
  `rich persistentvolume of ${kind}`,
  {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: 'all', annotations: { 'volume.beta.kubernetes.io/mount-options': 'ro' } },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      [kind]: source,
      ...(kind === 'hostPath' ? { persistentVolumeReclaimPolicy: 'Recycle', nfs: { server: 's', path: '/' } } : {}),
      ...(kind === 'local' || kind === 'csi'
        ? { nodeAffinity: { required: requiredTerm('beta.kubernetes.io/os') } }
        : {}),
      ...(kind === 'csi'
        ? {
            volumeAttributesClassName: 'x',
            claimRef: { namespace: 'n', name: 'c', uid: 'u' },
            mountOptions: ['ro'],
            storageClassName: 'c',
            volumeMode: 'Block',
          }
        : {}),
    },
  },
]);

const claim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { ...metadata, annotations: { 'volume.beta.kubernetes.io/storage-class': 'x' } },
  spec: {
    accessModes: ['ReadWriteOnce', 'ReadOnlyMany'],
    selector: { matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'In', values: ['d'] }] },
    resources: { requests: { storage: '1500m' }, limits: { storage: '2Gi' } },
    volumeName: 'v',
    storageClassName: 'c',
    volumeMode: 'Block',
    dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's' },
    dataSourceRef: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 's' },
    volumeAttributesClassName: 'x',
  },
  status: { phase: 'Bound', capacity: { storage: '1' } },
};

const claimOfOthers = {
  ...claim,
  metadata: { name: 'all' },
  spec: {
    accessModes: ['ReadWriteOncePod'],
    resources: { requests: { storage: '1Gi' } },
    dataSourceRef: { apiGroup: 'example.com', kind: 'Thing', name: 's', namespace: 'n' },
  },
};

const budget = {
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata,
  spec: {
    maxUnavailable: '150%',
    selector: {
      matchLabels: { a: 'b' },
      matchExpressions: [
        { key: 'c', operator: 'In', values: ['d'] },
        { key: 'pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match', operator: 'Exists' },
      ],
    },
    unhealthyPodEvictionPolicy: 'AlwaysAllow',
  },
  status: { disruptionsAllowed: 3, expectedPods: 2 },
};

export const richObjects: readonly [string, Record<string, unknown>][] = [
  ['rich pod', pod],
  ['rich service', svc],
  ['rich definition', crd],
  ...volumes,
  ['rich persistentvolumeclaim', claim],
  ['rich poddisruptionbudget', budget],
  ['rich poddisruptionbudget of both', { ...budget, spec: { ...budget.spec, minAvailable: 1, maxUnavailable: 1 } }],
  ['rich persistentvolumeclaim of others', claimOfOthers],
];
