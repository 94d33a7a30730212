// The operations that are of no kind: discovery, the version, and what OpenID clients read.
import { apiVersionOf } from '../meta/types.ts';
import { groupTag, groupTitle, groupVersionPath, meta, objectTypes, type Operation, title } from './operation.ts';

const json = ['application/json'];

function document(
  path: string,
  id: string,
  tag: string,
  description: string,
  more: Partial<Pick<Operation, 'result' | 'consumes' | 'produces'>>,
): Operation {
  return {
    path,
    method: 'get',
    id,
    tag,
    description,
    action: 'get',
    gvk: undefined,
    parameters: [],
    body: undefined,
    consumes: objectTypes,
    result: undefined,
    produces: objectTypes,
    codes: [200],
    hasPretty: false,
    ...more,
  };
}

/** The discovery document of a group version, which each document lists first. */
export const resourcesOperation = (group: string, version: string): Operation =>
  document(
    `/${groupVersionPath(group, version)}/`,
    `get${groupTitle(group)}${title(version)}APIResources`,
    `${groupTag(group)}_${version}`,
    `get the resources of ${apiVersionOf({ group, version })}`,
    { result: `${meta}.APIResourceList` },
  );

/** Documents with one operation each, by the path behind /openapi/v3/: of these groups, and of the server itself. */
export function lonelyOperations(groups: Iterable<string>): Map<string, Operation> {
  const all = [
    document('/api/', 'getCoreAPIVersions', 'core', 'get the versions of the core group', {
      result: `${meta}.APIVersions`,
    }),
    document('/apis/', 'getAPIVersions', 'apis', 'get all groups', { result: `${meta}.APIGroupList` }),
    ...[...groups]
      .filter((group) => group !== '')
      .map((group) =>
        document(
          `/apis/${group}/`,
          `get${groupTitle(group)}APIGroup`,
          groupTag(group),
          `get the versions of ${group}`,
          {
            result: `${meta}.APIGroup`,
          },
        ),
      ),
    document('/version/', 'getCodeVersion', 'version', "get the server's version", {
      result: 'io.k8s.apimachinery.pkg.version.Info',
      consumes: json,
      produces: json,
    }),
    document(
      '/.well-known/openid-configuration/',
      'getServiceAccountIssuerOpenIDConfiguration',
      'WellKnown',
      "get what OpenID clients must know of service accounts' issuer",
      { consumes: [], produces: json },
    ),
    document(
      '/openid/v1/jwks/',
      'getServiceAccountIssuerOpenIDKeyset',
      'openid',
      "get the keys of service accounts' issuer",
      { consumes: [], produces: ['application/jwk-set+json'] },
    ),
  ];
  return new Map(all.map((operation) => [operation.path.slice(1, -1), operation]));
}
