// What kube-apiserver serves and Peapod does not, on purpose: docs/api.md names it.

const groups = ['autoscaling', 'batch', 'discovery.k8s.io'];
const resources = ['endpoints', 'replicationcontrollers', 'daemonsets', 'deployments', 'replicasets', 'statefulsets'];

const ofGroup = new RegExp(`(^|/apis/)(${groups.join('|').replaceAll('.', '\\.')})(/|$)`);
/** What Peapod has besides. */
const added = /(^|\/apis\/)settings\.k8s\.io(\/|$)/;
const ofResource = new RegExp(`(^|/)(${resources.join('|')})(/|$)`);
/** Each server has checks, logs and profiles of its own. */
const ownPath = /^\/((livez|readyz|healthz)\/|debug\/|logs$|statusz|flagz)/;

/** Of a path, a group, a resource or a subresource by its name. */
export const isUnserved = (name: string): boolean => ofGroup.test(name) || ofResource.test(name);

/** Of what Peapod serves, and kube-apiserver does not any more. */
export const isAdded = (name: string): boolean => added.test(name);

/** Of one of the paths that GET / lists. */
export const isOwnPath = (path: string): boolean => ownPath.test(path);
