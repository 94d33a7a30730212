// For tests: the flags of authentication and authorization as they are when none is given.
import type { AuthenticationFlags } from '../../cli/authentication-options.ts';

export const noFlags: AuthenticationFlags = {
  enableBootstrapTokenAuth: false,
  authenticationTokenWebhookVersion: 'v1beta1',
  authenticationTokenWebhookCacheTtl: '2m0s',
  oidcUsernameClaim: 'sub',
  oidcGroupsPrefix: '',
  oidcRequiredClaim: [],
  oidcSigningAlgs: [],
  requestheaderAllowedNames: [],
  requestheaderUsernameHeaders: [],
  requestheaderUidHeaders: [],
  requestheaderGroupHeaders: [],
  requestheaderExtraHeadersPrefix: [],
  serviceAccountIssuer: [],
  serviceAccountKeyFile: [],
  apiAudiences: [],
  authorizationMode: [],
};
