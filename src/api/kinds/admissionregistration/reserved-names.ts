// Names that are kept for admission configurations from files. Follows pkg/apis/admissionregistration/validation/static_suffix.go of v1.36.

const suffix = '.static.k8s.io';

/** The warning for an object of such a name. */
export const reservedNameWarnings = (name = ''): string[] =>
  name.endsWith(suffix)
    ? [
        `metadata.name: names ending with "${suffix}" are reserved for static manifest-based configurations and cannot be managed via the API`,
      ]
    : [];
