// Text that stored objects have in common: what the embedded store compresses their values with.

/**
 * What LZ4 finds matches in before a value has any of its own: names of fields and values that most objects bear, the most frequent last.
 * It belongs to the layout on disk: a value can be read only with the very bytes that it was compressed with. So it is never changed;
 * a better one would need a layout of its own.
 * Its length is a multiple of 8, as lmdb leaves out what is beyond.
 */
export const dictionary = Buffer.from(
  [
    '"verbs":["create","delete","deletecollection","get","list","patch","update","watch"],"apiGroups":["rbac.authorization.k8s.io"],',
    '"resources":["configmaps","endpoints","persistentvolumeclaims","pods","secrets","serviceaccounts","services","deployments.apps"]',
    '"roleRef":{"apiGroup":"","kind":"ClusterRole","name":"system:"},"subjects":[{"kind":"ServiceAccount","name":"","namespace":"kube-system"}]',
    '"ownerReferences":[{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"","uid":"","controller":true,"blockOwnerDeletion":true}],',
    '"matchLabels":{"app.kubernetes.io/name":"","app.kubernetes.io/instance":"","app.kubernetes.io/managed-by":"Helm","pod-template-hash":"',
    '"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\\"apiVersion\\":\\"v1\\",\\"kind\\":\\"","finalizers":["kubernetes"],',
    '"involvedObject":{"kind":"Pod","namespace":"default","name":"","uid":"","apiVersion":"v1","resourceVersion":"","fieldPath":"spec.containers{',
    '"reason":"","message":"","source":{"component":"kubelet","host":""},"firstTimestamp":"","lastTimestamp":"","count":1,"type":"Normal",',
    '"eventTime":null,"reportingComponent":"kubelet","reportingInstance":"","f:count":{},"f:firstTimestamp":{},"f:involvedObject":{},',
    '"f:lastTimestamp":{},"f:message":{},"f:reason":{},"f:reportingComponent":{},"f:reportingInstance":{},"f:source":{"f:component":{},"f:host":{}},"f:type":{}',
    '"holderIdentity":"","leaseDurationSeconds":40,"renewTime":"","endpoints":[{"addresses":[""],"conditions":{"ready":true,"serving":true,"terminating":false},',
    '"targetRef":{"kind":"Pod","nodeName":"","ports":[{"name":"","containerPort":80,"protocol":"TCP","port":80,"targetPort":"http"}],',
    '"clusterIP":"","clusterIPs":[""],"type":"ClusterIP","sessionAffinity":"None","ipFamilies":["IPv4"],"ipFamilyPolicy":"SingleStack","internalTrafficPolicy":"Cluster"',
    '"livenessProbe":{"httpGet":{"path":"/healthz","port":8080,"scheme":"HTTP"},"initialDelaySeconds":10,"timeoutSeconds":1,"periodSeconds":10,',
    '"successThreshold":1,"failureThreshold":3},"readinessProbe":{"f:httpGet":{".":{},"f:path":{},"f:port":{},"f:scheme":{}},"f:timeoutSeconds":{},"f:periodSeconds":{},"f:successThreshold":{},"f:failureThreshold":{}',
    '"securityContext":{"runAsNonRoot":true,"allowPrivilegeEscalation":false,"readOnlyRootFilesystem":true,"capabilities":{"drop":["ALL"]},"seccompProfile":{"type":"RuntimeDefault"}}',
    '"command":["sh","-c"],"args":["--"],"env":[{"name":"","value":"","valueFrom":{"configMapKeyRef":{"secretKeyRef":{"name":"","key":"","fieldRef":{"apiVersion":"v1","fieldPath":"metadata.name"}}}],',
    '"resources":{"limits":{"cpu":"","memory":""},"requests":{"cpu":"100m","memory":"128Mi"}},"emptyDir":{},"configMap":{"name":"","defaultMode":420}},{"secret":{"secretName":"',
    '"volumes":[{"name":"kube-api-access-","projected":{"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}},{"configMap":{"name":"kube-root-ca.crt","items":[{"key":"ca.crt","path":"ca.crt"}]}},',
    '{"downwardAPI":{"items":[{"path":"namespace","fieldRef":{"apiVersion":"v1","fieldPath":"metadata.namespace"}}]}}],"defaultMode":420}}],',
    '"volumeMounts":[{"name":"kube-api-access-","readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount","recursiveReadOnly":"Disabled"}],',
    '"status":{"phase":"Running","conditions":[{"type":"PodReadyToStartContainers","observedGeneration":1,"status":"True","lastProbeTime":null,"lastTransitionTime":""},{"type":"Initialized",',
    '"status":"False","reason":"ContainersNotReady","message":"containers with unready status: []"},"hostIP":"","hostIPs":[{"ip":""}],"podIP":"","podIPs":[{"ip":""}],"startTime":"","qosClass":"Burstable"}',
    '"containerStatuses":[{"name":"","state":{"running":{"startedAt":""}},"lastState":{},"ready":true,"restartCount":0,"image":"","imageID":"sha256:","containerID":"containerd://","started":true,',
    '"manager":"kubelet","operation":"Update","apiVersion":"v1","time":"","fieldsType":"FieldsV1","fieldsV1":{"f:status":{"f:conditions":{',
    '"k:{\\"type\\":\\"PodReadyToStartContainers\\"}":{".":{},"f:lastProbeTime":{},"f:lastTransitionTime":{},"f:message":{},"f:reason":{},"f:observedGeneration":{},"f:status":{},"f:type":{}},',
    '"k:{\\"type\\":\\"Initialized\\"}":{".":{},"k:{\\"type\\":\\"PodScheduled\\"}":{".":{},"k:{\\"type\\":\\"ContainersReady\\"}":{".":{},"k:{\\"type\\":\\"Ready\\"}":{".":{},',
    '"f:containerStatuses":{},"f:hostIP":{},"f:hostIPs":{},"f:observedGeneration":{},"f:phase":{},"f:podIP":{},"f:podIPs":{".":{},"k:{\\"ip\\":\\"10.',
    '"f:startTime":{}}},"subresource":"status"}]},"spec":{"containers":[{"name":"","image":"","ports":[{"containerPort":8080,"protocol":"TCP"}],"resources":{},',
    '"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent"}],"restartPolicy":"Always",',
    '"terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","serviceAccountName":"default","serviceAccount":"default","automountServiceAccountToken":false,"nodeName":"","securityContext":{},"schedulerName":"default-scheduler",',
    '"tolerations":[{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":300},{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":300}],',
    '"priority":0,"enableServiceLinks":true,"preemptionPolicy":"PreemptLowerPriority"},"status":{"phase":"Pending","qosClass":"BestEffort"}}',
    '"managedFields":[{"manager":"kubectl","operation":"Update","apiVersion":"v1","time":"","fieldsType":"FieldsV1","fieldsV1":{"f:metadata":{"f:annotations":{".":{},"f:labels":{".":{},"f:app":{}},"f:ownerReferences":{".":{},"k:{\\"uid\\":\\"',
    '"f:spec":{"f:containers":{"k:{\\"name\\":\\"app\\"}":{".":{},"f:command":{},"f:args":{},"f:env":{".":{},"k:{\\"name\\":\\"":{".":{},"f:name":{},"f:value":{},"f:valueFrom":{}},"f:image":{},"f:imagePullPolicy":{},"f:name":{},',
    '"f:ports":{".":{},"k:{\\"containerPort\\":8080,\\"protocol\\":\\"TCP\\"}":{".":{},"f:containerPort":{},"f:protocol":{}}},"f:resources":{".":{},"f:limits":{".":{},"f:cpu":{},"f:memory":{}},"f:requests":{".":{},"f:cpu":{},"f:memory":{}}},',
    '"f:terminationMessagePath":{},"f:terminationMessagePolicy":{},"f:volumeMounts":{".":{},"k:{\\"mountPath\\":\\"/"}":{".":{},"f:mountPath":{},"f:readOnly":{}}},"f:automountServiceAccountToken":{},',
    '"f:dnsPolicy":{},"f:enableServiceLinks":{},"f:restartPolicy":{},"f:schedulerName":{},"f:securityContext":{},"f:serviceAccount":{},"f:serviceAccountName":{},"f:terminationGracePeriodSeconds":{},"f:volumes":{".":{}',
    '{"kind":"Pod","apiVersion":"v1","metadata":{"name":"","namespace":"default","uid":"","generation":1,"creationTimestamp":"2026-01-01T00:00:00Z","labels":{"app":"","annotations":{"k8s.',
  ].join(''),
);
